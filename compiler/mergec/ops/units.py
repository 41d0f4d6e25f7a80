"""Which axes of which tensors may be reordered together, as text.

A *unit* of a network is what has no place of its own: a neuron of a hidden layer, or an attention
head. Its numbers lie along axes of several tensors, and if all of these are put in one new order
the network computes what it did. Such axes are a group, and a text says which:

    fc1.weight[0], fc1.bias[0]?, fc2.weight[1]; layers.#.o.weight[1 / 8], layers.#.qkv[0 / 3x8]

Groups are parted by `;`, axes by `,`. A name holds from any dot on; in it `*` is any run of
characters of one dotted part, and `#` is a number. Each number, and each different beginning in
front of the name, has a group of its own where a `#` stands; without one all tensors are in one
group. `[1]` is an axis with one unit for each index, `[1 / 8]` one with 8 units of equal width, and
`[0 / 3x8]` three times 8 in a row. A `?` marks an axis that need not be there.
"""

import re
from collections.abc import Iterator

from mergec.catalog.glob import glob_matches
from mergec.catalog.place_names import is_number
from mergec.frozen import frozen

_AXIS = re.compile(
    r"(?P<name>[^\s\[\],;?]+)\s*"
    r"\[\s*(?P<axis>\d{1,2})\s*(?:/\s*(?:(?P<parts>\d{1,9})\s*x)?\s*(?P<units>\d{1,9})?\s*)?\]"
    r"\s*(?P<optional>\?)?"
)

Key = tuple[int, str, tuple[str, ...]]
"""A group: the number of what is written, what is in front of the name, and the numbers in it."""


@frozen
class WrittenAxis:
    """An axis of the tensors that a name stands for. `units` is None for one at each index."""

    text: str
    name: tuple[str, ...]
    axis: int
    parts: int
    units: int | None
    optional: bool

    def numbers_in(self, tensor: str) -> tuple[str, tuple[str, ...]] | None:
        """What is in front of the name in a tensor's, and the numbers in it; None if it is not."""
        parts = tensor.split(".")
        at = len(parts) - len(self.name)
        if at < 0 or not all(map(_fits, self.name, parts[at:])):
            return None
        numbers = (part for want, part in zip(self.name, parts[at:], strict=True) if want == "#")
        return ".".join(parts[:at]), tuple(numbers)

    @property
    def numbers(self) -> int:
        """How many numbers are in the name."""
        return self.name.count("#")


WrittenGroup = tuple[WrittenAxis, ...]


class UnitsError(ValueError):
    """The text is not as it must be; the words of the exception say what is wrong with it."""


@frozen
class Carried:
    """A group that an axis of a tensor carries, and how it is written."""

    key: Key
    written: WrittenAxis


def parse_units(text: str) -> tuple[WrittenGroup, ...]:
    """The groups of a text. Raises UnitsError.

    >>> [[axis.text for axis in group] for group in parse_units("a[0], b[1 / 2x]; c[0]")]
    [['a[0]', 'b[1 / 2x]'], ['c[0]']]
    """
    written = [part.strip() for part in text.split(";")]
    groups = tuple(_group(part) for part in written if part)
    if not groups:
        raise UnitsError("it names no axis")
    return groups


def carried_by(groups: tuple[WrittenGroup, ...], tensor: str) -> Iterator[Carried]:
    """The groups that a tensor of this name carries, in the order in which they are written."""
    for number, group in enumerate(groups):
        for axis in group:
            found = axis.numbers_in(tensor)
            if found is not None:
                prefix, numbers = found
                yield Carried((number, prefix if numbers else "", numbers), axis)


def _group(text: str) -> WrittenGroup:
    group = tuple(_axis(part.strip()) for part in text.split(","))
    counts = {axis.numbers for axis in group}
    if len(counts) > 1:
        raise UnitsError(f"the names in `{text}` have different numbers of `#`")
    return group


def _axis(text: str) -> WrittenAxis:
    found = _AXIS.fullmatch(text)
    if found is None or (found["units"] is None and found["parts"] is None and "/" in text):
        raise UnitsError(f"`{text}` is no axis of a tensor" if text else "an axis is missing")
    parts = int(found["parts"] or 1)
    units = int(found["units"]) if found["units"] else None
    if not parts or units == 0:
        raise UnitsError(f"`{text}` has no unit")
    name, optional = tuple(found["name"].split(".")), found["optional"] is not None
    shown = text.removesuffix("?").rstrip()
    return WrittenAxis(shown, name, int(found["axis"]), parts, units, optional)


def _fits(want: str, part: str) -> bool:
    return is_number(part) if want == "#" else glob_matches(want, part)
