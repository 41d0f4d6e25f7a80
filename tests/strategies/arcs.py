"""Calls of operators of two values, along the arc between them or entry by entry, and of means of
directions."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.strategies.offer import EVERY, ROUNDED, STATED, Expr, Offer

if TYPE_CHECKING:
    from tests.strategies.expressions import Writer


def _slerp(writer: "Writer", model: bool, depth: int) -> Expr:
    a, b = (writer.value(model, depth) for _ in range(2))
    if not writer.may_select(a, b):
        return a  # the direction of what should be zero is the direction of a rounding error
    t = writer.one_of("0", "1", "(match { attn | head => 1, else => 0 })")
    ends = writer.kind == "exact" or writer.flag()
    if not ends:
        t = writer.number(("0", "1/4", "0.7"))
    norm, scope = writer.one_of("raw", "polar"), writer.one_of("tensor", "tensor", "row", "column")
    # One-element tensors are parallel or opposite, and opposite ones are refused by default.
    rest = f"t={t}, norm={norm}, scope={scope}, antiparallel=lerp"
    form = f"slerp({{}}, {{}}; {rest})"
    if writer.flag():
        form = f"({{}} |> slerp({{}}, {rest}))"
    joined = writer.joined(form, a, b)
    return replace(joined, exact=joined.exact and ends)


def _nuslerp(writer: "Writer", model: bool, depth: int) -> Expr:
    parts = [writer.value(model, depth) for _ in range(2)]
    if not writer.may_select(*parts):
        return parts[0]
    ends = writer.kind == "exact" or writer.flag()
    first = writer.one_of("0", "2") if ends else writer.one_of("1", "3", "0.3")
    weights = [first, "1" if first == "0" or not ends else "0"]
    settings = [f"axis={writer.one_of('none', 'in', 'out')}", "antiparallel=lerp"]
    settings.append(f"norm={writer.one_of('raw', 'polar')}")
    found = writer.call("nuslerp", parts, settings, {"weights": weights})
    return replace(found, exact=found.exact and ends)


def _mean_direction(name: str) -> "Offer":
    def write(writer: "Writer", model: bool, depth: int) -> Expr:
        """The first weighs more than the others together, so that directions never cancel."""
        parts = [writer.value(model, depth) for _ in writer.some()]
        if not writer.may_select(*parts):
            return parts[0]
        weights = [writer.one_of("5", "7.3"), *("1" for _ in parts[1:])]
        found = writer.call(name, parts, lists={"weights": weights})
        return replace(found, exact=found.exact and len(parts) == 1)

    return Offer(name, write, ROUNDED)


def _nearswap(writer: "Writer", model: bool, depth: int) -> Expr:
    a, b = (writer.value(model, depth) for _ in range(2))
    short = writer.kind == "exact" or writer.flag()
    limit = writer.number(("0", "1/4", "1", "3/2") if short else ("0.3", "1e-3"))
    found = writer.call("nearswap", [a, b], [f"limit={limit}"])
    return replace(found, exact=found.exact and short)


def _arcee_fusion(writer: "Writer", model: bool, depth: int) -> Expr:
    a, b = (writer.value(model, depth) for _ in range(2))
    if not writer.may_select(a, b):
        return a
    found = writer.call("arcee_fusion", [a, b], [f"reach={writer.one_of('0', '1/2', '3/2')}"])
    return replace(found, exact=False, loose=True)


OFFERS = (
    Offer("slerp", _slerp, EVERY),
    Offer("nuslerp", _nuslerp, EVERY),
    _mean_direction("nlerp"),
    _mean_direction("karcher"),
    Offer("nearswap", _nearswap, EVERY),
    Offer("arcee_fusion", _arcee_fusion, STATED),
)
