"""Laws of which entries an operator keeps, drops, elects or leaves alone."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.ops import number
from mergec.verify.law_case import BASE, FLOATS, Case, Sources, models
from mergec.verify.law_tensors import adversarial, coarse, dyadic, tenths

_MANY = 4096
_SIGMAS = 6.0


def support_count(case: Case) -> None:
    """Exactly k = max(1, ⌊density·n⌋) entries are kept, or all nonzeros if there are fewer."""
    sources = case.sources(["a", "base"], case.draw(st.sampled_from([coarse, adversarial])))
    params = case.params()
    operand = case.operands(["a"])[0]
    delta = case.run(operand, sources)
    found = case.run(case.call([operand], params), sources)
    n = len(delta)
    k = max(1, number(params["density"]).numerator * n // number(params["density"]).denominator)
    expected = min(k, np.count_nonzero(delta))
    case.require(
        np.count_nonzero(found) == expected, f"{found} keeps not {expected} entries of {delta}"
    )
    kept = found != 0
    case.require(np.array_equal(found[kept], delta[kept]), f"{found} is not a part of {delta}")


def idempotent_map(case: Case) -> None:
    """Applied again to its own result, it changes nothing."""
    sources = case.sources(["a", "base"], adversarial)
    params = case.params()
    once = case.call(case.operands(["a"]), params)
    twice = case.call([once], params)
    case.require_same(case.run(twice, sources), case.run(once, sources), "the second time")


def nested_masks(case: Case) -> None:
    """What a smaller density keeps, a larger one keeps too."""
    sources = case.sources(["a", "base"], dyadic)
    densities = st.fractions(Fraction(1, 20), 1, max_denominator=20)
    low, high = sorted(case.draw(st.tuples(densities, densities)))
    seed = case.draw(st.integers(0, 2**64 - 1))
    few, more = (
        case.run(case.call(case.operands(["a"]), case.params(density=rho, seed=seed)), sources)
        for rho in (low, high)
    )
    case.require(
        not np.any((few != 0) & (more == 0)), f"{few} at {low} is not nested in {more} at {high}"
    )


def unbiased(case: Case) -> None:
    """Kept entries are δ/density, and as many are kept as the density says, within 6 σ."""
    params = case.params(seed=case.draw(st.integers(0, 2**64 - 1)))
    density = float(number(params["density"]))
    delta = np.arange(1, _MANY + 1) % 32 + 1.0
    sources = Sources(Dtype.F32, {"a": delta, "base": np.zeros(_MANY)})
    found = case.run(case.call(case.operands(["a"]), params), sources)
    kept = found != 0
    case.require(np.array_equal(found[kept], (delta / density)[kept]), "a kept entry is δ/density")
    spread = _SIGMAS * float(np.sqrt(_MANY * density * (1 - density)))
    count = int(np.count_nonzero(kept))
    case.require(abs(count - density * _MANY) <= spread, f"{count} of {_MANY} are kept")


def exact_election(case: Case) -> None:
    """Elected signs are those of the exact sums, so no exchange of labels changes one."""
    labels = ("a", "b", "c", "d")[: case.draw(st.integers(3, 4))]
    order = case.draw(st.permutations(labels))
    elements = case.draw(st.sampled_from([tenths, adversarial]))
    drawn = case.sources(labels, elements, (Dtype.F64, Dtype.BF16), least=8)
    # A base of zeros leaves the deltas as they were drawn, near cancellations and all.
    sources = Sources(drawn.dtype, {**drawn.tensors, "base": 0.0 * drawn.tensors["a"]})
    text = case.call(case.operands(labels), case.params())
    first, second = case.run(text, sources), case.run(text, sources.relabelled(order))
    case.require(
        np.array_equal(np.sign(first), np.sign(second)), f"{first} and {second} differ in sign"
    )


def untouched_keeps_base(case: Case) -> None:
    """Where the merged delta is zero the base's bits remain, -0 included."""
    labels = ("a", "b", "c")
    sources = case.sources([*labels, "base"], coarse, FLOATS)
    params = case.params()
    merged = case.run(case.call([BASE, *models(labels)], params), sources)
    untouched = case.run(case.call(case.operands(labels), params), sources) == 0
    case.require_same(
        merged[untouched], sources.tensors["base"][untouched], "entries that nobody moves"
    )
