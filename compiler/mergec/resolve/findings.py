"""Findings about tensors: the first one is shown, and how many more there are."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

from mergec.diagnostics import Diagnostic
from mergec.ir import NodeKey

_Place = tuple[NodeKey, str]


class StoppedError(Exception):
    """This tensor has an error, which is kept."""


@dataclass(slots=True)
class Findings:
    """Collects what is wrong, one finding for each place in the spec."""

    first: dict[_Place, Diagnostic] = field(default_factory=dict[_Place, Diagnostic])
    count: dict[_Place, int] = field(default_factory=dict[_Place, int])

    def add(self, place: _Place, found: Diagnostic) -> None:
        """Keep the first finding of a place, and count the others."""
        self.first.setdefault(place, found)
        self.count[place] = self.count.get(place, 0) + 1

    def stop(self, place: _Place, found: Diagnostic) -> NoReturn:
        """Keep a finding that says all there is to say of a tensor."""
        self.add(place, found)
        raise StoppedError

    def report(self, report: Callable[[Diagnostic], None]) -> None:
        """Hand on what was found."""
        for place, found in self.first.items():
            more = self.count[place] - 1
            tensors = "tensor" if more == 1 else "tensors"
            notes = (f"so it is in {more} more {tensors}",) if more else ()
            report(replace(found, notes=(*found.notes, *notes)))
