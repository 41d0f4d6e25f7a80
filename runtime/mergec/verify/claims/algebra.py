"""Laws of what an operator does to values: identities, symmetries, scaling, streaming."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.ops import MassRule, number, numbers
from mergec.verify.claim import claim
from mergec.verify.law_case import BASE, FLOATS, Case, Sources, models
from mergec.verify.law_tensors import (
    Elements,
    Floats,
    adversarial,
    coarse,
    directional,
    dyadic,
    long_arrays,
    related,
    rounded,
    tame,
)

_THREE = ("a", "b", "c")
# Smaller than any hidden absolute constant, and far from underflow in bf16, f32 and f64.
_TINY = 2.0**-20
# Two whole blocks of the smallest size and a part of a third.
_LONG = 2 * 2**16 + 8929


@claim(symbols="f(x, …, x; w) = x")
def idempotent(case: Case) -> None:
    """Copies of one tensor merge to that tensor; with f64, whose work dtype is no wider, nearly."""
    (x,) = case.sources(["a"], adversarial).tensors.values()
    labels = "abcde"[: case.draw(st.integers(1, 5))]
    dtype = case.draw(st.sampled_from([d for d in FLOATS if _holds(x, d)]))
    weights = case.draw(st.lists(st.integers(1, 9), min_size=len(labels), max_size=len(labels)))
    sources = Sources(dtype, dict.fromkeys(labels, x))
    weighed = case.operator.parameter("weights") is not None
    params = case.params(**({"weights": tuple(map(Fraction, weights))} if weighed else {}))
    found = case.run(case.call(case.operands(labels), params), sources)
    if dtype is Dtype.F64:
        case.require(np.allclose(found, x, rtol=2.0**-50, atol=2.0**-1070), "near the copy")
    else:
        case.require_same(found, x, "the copy")


@claim(symbols="f(x) = x")
def single_operand_identity(case: Case) -> None:
    """One operand alone is the result, bit for bit."""
    sources = case.sources(["a", "base"], adversarial)
    found = case.run(case.call(case.operands(["a"]), case.params()), sources)
    case.require_same(found, _bare(case, sources), "the operand")


@claim(symbols="f(x) = x")
def identity_at(case: Case) -> None:
    """At these parameters the operand comes out as it went in, bit for bit."""
    single_operand_identity(case)


@claim(symbols="f(x_π1, …, x_πn; w_π) = f(x_1, …, x_n; w)")
def permutation_invariant(case: Case) -> None:
    """The order of operands says nothing; nor, where sums are exact, do their labels."""
    count = case.draw(st.sampled_from([2] if case.operator.operands[1] == 2 else [2, 4]))
    labels = tuple("abcd"[:count])
    order = case.draw(st.permutations(labels))
    kind = case.draw(st.sampled_from([dyadic, coarse, related]))
    sources = case.sources([*labels, "base"], kind)
    base = [BASE] if case.operator.mass is MassRule.CONSENSUS else []
    plain = case.call([*base, *models(labels)], case.params())
    again = case.run(plain, sources.relabelled(order))
    case.require_same(case.run(plain, sources), again, "other labels")
    if case.operator.parameter("weights") is None:
        return
    weights = tuple(Fraction(i + 1) for i in range(count))
    moved = tuple(weights[labels.index(label)] for label in order)
    written = case.call([*base, *models(labels)], case.params(weights=weights))
    permuted = case.call([*base, *models(order)], case.params(weights=moved))
    case.require_same(case.run(written, sources), case.run(permuted, sources), "the other order")


@claim(symbols="f(x; c·w) = f(x; w)")
def weight_scale_invariant(case: Case) -> None:
    """Only the ratios of the weights count."""
    weights = case.law.params["weights"]
    assert isinstance(weights, tuple)
    labels = _THREE[: len(weights)]
    sources = case.sources([*labels, "base"], adversarial, least=4)
    factor = case.draw(st.sampled_from([Fraction(2), Fraction(1, 3), Fraction(1, 10)]))
    scaled = tuple(w * factor for w in numbers(weights, len(labels)))
    first = case.call(case.operands(labels), case.params())
    second = case.call(case.operands(labels), case.params(weights=scaled))
    case.require_same(case.run(first, sources), case.run(second, sources), "scaled weights")


@claim(symbols="f(−x) = −f(x)")
def odd(case: Case) -> None:
    """Negated deltas give the negated result; zeros are equal whatever their sign."""
    labels = _labels(case)
    sources = case.sources([*labels, "base"], case.draw(_kinds()))
    params = case.params()
    found = case.run(case.call(case.operands(labels), params), sources)
    mirrored = case.run(case.call(case.operands(labels, sign="-"), params), sources)
    case.require(np.array_equal(found, -mirrored), f"{found} is not the negative of {mirrored}")


@claim(symbols="f(2⁻²⁰·x) = 2⁻²⁰·f(x)")
def scale_equivariant(case: Case) -> None:
    """2^-20 times the sources is 2^-20 times the result: no hidden absolute constant."""
    labels = _labels(case)
    dtypes = (Dtype.BF16, Dtype.F32, Dtype.F64)
    kind = case.draw(st.sampled_from([coarse, tame, directional]))
    sources = case.sources([*labels, "base"], kind, dtypes)
    with_base = case.operator.mass is MassRule.CONSENSUS
    operands = [BASE, *models(labels)] if with_base else case.operands(labels)
    text = case.call(operands, case.params())
    found = case.run(text, sources.scaled(_TINY))
    case.require_same(found, case.run(text, sources) * _TINY, "the scaled result")


@claim(symbols="f(a, b; t=0) = a, f(a, b; t=1) = b")
def endpoints(case: Case) -> None:
    """T = 0 gives the first operand and t = 1 the second, bit for bit."""
    sources = case.sources(["a", "b"], adversarial)
    for t, label in ((Fraction(0), "a"), (Fraction(1), "b")):
        found = case.run(case.call(models("ab"), case.params(t=t)), sources)
        case.require_same(found, sources.tensors[label], f"`{label}` at t = {t}")


@claim(symbols="f(a, b; t) = f(b, a; 1−t)")
def reversal(case: Case) -> None:
    """Operands exchanged and t reversed: the same path walked from the other end."""
    sources = case.sources(["a", "b"], case.draw(_kinds()))
    params = case.params()
    back = {**params, "t": 1 - number(params["t"])}
    found = case.run(case.call(models("ab"), params), sources)
    case.require_same(found, case.run(case.call(models("ba"), back), sources), "the way back")


@claim(symbols="f computed in blocks of 2¹⁶, 2¹⁷ and 2¹⁸ elements has one value", examples=2)
def block_invariant(case: Case) -> None:
    """The result depends on nothing but the data: not on how many elements a block has."""
    dtype = case.draw(st.sampled_from([Dtype.BF16, Dtype.F32]))
    labels = _labels(case)
    made = long_arrays(dtype, len(labels) + 1, _LONG, case.draw(st.integers(0, 2**16)))
    sources = Sources(dtype, dict(zip([*labels, "base"], made, strict=True)))
    text = case.call(case.operands(labels), case.params())
    smallest = case.run(text, sources, block=2**16)
    for block in (2**17, 2**18):
        case.require_same(case.run(text, sources, block=block), smallest, f"blocks of {block}")


def _labels(case: Case) -> tuple[str, ...]:
    """As many operands as the operator takes, three at most."""
    most = case.operator.operands[1]
    return _THREE if most is None else _THREE[:most]


def _bare(case: Case, sources: Sources) -> Floats:
    """The first operand as it is."""
    return case.run(case.operands(["a"])[0], sources)


def _kinds() -> st.SearchStrategy[Elements]:
    return st.sampled_from([coarse, adversarial, directional])


def _holds(x: Floats, dtype: Dtype) -> bool:
    """Whether `dtype` holds every element of `x` exactly."""
    return rounded(x.tolist(), dtype).tobytes() == x.tobytes()
