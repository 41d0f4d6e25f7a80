"""Views of random values: slices and stacks, other names and back, arms of a `match`.

All keep the number of layers, so that views go wherever a value goes.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.strategies.selectors import selector

if TYPE_CHECKING:
    from tests.strategies.expressions import Writer
    from tests.strategies.offer import Expr

_BACK_AND_FORTH = (
    ('"*" => "inner.*"', '"inner.*" => "*"'),
    ('"*.weight" => "*.scale"', '"*.scale" => "*.weight"'),
    (
        '"model.layers.*" => "tower.layers.*", "lm_head.*" => "out.*"',
        '"out.*" => "lm_head.*", "tower.layers.*" => "model.layers.*"',
    ),
)


def view(writer: "Writer", value: "Callable[[], Expr]") -> "Expr":
    """A value made of views of others."""
    hows = {
        "whole": _whole,
        "stacked": _stacked,
        "renamed": _renamed,
        "chosen": _chosen,
        "selected": _selected,
    }
    form, count = hows[writer.one_of(*hows)](writer)
    found = writer.joined(form, *(value() for _ in range(count)))
    return replace(found, anchored=False)


def _whole(writer: "Writer") -> tuple[str, int]:
    return writer.one_of("({})[..%d]", "({})[0..%d]", "({})[0..]").replace(
        "%d", str(writer.layers)
    ), 1


def _stacked(writer: "Writer") -> tuple[str, int]:
    """As many layers as before, from one to three parts; some may come twice, others never."""
    writer.rigid = True
    ranges: list[str] = []
    left = writer.layers
    while left:
        size = left if len(ranges) == 2 else writer.draw(st.integers(1, left))
        low = writer.draw(st.integers(0, writer.layers - size))
        ranges.append(f"{low}..{low + size}")
        left -= size
    if writer.draw(st.booleans()):
        return f"stack({', '.join(f'({{}})[{each}]' for each in ranges)})", len(ranges)
    return f"({' ++ '.join(f'({{}})[{each}]' for each in ranges)})", len(ranges)


def _renamed(writer: "Writer") -> tuple[str, int]:
    writer.rigid = True
    there, back = writer.draw(st.sampled_from(_BACK_AND_FORTH))
    if writer.draw(st.booleans()):
        return f"({{}} |> rename({there}) |> rename({back}))", 1
    return f"rename(rename({{}}, {there}), {back})", 1


def _chosen(writer: "Writer") -> tuple[str, int]:
    """The first arm decides which tensors there are, so it is whole."""
    arms = writer.draw(st.integers(1, 2))
    chosen = (f"{selector(writer.draw, writer.layers)} => {{}}" for _ in range(arms))
    return f"(match {{ {', '.join(chosen)}, else => {{}} }})", arms + 1


def _selected(writer: "Writer") -> tuple[str, int]:
    """Of the second arm only those tensors are there that it must give."""
    writer.rigid = True
    which = writer.one_of(
        "attn", "norm", "layers(..1)", "!head", '"*.weight" & !embed', "mlp | head"
    )
    return f"(match {{ !({which}) => {{}}, else => select({{}}, {which}) }})", 2
