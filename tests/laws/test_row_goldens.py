"""The golden values of operators that look at rows, columns and blocks, on every backend."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mergec.backends import Backend
from mergec.catalog import Dtype
from mergec.diagnostics import MergecError, SourceText
from mergec.ir import Value
from mergec.ops import Cursor, Site
from mergec.ops.arcee_fusion import STAGE as ARCEE_FUSION
from mergec.ops.arcee_fusion import importance
from mergec.ops.drop_by_rank import STAGE as DROP_BY_RANK
from mergec.ops.drop_by_rank import keep_probability
from mergec.ops.groups import Groups
from mergec.ops.weigh_columns import Weighing, column_weights
from mergec.plan import check_text
from mergec.verify.evaluate import evaluate, exports_a_delta
from mergec.verify.exact_value import exact
from mergec.verify.law_tensors import loaded, stored
from tests.ops.fixture_f6 import BASE, A, B, C
from tests.ops.stage_runner import installed_backends

Floats = NDArray[Any]
on_every_backend = pytest.mark.parametrize("backend", installed_backends())
dtypes = pytest.mark.parametrize("dtype", [Dtype.F64, Dtype.F32, Dtype.BF16], ids=lambda d: d.word)

F6 = {"base": BASE, "A": BASE + A, "B": BASE + B, "C": BASE + C}
MATRICES = {label: x.reshape(2, 3) for label, x in F6.items()}
RAISE = np.array([[0, 0, 0], [1, 0, 0]])
RAISED = {label: x + RAISE for label, x in MATRICES.items()}
DELTAS = "A - base, B - base, C - base"


@on_every_backend
@dtypes
@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("1, 0, 0", [0.5, 0, 0, 0.375, 0, 0]),
        ("0, 1, 0", [0, 0.375, 0, 0, 0.5, 0]),
        ("0, 0, 1", [0, 0, 0.125, 0, 0, 0.1875]),
    ],
    ids=["G17a", "G17b", "G17c"],
)
def test_cabs(backend: Backend, dtype: Dtype, weights: str, expected: list[float]) -> None:
    found = merged(f"cabs({DELTAS}; n=1, m=3, weights=[{weights}])", F6, backend, dtype)
    assert found.tolist() == expected


@on_every_backend
@dtypes
def test_nuslerp(backend: Backend, dtype: Dtype) -> None:
    """G3h."""
    expected = [
        *(1.44365406469, -1.94502195817, 0.632713246398),
        *(-0.164934125476, 2.71181634446, -0.695705904919),
    ]
    found = merged("base + nuslerp(A - base, C - base; weights=[3, 1])", F6, backend, dtype)
    _near(found, expected, dtype)


@on_every_backend
def test_nearly_opposite_operands_of_nuslerp_are_no_multiple(backend: Backend) -> None:
    with pytest.raises(MergecError) as caught:
        merged("nuslerp(A - base, 2*(base - A))", F6, backend, Dtype.F32)
    assert [found.code for found in caught.value.diagnostics] == ["E808"]


def test_keep_probabilities() -> None:
    """G7c."""
    site: Mapping[str, Value] = {"density": Fraction(1, 2), "epsilon": Fraction(1, 4)}
    found = DROP_BY_RANK.keep_probabilities(site, (6,), A.tolist())
    assert [float(q) for q in found] == [0.75, 0.45, 0.25, 0.65, 0.55, 0.35]
    assert sum(found) == 3


@on_every_backend
def test_della_with_an_injected_mask(backend: Backend) -> None:
    """G7d."""
    params: dict[str, Value] = {
        **{"density": Fraction(1, 2), "epsilon": Fraction(1, 4), "seed": 0},
        **{"label": "A", "role": "dare", "rescale": "per_element"},
    }
    mask = (True, False, True, True, False, True)
    site = Site("w", (6,), Dtype.F64, (None,))
    setting = DROP_BY_RANK.with_mask(DROP_BY_RANK.prepare(params, site), mask)
    block = DROP_BY_RANK.apply(backend.xp, [_block(backend, A)], setting, Cursor())
    found = np.array(backend.xp.host(block))
    _near(found, [0.666666666667, 0, 0, 0.576923076923, 0, 0.178571428571], Dtype.F64)


@on_every_backend
def test_arcee_importance(backend: Backend) -> None:
    """G12a."""
    base, changed = (_block(backend, x) for x in (BASE, BASE + A))
    found = backend.xp.host(importance(backend.xp, base, changed, 3))
    expected = [
        *(0.0140979515758, 0.00352448789395, 0),
        *(0.00498447986306, 0.00332298657537, 0.000830746643843),
    ]
    np.testing.assert_allclose(found, expected, rtol=5e-12, atol=0)


@on_every_backend
def test_arcee_threshold(backend: Backend) -> None:
    """G12b: the threshold."""
    setting = ARCEE_FUSION.prepare(
        {"reach": Fraction(3, 2)}, Site("w", (2, 3), Dtype.F64, (None, None))
    )
    blocks = [_block(backend, x) for x in (BASE, BASE + A)]
    for _ in range(4):
        setting = ARCEE_FUSION.combine(
            ARCEE_FUSION.observe(backend.xp, None, blocks, setting), setting
        )
    assert setting.threshold == pytest.approx(0.00736359845053, rel=5e-12)


@on_every_backend
@dtypes
def test_arcee_fusion(backend: Backend, dtype: Dtype) -> None:
    """G12b: the output."""
    found = merged("arcee_fusion(base, A)", MATRICES, backend, dtype)
    assert found.tolist() == [[1.5, -2, 0.5], [0, 3, -1]]


@on_every_backend
def test_widen_scores(backend: Backend) -> None:
    """G13a."""
    setting = Weighing(Fraction(1), 1.0, None, Site("w", (2, 3), Dtype.F64, (None,) * 3))
    blocks = [_block(backend, x) for x in (RAISED["base"], A, B)]
    groups = Groups(3, columns=True)
    found = column_weights(backend.xp, blocks[0], blocks[1:], setting, groups)
    expected = [[0.791285103231, 0.75, 0.419621815617], [0.708714896769, 0.458714896769, 0.75]]
    np.testing.assert_allclose(found, expected, rtol=5e-12, atol=0)


@on_every_backend
@dtypes
def test_widen(backend: Backend, dtype: Dtype) -> None:
    """G13b."""
    found = merged("widen(base, A, B)", RAISED, backend, dtype)
    expected = [
        [1.48423191371, -1.92173191371, 0.3125],
        [1.5625, 3.04185744838, -1.02064863652],
    ]
    _near(found, expected, dtype)


def test_a_row_of_one_entry_is_kept_with_the_density() -> None:
    assert keep_probability(Fraction(3, 10), Fraction(1, 5), 0, 1) == Fraction(3, 10)


OF_THE_ORACLE = [
    *(f"cabs({DELTAS}; n=1, m=3, weights=[{w}])" for w in ("1, 0, 0", "0, 1, 0", "0, 0, 1")),
    "cabs(base, C, B, A; n=2, m=4, weights=[1, 1/2, 2])",
    "base + nuslerp(A - base, C - base; weights=[3, 1])",
    "nuslerp(A, B; axis=in)",
    "nuslerp(A, B; weights=[1, 3], axis=out, norm=polar)",
    *(f"della(A - base; density=1/2, epsilon=1/4, seed={seed})" for seed in (1, 2)),
    "della(B - base; density=1/2, epsilon=1/3, rescale=l1)",
    "della(B - base; density=1/2, epsilon=0, rescale=none)",
    "arcee_fusion(base, A)",
    "arcee_fusion(B, C; reach=1/4)",
    "widen(base, A, B)",
    "widen(base, A, B, C; axis=in, value=1/2, ratio=1/2)",
]


@on_every_backend
@pytest.mark.parametrize("on", [F6, RAISED], ids=["vectors", "matrices"])
@pytest.mark.parametrize("expression", OF_THE_ORACLE)
def test_the_oracle_agrees(expression: str, on: Mapping[str, Floats], backend: Backend) -> None:
    text, used = spec(expression, on)
    graph = check_text(SourceText("golden.merge", text)).graph
    values = {label: x.reshape(-1).tolist() for label, x in used.items()}
    wanted = exact(graph, values, shapes={label: x.shape for label, x in used.items()})
    found = merged(expression, on, backend, Dtype.F64).reshape(-1)
    np.testing.assert_allclose(found, [float(x) for x in wanted], rtol=1e-12, atol=1e-14)


def spec(expression: str, sources: Mapping[str, Floats]) -> tuple[str, Mapping[str, Floats]]:
    """The text of a golden's spec, and those of the sources that it names."""
    used = [label for label in sources if re.search(rf"\b{label}\b", expression)]
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in used)
    text = f"{head}result = {expression}\n"
    kind = "delta " if exports_a_delta(text) else ""
    return f"{text}export {kind}result\n", {label: sources[label] for label in used}


def merged(
    expression: str, sources: Mapping[str, Floats], backend: Backend, dtype: Dtype
) -> Floats:
    """The value of an expression over sources stored in `dtype`."""
    text, used = spec(expression, sources)
    held = {label: {"w": stored(x, dtype)} for label, x in used.items()}
    return loaded(evaluate(text, held, backend)["w"])


def _block(backend: Backend, x: Floats) -> Any:
    """A block in float64."""
    return backend.load(memoryview(x.astype(np.float64).tobytes()), Dtype.F64, Dtype.F64)


def _near(found: Floats, expected: Sequence[Any], dtype: Dtype) -> None:
    near = {Dtype.F64: 5e-12, Dtype.F32: 2.0**-23, Dtype.BF16: 2.0**-7}[dtype]
    np.testing.assert_allclose(found, expected, rtol=near, atol=1e-14)
