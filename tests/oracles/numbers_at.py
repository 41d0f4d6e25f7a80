"""What selectors, ramps and choices are for one tensor, from its name alone.

Written for the names that generated checkpoints have, by reading the language's description and
none of its code: `model.layers.3.mlp.up_proj.weight` is in layer 3 and an `mlp`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from math import prod

from mergec.ir import Amount, Schedule, TensorSelector
from mergec.ir.schedule import Choice, Inverse, Ramp
from mergec.ir.selector import AllOf, AnyOf, HasRole, InLayers, NameLike, NotThose

_LAYER = re.compile(r"(.*layers\.)(\d+)(\..*)", re.DOTALL)
_SIGNS: Mapping[str, str] = {
    "embed": r"embed_tokens",
    "attn": r"self_attn",
    "mlp": r"\.mlp\.",
    "norm": r"norm",
    "head": r"(^|\.)(lm_head|out)\.",
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor's name, and how many layers the value has that it belongs to."""

    name: str
    layers: int


def layer_of(name: str) -> int | None:
    """The layer that a tensor is in, None for one outside."""
    found = _LAYER.fullmatch(name)
    return int(found[2]) if found else None


def in_layer(name: str, layer: int) -> str:
    """The name that a tensor has in another layer."""
    found = _LAYER.fullmatch(name)
    assert found is not None
    return f"{found[1]}{layer}{found[3]}"


def is_after(name: str) -> bool:
    """Whether a tensor outside the layers comes after them."""
    return any(re.search(_SIGNS[role], name) for role in ("norm", "head"))


def selected(selector: TensorSelector | None, at: Tensor) -> bool:
    """Whether a selector, None for `else`, selects this tensor."""
    match selector:
        case None:
            return True
        case HasRole():
            return bool(re.search(_SIGNS[selector.role], at.name))
        case InLayers():
            layer, low, high = layer_of(at.name), selector.lo or 0, selector.hi
            return layer is not None and layer >= low and (high is None or layer < high)
        case NameLike():
            return fnmatchcase(at.name, selector.pattern)  # it has no brackets
        case NotThose():
            return not selected(selector.inner, at)
        case AllOf():
            return selected(selector.left, at) and selected(selector.right, at)
        case AnyOf():
            return selected(selector.left, at) or selected(selector.right, at)


def number_at(number: Amount, at: Tensor) -> Fraction:
    """A number of the spec, for this tensor."""
    if not isinstance(number, Schedule):
        return number
    total = Fraction(0)
    for atoms, coefficient in number.terms:
        total += coefficient * prod((_atom_at(atom, at) for atom in atoms), start=Fraction(1))
    return total


def _atom_at(atom: Ramp | Choice | Inverse, at: Tensor) -> Fraction:
    match atom:
        case Ramp():
            return _ramp_at(atom.points, at)
        case Inverse():
            return 1 / number_at(atom.of, at)
        case Choice():
            return next(number_at(value, at) for it, value in atom.arms if selected(it, at))


def _ramp_at(points: tuple[Fraction, ...], at: Tensor) -> Fraction:
    """On the way from the first point to the last, as far as the layer is."""
    layer = layer_of(at.name)
    if layer is None:
        return points[-1 if is_after(at.name) else 0]
    way = Fraction(layer, at.layers - 1) if at.layers > 1 else Fraction(0)
    return sum(
        (
            value * max(Fraction(0), 1 - abs(way * (len(points) - 1) - number))
            for number, value in enumerate(points)
        ),
        Fraction(0),
    )
