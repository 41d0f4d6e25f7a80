"""Random selectors, and numbers that differ from tensor to tensor."""

from collections.abc import Sequence

from hypothesis import strategies as st

_SIMPLE = ("attn", "mlp", "norm", "embed", "head", '"*mlp*"', '"*.weight"', '"*norm.?eight"')


def selector(draw: st.DrawFn, layers: int) -> str:
    """A selector over roles, layers and names of a value; it may fit nothing."""
    plain = draw(st.sampled_from([*_SIMPLE, layer_range(draw, layers)]))
    match draw(st.sampled_from(["plain", "plain", "not", "and", "or", "nested"])):
        case "not":
            return f"!{plain}"
        case "and":
            return f"{plain} & {layer_range(draw, layers)}"
        case "or":
            return f"{plain} | {draw(st.sampled_from(_SIMPLE))}"
        case "nested":
            return f"!({plain} | head) & !({draw(st.sampled_from(_SIMPLE))})"
        case _:
            return plain


def layer_range(draw: st.DrawFn, layers: int) -> str:
    """`layers(a..b)`, perhaps with an open end."""
    low = draw(st.integers(0, layers - 1))
    high = draw(st.integers(low + 1, layers))
    return f"layers({draw(st.sampled_from([f'{low}..{high}', f'{low}..', f'..{high}']))})"


def choice(draw: st.DrawFn, layers: int, values: Sequence[str]) -> str:
    """A `match` of numbers, each one of `values`."""
    arms = [
        f"{selector(draw, layers)} => {draw(st.sampled_from(values))}"
        for _ in range(draw(st.integers(1, 2)))
    ]
    return f"match {{ {', '.join(arms)}, else => {draw(st.sampled_from(values))} }}"


def ramp(draw: st.DrawFn, values: Sequence[str]) -> str:
    """A `ramp` through two or three of `values`."""
    points = draw(st.lists(st.sampled_from(values), min_size=2, max_size=3))
    return f"ramp({', '.join(points)})"
