"""Which axes of a value's tensors have units that may be reordered, and what hangs together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod

from mergec.catalog.architecture import Architecture
from mergec.diagnostics import Span, fail
from mergec.elaborate import Elaborated
from mergec.frozen import frozen
from mergec.ir import Node, NodeKey, Value
from mergec.ops import OPERATORS
from mergec.ops.units import Carried, Key, WrittenGroup, carried_by, parse_units
from mergec.resolve.fallbacks import Fallbacks
from mergec.resolve.findings import Findings
from mergec.resolve.key_sets import KeySets
from mergec.resolve.usage import Usage

Shape = tuple[int, ...]


@frozen
class _Axis:
    """An axis of a tensor that carries a group: seen as [anything, count, width]."""

    tensor: str
    carried: Carried
    length: int
    count: int
    width: int

    @property
    def text(self) -> str:
        return f"`{self.tensor}[{self.carried.written.axis}]`"


@dataclass(slots=True)
class Alignments:
    """Finds the axes from headers alone, once for each value."""

    elaborated: Elaborated
    keys: KeySets
    fallbacks: Fallbacks
    _known: dict[NodeKey, Mapping[str, Mapping[str, Value]]] = field(
        default_factory=dict[NodeKey, Mapping[str, Mapping[str, Value]]]
    )

    @classmethod
    def over(cls, elaborated: Elaborated, keys: KeySets) -> "Alignments":
        """Of a spec by itself, without a resolver."""
        return cls(elaborated, keys, Fallbacks(elaborated, keys, Findings(), Usage()))

    def of(self, node: Node, name: str) -> Mapping[str, Value]:
        """The parameters `axes` and `component` of a tensor; none where it carries no group.

        Raises E414 and E415.
        """
        if node.key not in self._known:
            axes = self._axes(node)
            self._known[node.key] = _components([axis for axis in axes if axis.count > 1])
        found = self._known[node.key]
        own = self.keys.of(node.key).origins
        if name not in own:
            name = self.fallbacks.inside(node.key, None, name)
        return found.get(name, {})

    def lengths(self) -> Iterator[tuple[int, int, int | None]]:
        """Of each axis that any value carries a group on: its length, parts and units."""
        for node in self.elaborated.graph.nodes():
            if node.op in OPERATORS and OPERATORS[node.op].aligns:
                for axis in self._axes(node):
                    yield axis.length, axis.carried.written.parts, axis.carried.written.units

    def _axes(self, node: Node) -> list[_Axis]:
        keys = self.keys.of(node.key)
        shapes = {
            name: entry.shape
            for name, entry in (
                (name, self.keys.entry(leaf)) for name, leaf in keys.origins.items()
            )
            if not entry.dtype.is_integer
        }
        units = node.param("units")
        span = self.elaborated.places.parameters.get((node.key, "units"))
        span = span or self.elaborated.places.nodes.get(node.key)
        if isinstance(units, str):
            written = parse_units(units)
            axes = _axes(written, shapes, span)
            _require_all(written, axes, span)
        else:
            axes = _described(keys.architecture, shapes, span)
        _require_one_each(axes, span)
        _require_equal(axes, span)
        return axes


def _axes(
    groups: tuple[WrittenGroup, ...], shapes: Mapping[str, Shape], span: Span | None
) -> list[_Axis]:
    return [
        _axis(tensor, shape, carried, span)
        for tensor, shape in shapes.items()
        for carried in carried_by(groups, tensor)
    ]


def _axis(tensor: str, shape: Shape, carried: Carried, span: Span | None) -> _Axis:
    written = carried.written
    if written.axis >= len(shape):
        raise fail(
            "E415",
            f"`{written.text}` names axis {written.axis} of `{tensor}`, which has {len(shape)}",
            span,
            notes=("axes are counted from 0",),
            help="write the axis along which the units lie: of a weight [out, in], `[0]` is out",
        )
    length, units = shape[written.axis], written.units
    # Without a number of units there is one at each index.
    count = length // written.parts if units is None else units
    if count * written.parts == 0 or length % (count * written.parts):
        whole = f"{written.parts} × {units}" if written.parts > 1 else f"{units}"
        whole = f"{written.parts}" if units is None else whole
        raise fail(
            "E415",
            f"the {length} entries of `{tensor}` along axis {written.axis} are no multiple of "
            f"{whole}",
            span,
            notes=(f"`{written.text}` says that units of equal width lie there",),
            help="write the number of units that the axis has, such as that of attention heads",
        )
    width = length // (count * written.parts) * prod(shape[written.axis + 1 :])
    return _Axis(tensor, carried, length, count, width)


def _require_all(
    groups: tuple[WrittenGroup, ...], axes: Sequence[_Axis], span: Span | None
) -> None:
    """E414 where a name that must be there fits no tensor, in the whole or for some numbers."""
    of_group = _by_key(axes)
    for number, group in enumerate(groups):
        every = [found for key, found in of_group.items() if key[0] == number]
        for written in group:
            if written.optional and every:
                continue
            lacking = [found for found in every if written not in _written(found)]
            if lacking or not every:
                beside = f", where `{lacking[0][0].tensor}` is" if lacking else ""
                raise fail(
                    "E414",
                    f"`{written.text}` fits no tensor{beside}",
                    span,
                    notes=("a name holds from any dot on, and `#` in it is a number",),
                    help="write a name that a tensor has; a `?` behind the axis says that it may "
                    "be missing",
                )


def _complete(groups: tuple[WrittenGroup, ...], axes: Sequence[_Axis]) -> list[_Axis]:
    """The axes of groups that have all they need; a description is of more models than one."""
    needed = [{axis for axis in group if not axis.optional} for group in groups]
    whole = {key for key, found in _by_key(axes).items() if needed[key[0]] <= set(_written(found))}
    return [axis for axis in axes if axis.carried.key in whole]


def _written(axes: Iterable[_Axis]) -> list[object]:
    return [axis.carried.written for axis in axes]


def _by_key(axes: Sequence[_Axis]) -> dict[Key, list[_Axis]]:
    found: dict[Key, list[_Axis]] = {}
    for axis in axes:
        found.setdefault(axis.carried.key, []).append(axis)
    return found


def _require_one_each(axes: Sequence[_Axis], span: Span | None) -> None:
    """E415 for two groups on an axis, and for a group on two axes of one tensor."""
    places: dict[tuple[str, int], _Axis] = {}
    for axis in axes:
        other = places.setdefault((axis.tensor, axis.carried.written.axis), axis)
        if other is not axis:
            raise fail(
                "E415",
                f"{axis.text} is named twice",
                span,
                notes=(f"by `{other.carried.written.text}` and `{axis.carried.written.text}`",),
                help="name each axis in one group",
            )
    carried: dict[tuple[str, Key], _Axis] = {}
    for axis in axes:
        other = carried.setdefault((axis.tensor, axis.carried.key), axis)
        if other is not axis:
            raise fail(
                "E415",
                f"one group has two axes of `{axis.tensor}`",
                span,
                notes=("the best order of both at once is no assignment of units to units",),
                help="put the axes in two groups, or leave one of them out",
            )


def _require_equal(axes: Sequence[_Axis], span: Span | None) -> None:
    for first, *others in _by_key(axes).values():
        for other in others:
            if other.count != first.count:
                raise fail(
                    "E415",
                    f"{first.text} has {first.count} units and {other.text} has {other.count}",
                    span,
                    notes=("all axes of a group are put in one order",),
                    help="name axes of one length, or say how many units there are, as in "
                    f'"{other.carried.written.text.removesuffix("]").partition("/")[0].rstrip()}'
                    f' / {first.count}]"',
                )


def _components(axes: Sequence[_Axis]) -> dict[str, Mapping[str, Value]]:
    """The parameters of each tensor; those that share groups, by whatever way, are a component."""
    of_tensor: dict[str, list[_Axis]] = {}
    for axis in axes:
        of_tensor.setdefault(axis.tensor, []).append(axis)
    of_key = _by_key(axes)
    found: dict[str, Mapping[str, Value]] = {}
    component = 0
    # Those of one kind behind each other, such as the neurons of all layers.
    for start in sorted(of_tensor, key=lambda name: min(a.carried.key[0] for a in of_tensor[name])):
        if start in found:
            continue
        numbers: dict[Key, int] = {}
        waiting, members = [start], {start: True}
        while waiting:
            for axis in of_tensor[waiting.pop()]:
                if axis.carried.key in numbers:
                    continue
                numbers[axis.carried.key] = 0
                for other in of_key[axis.carried.key]:
                    if other.tensor not in members:
                        members[other.tensor] = True
                        waiting.append(other.tensor)
        # Numbered as written, so that the order of tensors in a file changes nothing.
        numbers = {key: number for number, key in enumerate(sorted(numbers))}
        for tensor in members:
            carried = [
                tuple(map(Fraction, (numbers[axis.carried.key], axis.count, axis.width)))
                for axis in of_tensor[tensor]
            ]
            found[tensor] = {"axes": tuple(carried), "component": Fraction(component)}
        component += 1
    return found


def _described(
    architecture: Architecture, shapes: Mapping[str, Shape], span: Span | None
) -> list[_Axis]:
    """The axes by the architecture's description; E414 where it says nothing of these tensors."""
    text = "; ".join(architecture.units)
    groups = parse_units(text) if text else ()
    axes = _complete(groups, _axes(groups, shapes, span))
    if axes:
        return axes
    what = "the model has no config.json that names an architecture with a description"
    if architecture.described:
        what = f"the description of `{architecture.family}` names none of its tensors"
    raise fail(
        "E414",
        "it is not known which units of this model may be reordered",
        span,
        notes=(what,),
        help='say which axes are reordered together, as in `units="fc1.weight[0], '
        'fc1.bias[0], fc2.weight[1]"`',
    )
