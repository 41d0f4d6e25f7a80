"""The shapes that follow from the settings of config.json, as far as a family describes them."""

import math
from collections.abc import Mapping
from typing import Any

from mergec.catalog.config_fields import head_width, key_value_heads
from mergec.catalog.place_names import shape_of

_COMPUTED = {"head_dim": head_width, "num_key_value_heads": key_value_heads}


def implied_shape(
    shapes: Mapping[str, str], settings: Mapping[str, Any], name: str
) -> tuple[str, tuple[int, ...]] | None:
    """What a family's `shapes` say of a tensor: the settings in words, and the sizes of its axes.

    None where they say nothing of it, or a setting that they need is not stated.
    """
    end = described_end(shapes, name)
    if end is None:
        return None
    axes: list[int] = []
    for axis in shapes[end].split(","):
        factors = [_factor(word.strip(), settings) for word in axis.split("*")]
        if None in factors:
            return None
        axes.append(math.prod(factor for factor in factors if factor is not None))
    return shapes[end], tuple(axes)


def described_end(shapes: Mapping[str, str], name: str) -> str | None:
    """The longest end of the name, its numbers as `#`, that `shapes` has."""
    parts = shape_of(name).split(".")
    ends = (".".join(parts[at:]) for at in range(len(parts)))
    return next((end for end in ends if end in shapes), None)


def _factor(word: str, settings: Mapping[str, Any]) -> int | None:
    if word.isdigit():
        return int(word)
    computed = _COMPUTED.get(word)
    value: object = computed(settings) if computed is not None else settings.get(word)
    return value if type(value) is int and value > 0 else None
