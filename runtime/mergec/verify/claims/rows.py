"""Laws of operators that look at rows, columns or blocks, or take whole entries of an operand."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from mergec.catalog import Dtype
from mergec.ops import numbers
from mergec.verify.claim import claim
from mergec.verify.every_mask import outcomes
from mergec.verify.law_case import BASE, Case, Sources, models
from mergec.verify.law_tensors import (
    Elements,
    Floats,
    adversarial,
    coarse,
    directional,
    dyadic,
    matrices,
    related,
    stored,
    tame,
)

_TINY = 2.0**-20
# How operators name what goes along a row, or down a column.
_DOWN = {"column", "out"}


class _Cut(NamedTuple):
    """How tensors part into groups, and the parameters that say so."""

    names: frozenset[str]
    down: bool


@claim(symbols="f(A, B; scope=row)ᵢ = f(Aᵢ, Bᵢ; scope=tensor)")
def group_by_group(case: Case) -> None:
    """Each row, or column, of a matrix comes out as it does as a tensor of its own, bit for bit."""
    cut = _cut(case)
    sources = case.sources(["a", "b"], case.draw(_kinds()), shape=matrices())
    params = case.params()
    whole = case.run(case.call(models("ab"), params), sources)
    alone = {name: value for name, value in params.items() if name not in cut.names}
    for i in range(whole.shape[1 if cut.down else 0]):
        parts = {label: _part(x, i, down=cut.down) for label, x in sources.tensors.items()}
        found = case.run(case.call(models("ab"), alone), Sources(sources.dtype, parts))
        case.require_same(_part(whole, i, down=cut.down), found, f"group {i} by itself")


@claim(symbols="f(a, b)ⱼ ∈ {aⱼ, bⱼ}")
def selects(case: Case) -> None:
    """Every entry of the result is that of one of the operands, bit for bit."""
    sources = case.sources(["a", "b"], case.draw(st.sampled_from([adversarial, tame])))
    found = case.run(case.call(models("ab"), case.params()), sources)
    same = [_equal_bits(found, sources.tensors[label]) for label in "ab"]
    case.require(np.all(same[0] | same[1]), f"{found} has an entry of neither operand")


@claim(symbols="f(b; x₁, x₂) = f(b; x₂, x₁)")
def exchangeable(case: Case) -> None:
    """Two models, whose sum has no order, are exchanged under their labels, bit for bit."""
    kind = case.draw(st.sampled_from([coarse, tame, adversarial]))
    sources = case.sources(["a", "b", "base"], kind)
    text = case.call([BASE, *models("ab")], case.params())
    found = case.run(text, sources.relabelled(("b", "a")))
    case.require_same(found, case.run(text, sources), "the models exchanged")


@claim(symbols="f(2⁻²⁰·x) = 2⁻²⁰·f(x) for matrices")
def matrix_scale_equivariant(case: Case) -> None:
    """2^-20 times the matrices is 2^-20 times the result: no hidden absolute constant."""
    labels = ("a", "b")
    dtypes = (Dtype.BF16, Dtype.F32, Dtype.F64)
    kind = case.draw(st.sampled_from([coarse, tame]))
    sources = case.sources([*labels, "base"], kind, dtypes, shape=matrices())
    text = case.call([BASE, *models(labels)], case.params())
    found = case.run(text, sources.scaled(_TINY))
    case.require_same(found, case.run(text, sources) * _TINY, "the scaled result")


@claim(symbols="supp f(δ) = the n largest |δ| of every m entries")
def n_of_every_m(case: Case) -> None:
    """Of every m entries the n largest are kept, the first among equals, or all nonzero ones."""
    n, m = (int(numbers(case.law.params[name], 1)[0]) for name in ("n", "m"))
    # Task vectors are exact here: among rounded ones there are ties that the operator never saw.
    sources = case.sources(["a", "base"], case.draw(st.sampled_from([coarse, dyadic, related])))
    operand = case.operands(["a"])[0]
    delta = case.run(operand, sources).reshape(-1)
    expected = np.zeros_like(delta)
    for start in range(0, delta.size, m):
        block = delta[start : start + m]
        chosen = np.argsort(-np.abs(block), kind="stable")[:n]
        expected[start + chosen] = block[chosen]
    found = case.run(case.call([operand], case.params()), sources).reshape(-1)
    same = np.array_equal(found, expected)
    case.require(same, "other entries are kept", found=found, expected=expected)


@claim(symbols="supp τᵢ ∩ supp τⱼ = ∅ for i ≠ j")
def disjoint_supports(case: Case) -> None:
    """No entry is taken from two operands: each is found by giving all others the weight 0."""
    labels = ("a", "b", "c")
    sources = case.sources([*labels, "base"], case.draw(st.sampled_from([coarse, dyadic])))
    takers = 0
    for chosen in labels:
        weights = tuple(int(label == chosen) for label in labels)
        params = case.params(weights=weights)
        takers = takers + (case.run(case.call(case.operands(labels), params), sources) != 0)
    case.require(np.all(np.less_equal(takers, 1)), "an entry is taken twice")


@claim("the mean probability of an entry of a row is the density", "Σⱼ P(f(δ)ⱼ ≠ 0) = density·m")
def density_on_average(case: Case) -> None:
    """Proved by going through all masks of a matrix of at most six entries."""
    rows, row = case.draw(st.sampled_from([(1, 1), (1, 4), (2, 3), (3, 2)]))
    entries = st.sampled_from([1, -1, 2, 3, -5])
    count = rows * row
    x = np.array(case.draw(st.lists(entries, min_size=count, max_size=count)), np.float64)
    sources = Sources(Dtype.F32, {"a": x.reshape(rows, row), "base": np.zeros((rows, row))})
    params = case.params()
    text = case.spec(case.call(case.operands(["a"]), params), sources)
    files = {label: {"w": stored(v, sources.dtype)} for label, v in sources.tensors.items()}
    found = outcomes(text, files, case.backend)
    density = numbers(params["density"], 1)[0]
    for i in range(0, count, row):
        kept = sum(
            outcome.probability * sum(value != 0 for value in outcome.values[i : i + row])
            for outcome in found
        )
        case.require(kept == density * row, f"{kept} of {row} entries are kept of {x}")


def _kinds() -> st.SearchStrategy[Elements]:
    return st.sampled_from([coarse, adversarial, related, directional])


def _cut(case: Case) -> _Cut:
    chosen = {
        name: str(case.law.params[name]) for name in ("scope", "axis") if name in case.law.params
    }
    return _Cut(frozenset(chosen), bool(_DOWN & {*chosen.values()}))


def _part(x: Floats, i: int, *, down: bool) -> Floats:
    return np.ascontiguousarray(x[:, i] if down else x[i])


def _equal_bits(x: Floats, y: Floats) -> Floats:
    same: Floats = x.reshape(-1).view(np.int64) == y.reshape(-1).view(np.int64)
    return same
