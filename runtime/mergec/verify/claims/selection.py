"""Laws of which entries an operator keeps, drops, elects or leaves alone."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.ir import Value
from mergec.ops import number
from mergec.verify.claim import claim
from mergec.verify.law_case import BASE, FLOATS, Case, Sources, Written, models
from mergec.verify.law_tensors import adversarial, coarse, dyadic, related, tenths


@claim(symbols="|supp f(δ)| = min(max(1, ⌊density·n⌋), |supp δ|)")
def support_count(case: Case) -> None:
    """Exactly k = max(1, ⌊density·n⌋) entries are kept, or all nonzeros if there are fewer."""
    sources = case.sources(["a", "base"], case.draw(st.sampled_from([coarse, adversarial])))
    params = case.params()
    operand = case.operands(["a"])[0]
    delta = case.run(operand, sources)
    found = case.run(case.call([operand], params), sources)
    n = delta.size
    k = max(1, number(params["density"]).numerator * n // number(params["density"]).denominator)
    kept, expected = found != 0, min(k, np.count_nonzero(delta))
    count = np.count_nonzero(kept)
    case.require(count == expected, f"{count} entries are kept, not {expected}", found=found)
    same = np.array_equal(found[kept], delta[kept])
    case.require(same, "a kept entry is another number", found=found, expected=delta)


@claim(symbols="f(f(x)) = f(x)")
def idempotent_map(case: Case) -> None:
    """Applied again to its own result, it changes nothing."""
    sources = case.sources(["a", "base"], adversarial)
    params = case.params()
    once = case.call(case.operands(["a"]), params)
    twice = case.call([once], params)
    case.require_same(case.run(twice, sources), case.run(once, sources), "the second time")


@claim(symbols="density₁ ≤ density₂ ⇒ supp f(δ; density₁) ⊆ supp f(δ; density₂)")
def nested_masks(case: Case) -> None:
    """What a smaller density keeps, a larger one keeps too."""
    sources = case.sources(["a", "base"], dyadic)
    densities = st.fractions(Fraction(1, 20), 1, max_denominator=20)
    low, high = sorted(case.draw(st.tuples(densities, densities)))
    seed: dict[str, Value] = {}
    if case.operator.parameter("seed") is not None:
        seed["seed"] = case.draw(st.integers(0, 2**64 - 1))
    few, more = (
        case.run(case.call(case.operands(["a"]), case.params(density=rho, **seed)), sources)
        for rho in (low, high)
    )
    case.require(
        not np.any((few != 0) & (more == 0)),
        f"{few} at {low} is not nested in {more} at {high}",
        found=few,
        expected=more,
    )


@claim(
    "what is kept at each of the parameter's values is kept at the next",
    "supp f(δ; p₁) ⊆ supp f(δ; p₂) ⊆ …",
)
def nested_in(case: Case) -> None:
    """The parameter is the one that the law gives a list of values."""
    ((name, values),) = ((k, v) for k, v in case.law.params.items() if isinstance(v, tuple))
    labels = ("a", "b", "c")[: case.operator.operands[1] or 3]
    sources = case.sources([*labels, "base"], case.draw(st.sampled_from([coarse, dyadic])))
    place = case.draw(st.integers(0, len(values) - 2))
    few, more = (
        case.run(case.call(case.operands(labels), case.params(**{name: value})), sources)
        for value in values[place : place + 2]
    )
    case.require(
        not np.any((few != 0) & (more == 0)),
        f"{few} at {name}={values[place]} is not nested in {more} at {values[place + 1]}",
        found=few,
        expected=more,
    )


@claim(
    "where the merged task vector is not zero it has the sign that the kept entries' sum has",
    "f(δ)ⱼ = 0 or sgn f(δ)ⱼ = sgn Σᵢ trim(δᵢ)ⱼ",
)
def sign_agreement(case: Case) -> None:
    """The sum is formed anew, of task vectors trimmed to the operator's density if it has one."""
    labels = ("a", "b", "c")
    kind = case.draw(st.sampled_from([coarse, dyadic, related]))
    sources = case.sources([*labels, "base"], kind, least=6)
    params = case.params()
    operands = case.operands(labels)
    found = case.run(case.call(operands, params), sources)
    density = params.get("density", Fraction(1))
    trimmed = [Written(f"trim({x.text}; density={density})", delta=True) for x in operands]
    total = sum(case.run(part, sources) for part in trimmed)
    agrees = (found == 0) | (np.sign(found) == np.sign(total))
    case.require(np.all(agrees), f"{found} disagrees with {total}", found=found)


@claim(
    "no entry of the result is larger than the largest of the task vectors there",
    "|f(δ₁, …, δₙ)ⱼ| ≤ maxᵢ |δᵢⱼ|",
)
def bounded_by_deltas(case: Case) -> None:
    """On numbers whose sums are exact, so that only the result is rounded."""
    labels = ("a", "b", "c")[: case.operator.operands[1] or 3]
    sources = case.sources([*labels, "base"], case.draw(st.sampled_from([coarse, dyadic, related])))
    operands = case.operands(labels)
    found = case.run(case.call(operands, case.params()), sources)
    largest = np.max([np.abs(case.run(operand, sources)) for operand in operands], axis=0)
    case.require(
        np.all(np.abs(found) <= largest),
        f"{found} exceeds {largest}",
        found=found,
        expected=largest,
    )


@claim(symbols="sgn f(δ_π1, …, δ_πn) = sgn f(δ_1, …, δ_n)")
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


@claim(symbols="f(δ)ⱼ = 0 ⇒ f(b; x)ⱼ = bⱼ")
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
