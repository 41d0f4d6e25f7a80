"""Where a tensor stands in the depth of its model, in a word."""

from collections.abc import Iterable

from mergec.catalog import Architecture

_BEFORE, _AFTER = "before", "after"


def layer_of(name: str, architecture: Architecture) -> str:
    """`before` or `after` all layers, or the layer's number.

    With its stack before it, as `encoder.block.3`, in a model of two stacks.
    """
    place = architecture.place(name)
    if place.layer is None:
        return _AFTER if place.side == "after" else _BEFORE
    stack = place.head if len(architecture.stacks) > 1 else ""
    return f"{stack}{place.layer}"


def layers_in_order(labels: Iterable[str], architecture: Architecture) -> list[str]:
    """Each label once: what comes before the layers, the stacks layer by layer, what comes after.

    A model without layers has what comes before alone.
    """
    known = set(labels)
    stacks = architecture.stacks if len(architecture.stacks) > 1 else ("",)
    numbered = [f"{stack}{number}" for stack in stacks for number in range(architecture.layers)]
    ordered = [_BEFORE, *numbered, _AFTER]
    return [label for label in ordered if label in known]
