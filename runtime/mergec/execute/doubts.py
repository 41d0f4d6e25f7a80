"""What stages tell while they run: warnings once for all tensors of an expression, and cuts."""

from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import final

from mergec.diagnostics import Diagnostic, Span
from mergec.execute.cuts import ExportCuts, served, tensor_cuts
from mergec.execute.sweep import Cut, Notice
from mergec.plan import Plan
from mergec.plan.steps import Step


@final
class Doubts:
    """Collects warnings from all threads."""

    def __init__(self) -> None:
        self._found: list[tuple[Span | None, Diagnostic]] = []
        self._cuts: dict[int, dict[str, list[Cut]]] = {}
        self._doubtful: set[int] = set()
        self._lock = Lock()

    def of(self, step: Step) -> Callable[[Notice], None]:
        """What takes the warnings of a step, which are about the first place that it serves."""
        span = next((place.result for place in step.places), None)

        def add(found: Notice) -> None:
            with self._lock:
                self._doubtful.add(id(step))
                if isinstance(found, Diagnostic):
                    self._found.append((span, found))
                    return
                for number, tensor in served(step, found.call):
                    self._cuts.setdefault(number, {}).setdefault(tensor, []).append(found)

        return add

    def about(self, step: Step) -> bool:
        """Whether there is any about a step, the very object that `of` was given, or a cut."""
        return id(step) in self._doubtful

    def cuts(self, plan: Plan) -> tuple[ExportCuts, ...]:
        """What was left out of the tensors of each export of which something was."""
        return tuple(
            ExportCuts(export.decl.name, tensor_cuts(self._cuts[number]))
            for number, export in enumerate(plan.exports)
            if number in self._cuts
        )

    def warnings(self) -> tuple[Diagnostic, ...]:
        """One of each code and place, about the tensor whose name is first, and how many more."""
        kinds: dict[tuple[str, Span | None], list[Diagnostic]] = {}
        for span, found in self._found:
            kinds.setdefault((found.code, span), []).append(found)
        told: list[Diagnostic] = []
        for (_, span), alike in kinds.items():
            first, more = min(alike, key=lambda found: found.message), len(alike) - 1
            counted = (f"so it is in {more} more tensor{'s' * (more != 1)}",) if more else ()
            told.append(replace(first, span=span, notes=(*first.notes, *counted)))
        return tuple(sorted(told, key=lambda found: (found.code, found.message)))
