"""What the elaboration of one spec shares, with all the specs that it uses."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NoReturn

from mergec.diagnostics import Diagnostic, Label, Span, fail
from mergec.elaborate.sources import Sources
from mergec.elaborate.values import Contract
from mergec.ir import GraphBuilder, NodeKey
from mergec.ir.labels import Labels
from mergec.ir.schedule import Choice
from mergec.syntax.allow import IN_CALL

# Macros that call macros multiply; a spec that needs more is no recipe.
_MAX_EXPANSIONS = 10_000
_MAX_STEPS = 400_000  # expressions evaluated in the bodies of macros
# A level takes up to three frames of Python's own stack, a call three times that, and Python has a
# thousand of them.
CALL_LEVELS = 3
_MAX_LEVELS = 270
_SHOWN_CALLS = 3
# Findings about a number, which parameters of the spec may have a part in.
_ABOUT_NUMBERS = frozenset({"E203", "E301", "E307"})
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(slots=True)
class Workspace:
    """The graph under construction, the sources by label, and everything found wrong so far.

    `knobs` are the values of the spec's parameters, as text. `calls` are the calls of macros that
    are being expanded, outermost first: what is found in a macro's body is shown there and at these
    calls. `exhausted` says that the macros expand without end, so that nothing more is looked at.
    """

    builder: GraphBuilder = field(default_factory=GraphBuilder)
    found: list[Diagnostic] = field(default_factory=list[Diagnostic])
    errors: int = 0
    nodes: dict[NodeKey, Span] = field(default_factory=dict[NodeKey, Span])
    parameters: dict[tuple[NodeKey, str], Span] = field(
        default_factory=dict[tuple[NodeKey, str], Span]
    )
    arms: dict[Choice | NodeKey, tuple[Span, ...]] = field(
        default_factory=dict[Choice | NodeKey, tuple[Span, ...]]
    )
    knobs: dict[str, str] = field(default_factory=dict[str, str])
    contracts: list[Contract] = field(default_factory=list[Contract])
    calls: list[tuple[str, Span]] = field(default_factory=list[tuple[str, Span]])
    sources: Sources = field(init=False)
    labels: Labels = field(init=False)
    expansions: int = 0
    steps: int = 0
    levels: int = 0
    exhausted: bool = False
    _seen: set[tuple[str, str, Span | None]] = field(
        default_factory=set[tuple[str, str, Span | None]]
    )

    def __post_init__(self) -> None:
        self.sources = Sources(self.builder, self.report)
        self.labels = Labels(self.builder)

    def report(self, found: Diagnostic) -> None:
        """Keep a finding, once; one in a macro's body is labelled with the calls that led there."""
        same = (found.code, found.message, found.span)
        if same in self._seen:
            return
        self._seen.add(same)
        calls = [
            Label(span, f"{IN_CALL} `{name}`")
            for name, span in reversed(self.calls[-_SHOWN_CALLS:])
            if found.span is None or not _inside(found.span, span)
        ]
        self.errors += found.severity == "error"
        notes = (*found.notes, *self._given(found))
        self.found.append(replace(found, labels=(*found.labels, *calls), notes=notes))

    def _given(self, found: Diagnostic) -> list[str]:
        """The values of parameters that an expression with a wrong number names."""
        if found.code not in _ABOUT_NUMBERS or found.span is None or self.calls:
            return []
        words = dict.fromkeys(_WORD.findall(found.span.text))
        return [f"`{word}` is {self.knobs[word]}" for word in words if word in self.knobs]

    @contextmanager
    def expanding(self, name: str, call: Span) -> Generator[None]:
        """Around the expansion of a macro; E107 for a spec that expands without end."""
        self.expansions += 1
        if self.expansions > _MAX_EXPANSIONS or self.steps > _MAX_STEPS:
            self.exhausted = True
            what = f"{_MAX_EXPANSIONS} calls" if self.steps <= _MAX_STEPS else f"{_MAX_STEPS} terms"
            raise fail(
                "E107",
                f"the macros of this spec expand to more than {what}",
                call,
                label="not expanded any further",
                help="let the macros call fewer others",
            )
        self.calls.append((name, call))
        try:
            yield
        finally:
            self.calls.pop()

    @contextmanager
    def deeper(self, at: Span, levels: int = 1) -> Generator[None]:
        """Around an expression in another; E108 where calls, brackets and macros nest too deep."""
        self.steps += bool(self.calls)
        self.levels += levels
        try:
            if self.levels > _MAX_LEVELS:
                self._refuse_depth(at)
            yield
        finally:
            self.levels -= levels

    def _refuse_depth(self, at: Span) -> NoReturn:
        if self.calls:  # the body that is one too many was no mistake; the call that leads there is
            name, call = self.calls[0]
            raise fail(
                "E108",
                f"with its macros written out `{name}` nests calls too deep",
                call,
                label="nested too deep from here on",
                help="let the macros call fewer others, or bind a part to a name",
            )
        raise fail(
            "E108",
            "calls and operators are nested too deep here",
            at,
            help="bind a part of it to a name",
        )


def _inside(span: Span, outer: Span) -> bool:
    return span.source is outer.source and outer.start <= span.start and span.end <= outer.end
