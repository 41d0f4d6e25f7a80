"""The `exact` oracle: operators on rationals, without a line of stage code.

Only angles and square roots are irrational; those pass through float64. Composites and stages are
both understood, so that a graph can be compared before and after any pass. Zeros have no sign here.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from mergec.ir import MODEL, Graph, NodeKey, Value
from tests.oracles.threefry_ints import kept

Vector = tuple[Fraction, ...]
Params = Mapping[str, Value]
ONE = Fraction(1)


def exact(
    graph: Graph,
    sources: Mapping[str, Sequence[float | Fraction]],
    tensor: str = "w",
    sites: Mapping[str, str] | None = None,
) -> Vector:
    """The value of a graph's only output, for one tensor of plain sources.

    `sources` gives the elements, in row order, by label or by the key of a source node. Masks are
    drawn for `tensor`, or for what `sites` says where a node names its origin.
    """
    (root,) = graph.outputs.values()
    values: dict[NodeKey, Vector] = {}
    for node in graph.below(root):
        if node.op == "source":
            label = str(node.param("label"))
            values[node.key] = tuple(Fraction(x) for x in sources[node.key if sites else label])
            continue
        params = dict(node.params)
        drawn_for = (sites or {}).get(str(params.get("origin")), tensor)
        operands = [values[key] for key in node.operands]
        has_base = bool(operands) and graph.node(node.operands[0]).type == MODEL
        values[node.key] = meaning(Applied(node.op, params, operands, has_base, drawn_for))
    return values[root]


@dataclass(frozen=True, slots=True)
class Applied:
    """An operator with its operands' values, all of one tensor.

    `tensor` is the name that masks are drawn for.
    """

    op: str
    params: Params
    operands: Sequence[Vector]
    has_base: bool
    tensor: str

    def number(self, name: str) -> Fraction:
        """A parameter that is a number."""
        return _rational(self.params[name])

    def numbers(self, name: str, count: int) -> list[Fraction]:
        """A parameter that has a number for each operand, or one for all."""
        value = self.params[name]
        if isinstance(value, tuple):
            return [_rational(item) for item in value]
        return [_rational(value)] * count

    def __getitem__(self, name: str) -> Value:
        return self.params[name]


def meaning(at: Applied) -> Vector:
    """What an operator or a stage gives."""
    return _MEANINGS[at.op](at)


def coefficients(at: Applied) -> list[Fraction]:
    """By how much each operand counts, at most, in any element of the result."""
    count = len(at.operands)
    match at.op:
        case "affine":
            return at.numbers("coefficients", count)
        case "linear":
            return _shares(at)
        case "scale":
            return [at.number("by")]
        case "trim":
            return [1 / at.number("density") if at["rescale"] == "inv" else ONE]
        case "dare":
            divided = at["rescale"] == "inv" and at.number("density") != 1
            return [1 / _divisor(at) if divided else ONE]
        case "slerp":
            return _slerp_coefficients(at)
        case "ties":
            bases = [ONE] if at.has_base else []
            weights = at.numbers("weights", count - len(bases))
            factor = abs(at.number("scale")) * max([ONE, *weights])
            return [*bases, *[factor] * (count - len(bases))]
        case "as_model":
            return [ONE]
        case _:
            raise AssertionError(f"{at.op} is no operator")


def _rational(value: Value) -> Fraction:
    assert isinstance(value, Fraction | int), value
    return Fraction(value)


def _combine(coefficients: Sequence[Fraction], operands: Sequence[Vector]) -> Vector:
    pairs = list(zip(coefficients, operands, strict=True))
    return tuple(sum((c * x[j] for c, x in pairs), Fraction(0)) for j in range(len(operands[0])))


def _affine(at: Applied) -> Vector:
    return _combine(at.numbers("coefficients", len(at.operands)), at.operands)


def _linear(at: Applied) -> Vector:
    return _combine(_shares(at), at.operands)


def _shares(at: Applied) -> list[Fraction]:
    weights = at.numbers("weights", len(at.operands))
    whole = sum(weights) if at["normalize"] else ONE
    return [w / whole for w in weights]


def _scale(at: Applied) -> Vector:
    return _combine([at.number("by")], at.operands)


def _trim(at: Applied) -> Vector:
    x, density = at.operands[0], at.number("density")
    if density == 1:
        return x
    found = _largest(x, density, every_tie=at["ties"] == "all")
    rescale = at["rescale"]
    if rescale == "inv":
        return tuple(value / density for value in found)
    if rescale in ("l1", "l2"):
        return _with_norm_of(x, found, 1 if rescale == "l1" else 2)
    return found


def _largest(x: Vector, density: Fraction, *, every_tie: bool) -> Vector:
    """Sort by magnitude, then by index; keep max(1, floor(density n))."""
    if not x:
        return x
    order = sorted(range(len(x)), key=lambda j: (-abs(x[j]), j))
    k = max(1, math.floor(density * len(x)))
    keep = set(order[:k])
    if every_tie:
        keep |= {j for j in order if abs(x[j]) == abs(x[order[k - 1]])}
    return tuple(value if j in keep else Fraction(0) for j, value in enumerate(x))


def _with_norm_of(x: Vector, found: Vector, power: int) -> Vector:
    whole = sum(abs(value) ** power for value in x)
    rest = sum(abs(value) ** power for value in found)
    if not rest:
        return found
    ratio = Fraction(whole, rest)
    factor = ratio if power == 1 else Fraction(math.sqrt(ratio))
    return tuple(value * factor for value in found)


def _dare(at: Applied) -> Vector:
    x, density = at.operands[0], at.number("density")
    if density == 1:
        return x
    role, label = str(at["role"]), str(at["label"])
    mask = kept(int(at.number("seed")), role, label, at.tensor, density, len(x))
    found = tuple(v if keep else Fraction(0) for v, keep in zip(x, mask, strict=True))
    if at["rescale"] == "l1":
        return _with_norm_of(x, found, 1)
    if at["rescale"] == "none":
        return found
    return tuple(value / _divisor(at) for value in found)


def _divisor(at: Applied) -> Fraction:
    return at.number("density") if at["q"] is None else at.number("q")


def _ties(at: Applied) -> Vector:
    base, deltas = (at.operands[0], at.operands[1:]) if at.has_base else (None, at.operands)
    densities = at.numbers("density", len(deltas))
    trimmed = [
        x if rho == 1 else _largest(x, rho, every_tie=False)
        for x, rho in zip(deltas, densities, strict=True)
    ]
    weights = at.numbers("weights", len(deltas))
    signs = None
    if at["elect"] != "none":
        signs = _elect(trimmed, weights, at.params)
    merged = _agree(trimmed, weights, signs, at.params)
    scaled = _combine([at.number("scale")], [merged])
    return scaled if base is None else _combine([ONE, ONE], [base, scaled])


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def _votes(x: Fraction, weight: Fraction, params: Params) -> Fraction:
    return weight * x if params["weight_stage"] == "before" else x


def _elect(vectors: Sequence[Vector], weights: Sequence[Fraction], params: Params) -> Vector:
    elected: list[int] = []
    for column in zip(*vectors, strict=True):
        votes = [_votes(x, w, params) for x, w in zip(column, weights, strict=True)]
        by_count = params["elect"] == "count"
        total = sum((Fraction(_sign(v)) if by_count else v for v in votes), Fraction(0))
        elected.append(_sign(total))
    majority = 1 if sum(elected) > 0 else -1
    tie = {"drop": 0, "positive": 1, "negative": -1, "majority": majority}[str(params["zero"])]
    return tuple(Fraction(sign or tie) for sign in elected)


def _agree(
    vectors: Sequence[Vector],
    weights: Sequence[Fraction],
    signs: Vector | None,
    params: Params,
) -> Vector:
    merged: list[Fraction] = []
    for j, column in enumerate(zip(*vectors, strict=True)):
        members: list[tuple[Fraction, Fraction]] = []
        for x, w in zip(column, weights, strict=True):
            vote = _sign(_votes(x, w, params))
            if vote and (signs is None or vote == signs[j]):
                members.append((w * x, w))
        merged.append(_aggregate(members, str(params["agg"])))
    return tuple(merged)


def _aggregate(members: Sequence[tuple[Fraction, Fraction]], how: str) -> Fraction:
    if not members:
        return Fraction(0)
    if how == "max":
        return max((value for value, _ in members), key=abs)
    total = sum((value for value, _ in members), Fraction(0))
    whole = {"wmean": sum(w for _, w in members), "mean": len(members), "sum": 1}[how]
    return total / whole


def _elect_sign(at: Applied) -> Vector:
    return _elect(at.operands, at.numbers("weights", len(at.operands)), at.params)


def _agreeing_mean(at: Applied) -> Vector:
    signs, vectors = (at.operands[0], at.operands[1:]) if at["elected"] else (None, at.operands)
    return _agree(vectors, at.numbers("weights", len(vectors)), signs, at.params)


def _slerp(at: Applied) -> Vector:
    return _combine(_slerp_coefficients(at), at.operands)


def _slerp_coefficients(at: Applied) -> list[Fraction]:
    (a, b), t = at.operands, at.number("t")
    if t in (0, 1):
        return [1 - t, t]
    found = _arc([float(x) for x in a], [float(x) for x in b], float(t), str(at["norm"]))
    return [Fraction(c) for c in found]


def _arc(a: Sequence[float], b: Sequence[float], t: float, norm: str) -> tuple[float, float]:
    """The coefficients, from unit vectors; linear where there is no direction or no arc."""
    length_a, length_b = math.hypot(*a), math.hypot(*b)
    if not length_a or not length_b:
        return 1 - t, t
    u, v = [x / length_a for x in a], [x / length_b for x in b]
    apart = math.hypot(*(x - y for x, y in zip(u, v, strict=True)))
    along = math.hypot(*(x + y for x, y in zip(u, v, strict=True)))
    theta = 2 * math.atan2(apart, along)
    if theta < 1e-6 or math.pi - theta < 1e-6:
        return 1 - t, t
    near, far = math.sin((1 - t) * theta) / math.sin(theta), math.sin(t * theta) / math.sin(theta)
    if norm == "polar":
        length = (1 - t) * length_a + t * length_b
        return length * near / length_a, length * far / length_b
    return near, far


def _same(at: Applied) -> Vector:
    return at.operands[0]


_MEANINGS: dict[str, Callable[[Applied], Vector]] = {
    "as_model": _same,
    "affine": _affine,
    "linear": _linear,
    "scale": _scale,
    "trim": _trim,
    "dare": _dare,
    "drop": _dare,
    "ties": _ties,
    "elect_sign": _elect_sign,
    "agreeing_mean": _agreeing_mean,
    "slerp": _slerp,
}
