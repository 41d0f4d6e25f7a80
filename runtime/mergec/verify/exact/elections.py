"""Signs that are elected, and means of what agrees with them."""

from collections.abc import Sequence
from fractions import Fraction

from mergec.verify.exact.meaning import (
    ONE,
    Applied,
    Params,
    Vector,
    as_one_vector,
    columns,
    combine,
    means,
    sign,
)
from mergec.verify.exact.trimming import largest, require_one_tensor


def _merged(at: Applied) -> Sequence[Fraction]:
    bases = [ONE] if at.has_base else []
    weights = at.numbers("weights", len(at.deltas))
    factor = abs(at.number("scale")) * max([ONE, *weights])
    return [*bases, *[factor] * len(at.deltas)]


@means("ties", reach=_merged, over_all=as_one_vector)
def ties(at: Applied) -> Vector:
    """Trim, elect, and average what agrees."""
    densities = at.numbers("density", len(at.deltas))
    if any(density != 1 for density in densities):
        require_one_tensor(at)
    trimmed = [
        x if density == 1 else largest(x, density)
        for x, density in zip(at.deltas, densities, strict=True)
    ]
    weights = at.numbers("weights", len(at.deltas))
    signs = None if at["elect"] == "none" else _elect(trimmed, weights, at.params)
    merged = _agree(trimmed, weights, signs, at.params)
    return at.on_base(combine([at.number("scale")], [merged]))


@means("elect_sign")
def elect_sign(at: Applied) -> Vector:
    """The signs of the sums, or of the counts."""
    return _elect(at.operands, at.numbers("weights", len(at.operands)), at.params)


@means("agreeing_mean")
def agreeing_mean(at: Applied) -> Vector:
    """The aggregate of what has the elected sign, given as the first operand."""
    signs, vectors = (at.operands[0], at.operands[1:]) if at["elected"] else (None, at.operands)
    return _agree(vectors, at.numbers("weights", len(vectors)), signs, at.params)


def _votes(x: Fraction, weight: Fraction, params: Params) -> Fraction:
    return weight * x if params["weight_stage"] == "before" else x


def _elect(vectors: Sequence[Vector], weights: Sequence[Fraction], params: Params) -> Vector:
    elected: list[int] = []
    by_count = params["elect"] == "count"
    for column in columns(vectors):
        votes = [_votes(x, w, params) for x, w in zip(column, weights, strict=True)]
        total = sum((Fraction(sign(v)) if by_count else v for v in votes), Fraction(0))
        elected.append(sign(total))
    majority = 1 if sum(elected) > 0 else -1
    tie = {"drop": 0, "positive": 1, "negative": -1, "majority": majority}[str(params["zero"])]
    return tuple(Fraction(each or tie) for each in elected)


def _agree(
    vectors: Sequence[Vector],
    weights: Sequence[Fraction],
    signs: Vector | None,
    params: Params,
) -> Vector:
    merged: list[Fraction] = []
    for j, column in enumerate(columns(vectors)):
        members: list[tuple[Fraction, Fraction]] = []
        for x, weight in zip(column, weights, strict=True):
            vote = sign(_votes(x, weight, params))
            if vote and (signs is None or vote == signs[j]):
                members.append((weight * x, weight))
        merged.append(_aggregate(members, str(params["agg"])))
    return tuple(merged)


def _aggregate(members: Sequence[tuple[Fraction, Fraction]], how: str) -> Fraction:
    if not members:
        return Fraction(0)
    if how == "max":
        return max((value for value, _ in members), key=abs)
    total = sum((value for value, _ in members), Fraction(0))
    whole = {"wmean": sum(w for _, w in members), "mean": len(members), "sum": 1}[how]
    return total / (whole or 1)  # members of weight 0 alone add up to nothing
