"""Claims that must be refuted, and faults that must be noticed: tests of the laws themselves."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import get_backend
from mergec.catalog import Dtype
from mergec.ir import Value
from mergec.ops import OPERATORS, Law, affine, agreeing_mean, drop, elect_sign, slerp, trim
from mergec.ops.select_top import kept_count
from mergec.ops.stage import Params, Site
from mergec.ops.threefry import Key, keep_mask, mask_key
from mergec.verify.evaluate import evaluate
from mergec.verify.law_tensors import loaded, stored
from mergec.verify.laws import LawViolation, check_law
from tests.laws.test_spec_goldens import EXACT, merged

REFERENCE = get_backend("reference")
HALF, ONE = Fraction(1, 2), Fraction(1)
THREE_TO_ONE = (Fraction(3), Fraction(1))


@pytest.mark.parametrize(
    ("operator", "law", "params"),
    [
        ("ties", "odd", {"density": ONE, "zero": "positive"}),
        ("ties", "odd", {"density": ONE, "zero": "majority"}),
        ("ties", "weight_scale_invariant", {"weights": THREE_TO_ONE, "agg": "mean"}),
        ("ties", "weight_scale_invariant", {"weights": THREE_TO_ONE, "agg": "sum"}),
        ("trim", "support_count", {"ties": "all"}),
        ("trim", "idempotent_map", {"rescale": "inv", "density": HALF}),
        ("dare", "unbiased", {"density": HALF, "rescale": "none"}),
        ("dare", "unbiased", {"density": HALF, "q": Fraction(1, 3)}),
        ("dare", "idempotent_map", {"density": HALF}),
        ("dare", "identity_at", {"density": HALF}),
        ("scale", "identity_at", {"by": Fraction(3, 2)}),
        ("scale", "idempotent_map", {"by": Fraction(3, 2)}),
        ("slerp", "permutation_invariant", {"t": Fraction(1, 4)}),
    ],
)
def test_false_claim_is_refuted(operator: str, law: str, params: dict[str, Value]) -> None:
    with pytest.raises(LawViolation):
        check_law(OPERATORS[operator], Law(law, params), REFERENCE, shrink=False, examples=500)


Patch = Callable[[pytest.MonkeyPatch], None]


def _keep_one_more(patch: pytest.MonkeyPatch) -> None:
    def one_more(density: Fraction, n: int) -> int:
        return min(kept_count(density, n) + 1, n)

    patch.setattr(trim, "kept_count", one_more)


def _keep_all_ties(patch: pytest.MonkeyPatch) -> None:
    def members(setting: trim.TrimSetting) -> int:
        return setting.search.members

    patch.setattr(trim.TrimSetting, "quota", property(members))


def _rank_ties_within_a_block(patch: pytest.MonkeyPatch) -> None:
    keep = vars(trim)["_keep"]

    def forgetful(xp: Any, x: Any, setting: Any, cursor: Any) -> Any:
        cursor.carry = 0
        return keep(xp, x, setting, cursor)

    patch.setattr(trim, "_keep", forgetful)


def _elect_plus_on_ties(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(vars(elect_sign)["_TIE"], "drop", 1.0)


def _elect_by_a_rounded_sum(patch: pytest.MonkeyPatch) -> None:
    def rounded(xp: Any, terms: Any, **_: Any) -> Any:
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    patch.setattr(elect_sign, "with_sign_of_sum", rounded)


def _weigh_with_rounded_ratios(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(agreeing_mean, "proportional", tuple)


def _add_zero_to_the_base(patch: pytest.MonkeyPatch) -> None:
    left_to_right = vars(affine)["_left_to_right"]

    def always(xp: Any, blocks: Any, terms: Any) -> Any:
        return left_to_right(blocks, (*terms.stored, *terms.computed))

    patch.setattr(affine, "add_terms", always)


def _store_each_product(patch: pytest.MonkeyPatch) -> None:
    times = vars(affine)["_times"]

    def narrow(x: Any, c: float) -> Any:
        return times(x, c).astype(ml_dtypes.bfloat16).astype(x.dtype)

    patch.setattr(affine, "_times", narrow)


def _floor_the_norms(patch: pytest.MonkeyPatch) -> None:
    angle = slerp.angle

    def floored(aa: float, bb: float, dd: float, ss: float, ab: float) -> float | None:
        return None if min(aa, bb) < 1e-6 else angle(aa, bb, dd, ss, ab)

    patch.setattr(slerp, "angle", floored)


def _drop_without_rescaling(patch: pytest.MonkeyPatch) -> None:
    def only_select(xp: Any, x: Any, mask: Any, _: Any) -> Any:
        return xp.where(mask, x, 0.0)

    patch.setattr(drop, "keep_rescaled", only_select)


def _draw_anew_for_each_density(patch: pytest.MonkeyPatch) -> None:
    def salted(xp: Any, key: Key, start: int, n: int, threshold: int) -> Any:
        return keep_mask(xp, (key[0] ^ threshold % 2**32, key[1]), start, n, threshold)

    patch.setattr(drop, "keep_mask", salted)


def _draw_anew_for_each_block(patch: pytest.MonkeyPatch) -> None:
    def restarted(xp: Any, key: Key, start: int, n: int, threshold: int) -> Any:
        return keep_mask(xp, key, 0, n, threshold)

    patch.setattr(drop, "keep_mask", restarted)


@pytest.mark.parametrize(
    ("fault", "operator", "law"),
    [
        (_keep_one_more, "trim", "support_count"),
        (_keep_all_ties, "trim", "support_count"),
        (_rank_ties_within_a_block, "trim", "block_invariant"),
        (_rank_ties_within_a_block, "ties", "block_invariant"),
        (_elect_plus_on_ties, "ties", "odd"),
        (_elect_by_a_rounded_sum, "ties", "exact_election"),
        (_weigh_with_rounded_ratios, "ties", "weight_scale_invariant"),
        (_add_zero_to_the_base, "ties", "untouched_keeps_base"),
        (_store_each_product, "linear", "idempotent"),
        (_floor_the_norms, "slerp", "scale_equivariant"),
        (_drop_without_rescaling, "dare", "unbiased"),
        (_draw_anew_for_each_density, "dare", "nested_masks"),
        (_draw_anew_for_each_block, "dare", "block_invariant"),
    ],
)
def test_fault_breaks_a_declared_law(
    fault: Patch, operator: str, law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    claims = [claim for claim in OPERATORS[operator].laws if claim.name == law]
    assert [claim for claim in claims if is_refuted(operator, claim)]


def is_refuted(operator: str, claim: Law) -> bool:
    try:
        check_law(OPERATORS[operator], claim, REFERENCE, shrink=False)
    except LawViolation:
        return True
    return False


def _elect_by_count(patch: pytest.MonkeyPatch) -> None:
    prepare = elect_sign.ElectSign.prepare

    def counting(stage: elect_sign.ElectSign, params: Params, site: Site) -> object:
        return prepare(stage, {**params, "elect": "count"}, site)

    patch.setattr(elect_sign.ElectSign, "prepare", counting)


def _forget_the_label(patch: pytest.MonkeyPatch) -> None:
    def of_nobody(seed: int, role: str, label: str, tensor: str) -> Key:
        return mask_key(seed, role, "", tensor)

    patch.setattr(drop, "mask_key", of_nobody)


@pytest.mark.parametrize(
    ("fault", "golden"),
    [
        (_elect_by_count, "G6a"),
        (_forget_the_label, "dare sum"),
        (_keep_one_more, "G5a"),
        (_keep_all_ties, "G5b"),
        (_elect_plus_on_ties, "G6a"),
        (_drop_without_rescaling, "dare sum"),
    ],
)
def test_fault_breaks_a_golden(fault: Patch, golden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expression, expected = EXACT[golden]
    assert merged(expression, Dtype.F32, "reference").tolist() == expected
    fault(monkeypatch)
    assert merged(expression, Dtype.F32, "reference").tolist() != expected


X = np.array([1.5, -2.0, 0.5, 3.0])
Y = np.array([-0.5, 1.0, 2.0, 0.25])
Z = np.array([1.0, 0.0, -1.0, 0.5])


def test_slerp_does_not_commute_with_translation() -> None:
    of_models = run("slerp(a, b; t=1/4)", a=X, b=Y)
    of_deltas = run("c + slerp(a - c, b - c; t=1/4)", a=X, b=Y, c=Z)
    assert not np.allclose(of_models, of_deltas, rtol=1e-3)


def test_raw_slerp_of_unequal_norms_is_no_walk_along_one_arc() -> None:
    def twice(norm: str) -> NDArray[Any]:
        return run(f"slerp(a, slerp(a, b; t=1/2, norm={norm}); t=1/2, norm={norm})", a=X, b=10 * Y)

    raw = run("slerp(a, b; t=1/4)", a=X, b=10 * Y)
    polar = run("slerp(a, b; t=1/4, norm=polar)", a=X, b=10 * Y)
    assert not np.allclose(twice("raw"), raw, rtol=1e-3)
    np.testing.assert_allclose(twice("polar"), polar, rtol=1e-12)


def test_the_support_of_ties_does_not_grow_with_the_density() -> None:
    zero, a, b = np.zeros(2), np.array([3.0, 4.0]), np.array([-3.0, 1.0])
    few = run("z + ties(a - z, b - z; density=1/2, agg=sum)", a=a, b=b, z=zero)
    more = run("z + ties(a - z, b - z; density=1, agg=sum)", a=a, b=b, z=zero)
    assert few.tolist() == [-3.0, 4.0]
    assert more.tolist() == [0.0, 5.0]


def run(expression: str, **sources: NDArray[Any]) -> NDArray[Any]:
    """The value of an expression over f64 sources."""
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in sources)
    held = {label: {"w": stored(x, Dtype.F64)} for label, x in sources.items()}
    return loaded(evaluate(f"{head}child = {expression}\n", held, REFERENCE)["w"])
