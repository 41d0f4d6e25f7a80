"""Task vectors that are thinned out, selected and merged."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from mergec.verify.exact.meaning import (
    ONE,
    Applied,
    NotStatedError,
    Vector,
    columns,
    combine,
    means,
    sign,
)
from mergec.verify.exact.trimming import ranked

ZERO = Fraction(0)


def _scaled(at: Applied) -> Sequence[Fraction]:
    bases = [ONE] if at.has_base else []
    return [*bases, *[abs(at.number("scale"))] * len(at.deltas)]


@means("breadcrumbs")
def breadcrumbs(at: Applied) -> Vector:
    """Neither the largest entries nor the smallest."""
    (x,) = at.operands
    density, n = at.number("density"), len(x)
    if density == 1 or not n:
        return x
    k = max(1, math.floor(density * n))
    outliers = min(math.floor(at.number("gamma") * n), n - k)
    keep = {*ranked(x)[outliers : outliers + k]}
    return tuple(value if j in keep else ZERO for j, value in enumerate(x))


@means("magmax", reach=_scaled)
def magmax(at: Applied) -> Vector:
    """The delta of largest magnitude at each entry."""
    found: list[Fraction] = []
    for column in columns(at.deltas):
        first = max(column, key=abs)
        tied = any(abs(x) == abs(first) and x != first for x in column)
        found.append(ZERO if tied and at["zero"] == "drop" else first)
    return at.on_base(combine([at.number("scale")], [tuple(found)]))


@means("consensus", reach=_scaled, rounds=True)
def consensus(at: Applied) -> Vector:
    """The sum where enough tasks care."""
    kappas, k = at.numbers("kappa", len(at.deltas)), at.number("k")
    found: list[Fraction] = []
    for column in columns(at.deltas):
        whole = sum(column, ZERO)
        caring = sum(
            abs(x) > kappa * abs(whole - x) for x, kappa in zip(column, kappas, strict=True)
        )
        found.append(whole if caring >= k else ZERO)
    return at.on_base(combine([at.number("scale")], [tuple(found)]))


def _boosted(at: Applied) -> Sequence[Fraction]:
    boost = 1 + at.number("r") * at.number("alpha")
    return (
        [ONE, *(c * boost for c in _scaled(at)[1:])]
        if at.has_base
        else [c * boost for c in _scaled(at)]
    )


@means("ram", reach=_boosted, rounds=True)
def ram(at: Applied) -> Vector:
    """Shared changes are averaged, and others are boosted."""
    active = [_above(x, at) for x in at.deltas]
    shared = [sum(x != 0 for x in column) for column in columns(active)]
    boosts: list[Fraction] = []
    for x in active:
        alone = sum(count == 1 for value, count in zip(x, shared, strict=True) if value)
        others = sum(count > 1 for value, count in zip(x, shared, strict=True) if value)
        ratio = min(Fraction(others, alone), at.number("alpha")) if alone else at.number("alpha")
        boosts.append(1 + at.number("r") * ratio)
    found: list[Fraction] = []
    for column, count in zip(columns(active), shared, strict=True):
        if count == 1:
            found.append(sum((c * x for c, x in zip(boosts, column, strict=True)), ZERO))
        else:
            found.append(sum(column, ZERO) / count if count else ZERO)
    return at.on_base(combine([at.number("scale")], [tuple(found)]))


def _above(x: Vector, at: Applied) -> Vector:
    bound = at.number("epsilon")
    if at["relative"] and x:
        bound *= Fraction(math.sqrt(sum((value * value for value in x), ZERO) / len(x)))
    return tuple(value if abs(value) > bound else ZERO for value in x)


@means("sce", reach=_scaled)
def sce(at: Applied) -> Vector:
    """Select by variance, weigh by energy, elect signs."""
    deltas, tau = at.deltas, at.number("tau")
    apart = tuple(
        sum(((x - y) ** 2 for x, y in combinations(column, 2)), ZERO) for column in columns(deltas)
    )
    chosen = {*range(len(apart))}
    if tau != 1:
        chosen = {*ranked(apart)[: math.floor(tau * sum(v != 0 for v in apart))]}
    energies = [sum((x[j] ** 2 for j in chosen), ZERO) for x in deltas]
    if not any(energies):
        energies = [ONE] * len(deltas)
    found: list[Fraction] = []
    for j, column in enumerate(columns(deltas)):
        if j not in chosen and at["merge"] == "selected":
            found.append(ZERO)
            continue
        tie = {"drop": 0, "positive": 1, "negative": -1}[str(at["zero"])]
        elected = sign(sum(column, ZERO)) or tie
        agreeing = [
            (x, c) for x, c in zip(column, energies, strict=True) if x and sign(x) == elected
        ]
        whole = sum((c for _, c in agreeing), ZERO)
        if agreeing and not whole:
            raise NotStatedError("sce where what agrees has no energy")
        total = sum((c * x for x, c in agreeing), ZERO)
        found.append(total / whole if agreeing else ZERO)
    return at.on_base(combine([at.number("scale")], [tuple(found)]))
