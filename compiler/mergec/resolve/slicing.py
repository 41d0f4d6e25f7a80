"""The tensors of `a[lo..hi]`: some of the layers, renumbered from 0, and all that is outside."""

from collections.abc import Mapping
from dataclasses import replace

from mergec.catalog import TensorName
from mergec.catalog.architecture import TensorPlace
from mergec.diagnostics import Span, fail
from mergec.ir import Node
from mergec.ir.selector import print_range
from mergec.resolve.key_set import KeySet, Leaf, layer_origins

_SHOWN = 3


def sliced(part: KeySet, node: Node, span: Span | None) -> KeySet:
    """The key set of `part[lo..hi]`. Raises E407 and E408."""
    require_layers(part, span)
    low, high = bounds(node)
    count = part.architecture.layers
    if low >= count or (high is not None and high > count):
        said = print_range(low, high)
        raise fail(
            "E407",
            f"the range `{said}` goes beyond the {count} layers that there are",
            span,
            notes=(f"the layers are those of `{part.donor}`, numbered 0 to {count - 1}",),
            help=f"write a range within `0..{count}`",
        )
    stop = count if high is None else high
    origins: dict[str, Leaf] = {}
    for name, leaf in part.origins.items():
        place = part.architecture.place(name)
        if place.layer is None:
            origins[name] = leaf
        elif low <= place.layer < stop:
            origins[place.renumbered(place.layer - low)] = leaf
    rule = part.architecture.rule
    places: Mapping[TensorName, TensorPlace] = {TensorName(name): rule(name) for name in origins}
    architecture = replace(part.architecture, layers=stop - low, places=places)
    layers = replace(part.layers, origins=layer_origins(part)[low:stop])
    return KeySet(part.donor, origins, architecture, layers, part.renamed)


def bounds(node: Node) -> tuple[int, int | None]:
    """The layers that a `slice` node keeps."""
    low, high = node.param("lo"), node.param("hi")
    return (low if isinstance(low, int) else 0), (high if isinstance(high, int) else None)


def require_layers(part: KeySet, span: Span | None) -> None:
    """E408 unless a value has one stack of numbered layers."""
    stacks = part.architecture.stacks
    if len(stacks) == 1 and part.architecture.layers:
        return
    what = "no numbered layers" if not stacks else f"{len(stacks)} stacks of layers"
    notes = tuple(f"`{stack}*`" for stack in stacks[:_SHOWN])
    raise fail(
        "E408",
        f"`{part.donor}` has {what}, and a slice or stack needs one",
        span,
        notes=notes,
        help="leave the range out, or choose tensors with `match` and a pattern",
    )
