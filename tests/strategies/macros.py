"""Calls of macros: of the spec's own, of a used file's, and of the library's."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.strategies.expressions import Writer
    from tests.strategies.offer import Expr

COMMON = """## A spec that others use.
param share: number = 0.5 from 0 to 1
origin = model("./base", id="base")
def half(a, b) = share*a + (1 - share)*b
def kept(x) = x[0..]
"""

_MEAN = "def mean_of(first, *rest, weights=1) = linear(first, *rest; weights=weights)\n"
_MOVED = "def moved(tuned, k=0.5) = $base + k*(tuned - $base)\n"
_TWICE = "def moved_twice(tuned) = moved(moved(tuned), k=0.25)\n"
_THINNED = """def thinned(from, *rest, keep=0.5, masks=0) =
    linear(*dare(rest - from, density=keep, seed=masks))
"""
_STD = 'use "std:classic" as std\n'
_COMMON = 'use "common.merge" as common\n'


def model(writer: "Writer", depth: int) -> "Expr":
    """A macro call of mass 1."""
    few = [writer.model(depth) for _ in range(writer.draw(st.integers(1, 2)))]
    how = writer.one_of(
        "mean", "moved", "twice", "soup", "wise", "task", "chat", "dare", "half", "deep"
    )
    match how:
        case "mean":
            return _call(writer, [_MEAN], "mean_of(%s)", few)
        case "moved":
            k = writer.one_of("", ", k=0.25", ", k=2")
            return _call(writer, [_MOVED], f"moved(%s{k})", few[:1])
        case "twice":
            return _call(writer, [_MOVED, _TWICE], "moved_twice(%s)", few[:1])
        case "soup":
            return _call(writer, [_STD], "std.model_soup(%s)", few)
        case "wise":
            t = writer.one_of("0.5", "0.25")
            return _call(writer, [_STD], f"std.wise_ft($base, %s; t={t})", few[:1])
        case "task":
            return _call(writer, [_STD], "std.task_arithmetic($base, %s; scale=0.5)", few)
        case "chat":
            return _call(writer, [_STD], "std.chat_vector($base, %s, $base; scale=1.5)", few[:1])
        case "dare" if writer.may_select(*few):
            return _call(writer, [_STD], "std.dare_ties($base, %s; density=0.5, seed=3)", few)
        case "half":
            return _call(writer, [_COMMON], "common.half(common.origin, %s)", few[:1])
        case "deep" if writer.layers > 1:
            writer.rigid = True
            form = "std.depth_upscale(%s; until=1, again_from=1)"
            return _call(writer, [_STD], form, few[:1])
        case _:
            return _call(writer, [_COMMON], "common.kept(%s)", few[:1])


def delta(writer: "Writer", depth: int) -> "Expr":
    """A macro call of mass 0."""
    few = [writer.model(depth) for _ in range(writer.draw(st.integers(1, 2)))]
    keep = writer.one_of("", "; keep=0.25", "; keep=1", "; masks=5")
    return _call(writer, [_THINNED], f"thinned($base, %s{keep})", few)


def _call(writer: "Writer", needs: Sequence[str], form: str, parts: "Sequence[Expr]") -> "Expr":
    for line in needs:
        writer.head[line] = None
    inside = ", ".join("{}" for _ in parts)
    return writer.joined(form.replace("%s", inside), *parts)
