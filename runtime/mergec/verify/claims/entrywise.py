"""Laws of operators that pick, bound or count entry by entry."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.ops import number
from mergec.verify.claim import claim
from mergec.verify.evaluate import evaluate
from mergec.verify.law_case import Case, models
from mergec.verify.law_tensors import adversarial, coarse, dyadic, loaded, stored


@claim(symbols="|supp f(δ)| = min(k, max(0, |supp δ| − t)), k = max(1, ⌊density·n⌋), t = ⌊gamma·n⌋")
def crumb_count(case: Case) -> None:
    """The t largest entries are dropped and the k after them kept, as far as there are nonzeros."""
    sources = case.sources(["a", "base"], case.draw(st.sampled_from([coarse, adversarial])))
    params = case.params()
    operand = case.operands(["a"])[0]
    delta = case.run(operand, sources)
    found = case.run(case.call([operand], params), sources)
    density, gamma, n = number(params["density"]), number(params["gamma"]), delta.size
    k = max(1, density.numerator * n // density.denominator)
    t = min(gamma.numerator * n // gamma.denominator, max(n - k, 0))
    expected = min(k, max(0, np.count_nonzero(delta) - t))
    kept = found != 0
    case.require(np.count_nonzero(kept) == expected, f"{found} keeps not {expected} of {delta}")
    case.require(np.array_equal(found[kept], delta[kept]), f"{found} is not a part of {delta}")
    sizes = np.sort(np.abs(delta), axis=None)
    bound = sizes[n - 1 - t] if n else 0.0
    case.require(np.all(np.abs(found) <= bound), f"{found} keeps an outlier above {bound}")


@claim(symbols="|f(δ_1, …, δ_n)ⱼ| = maxᵢ |δᵢⱼ|")
def largest_magnitude(case: Case) -> None:
    """Each entry is an operand's, and none is larger."""
    labels = ("a", "b", "c")
    sources = case.sources([*labels, "base"], adversarial)
    deltas = [case.run(operand, sources) for operand in case.operands(labels)]
    found = case.run(case.call(case.operands(labels), case.params()), sources)
    largest = np.max(np.abs(deltas), axis=0)
    case.require(np.array_equal(np.abs(found), largest), f"{found} has not magnitudes {largest}")
    picked = np.any([found == delta for delta in deltas], axis=0)
    case.require(np.all(picked), f"{found} has an entry that no operand has")


@claim(symbols="|f(a, x; limit) − a| ≤ limit, f(a, x) between a and x")
def stays_within(case: Case) -> None:
    """No entry moves further than the limit, nor beyond the other operand's."""
    sources = case.sources(["a", "b"], dyadic)
    limit = Fraction(case.draw(st.integers(0, 64)), 16)
    found = case.run(case.call(models("ab"), case.params(limit=limit)), sources)
    a, b = sources.tensors["a"], sources.tensors["b"]
    moved = np.abs(found - a)
    case.require(np.all(moved <= float(limit)), f"{found} moves {a} by more than {limit}")
    reached = np.minimum(np.abs(b - a), float(limit))
    case.require(np.array_equal(moved, reached), f"{found} is not as near {b} as it may be")


@claim(symbols="k₁ ≤ k₂ ⇒ supp f(δ; k₂) ⊆ supp f(δ; k₁); kappa likewise")
def nested_consensus(case: Case) -> None:
    """Asking for more tasks, or for a larger share of each, keeps no further entry."""
    labels = ("a", "b", "c")
    sources = case.sources([*labels, "base"], dyadic)
    k = case.draw(st.integers(0, 3))
    kappa = case.draw(st.sampled_from([Fraction(1, 5), Fraction(2, 5), Fraction(1)]))
    kept = [
        case.run(case.call(case.operands(labels), case.params(k=k, kappa=kappa)), sources) != 0
        for k, kappa in ((k, kappa), (k + 1, kappa), (k, 2 * kappa))
    ]
    for stricter in kept[1:]:
        case.require(not np.any(stricter & ~kept[0]), f"{stricter} is not nested in {kept[0]}")


@claim(symbols="f(δ) = (alpha + beta·l/(L−1))·δ in layer l of L, alpha·δ elsewhere")
def by_depth(case: Case) -> None:
    """Each layer is scaled by its place; what stands outside the layers is by alpha."""
    count = case.draw(st.integers(1, 5))
    alpha, beta = (Fraction(case.draw(st.integers(-8, 8)), 8) for _ in range(2))
    layers = [f"model.layers.{i}.mlp.up_proj.weight" for i in range(count)]
    outside = ["model.embed_tokens.weight", "model.norm.weight"]
    drawn = case.sources(["a", "base"], dyadic, (Dtype.F64,), least=1)
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in ("a", "base"))
    call = case.call(case.operands(["a"]), {"alpha": alpha, "beta": beta}).text
    held = {
        label: {name: stored(x, Dtype.F64) for name in (*layers, *outside)}
        for label, x in drawn.tensors.items()
    }
    found = evaluate(f'{head}export delta {call} as "d"\n', held, case.backend)
    delta = drawn.tensors["a"] - drawn.tensors["base"]
    for i, name in enumerate(layers):
        factor = alpha + (beta * Fraction(i, count - 1) if count > 1 else 0)
        wanted = delta * float(factor)
        close = np.allclose(loaded(found[name]), wanted, rtol=1e-14, atol=0)
        case.require(close, f"layer {i} of {count} is not scaled by {factor}")
    for name in outside:
        case.require(
            np.array_equal(loaded(found[name]), delta * float(alpha)), f"`{name}` is not by alpha"
        )
