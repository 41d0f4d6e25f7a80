"""Reading mappings: known keys, unknown ones with the name that was meant, kinds of values."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, MergecError, Span, fail, nearest, suggestion_help
from mergec.recipes.scalars import is_null, wrong
from mergec.recipes.yaml_tree import Items, Members, Scalar, Tree

T = TypeVar("T")
P = ParamSpec("P")
Known = dict[str, tuple[Span, Tree]]
"""Members of a mapping by key, with the places of the keys."""


@dataclass(slots=True)
class Reader:
    """Collects what is found, so that one import reports every independent mistake.

    `places` are those of values that were imported, by the words of mergec's parameters.
    """

    lenient: bool
    places: dict[str, Span] = field(default_factory=dict[str, Span])
    _kept: dict[tuple[str, str, int], Diagnostic] = field(
        default_factory=dict[tuple[str, str, int], Diagnostic]
    )

    @property
    def found(self) -> tuple[Diagnostic, ...]:
        """Everything that was kept, in the order in which it was found."""
        return tuple(self._kept.values())

    def report(self, found: Diagnostic) -> None:
        """Keep a finding, once."""
        place = -1 if found.span is None else found.span.start
        self._kept.setdefault((found.code, found.message, place), found)

    def attempt(self, read: Callable[P, T], *args: P.args, **keywords: P.kwargs) -> T | None:
        """What `read` returns; None after keeping the errors that it raises."""
        try:
            return read(*args, **keywords)
        except MergecError as error:
            for each in error.diagnostics:
                self.report(each)
            return None

    def optional(
        self, known: Known, key: str, read: "Callable[[Tree, str, Reader], T]"
    ) -> T | None:
        """A member that may be missing; None for one that is wrong too."""
        if key not in known:
            return None
        return self.attempt(read, known[key][1], key, self)

    def ignored(self, span: Span, message: str) -> None:
        """W901: a key that changes nothing."""
        self.report(Diagnostic("W901", message, span, help=("remove it",)))

    def members(self, tree: Tree, what: str, known: Collection[str]) -> Known:
        """The members of a mapping by key, `null` ones left out; others than `known` are E907.

        If the recipe is read leniently, these are W901.
        """
        if not isinstance(tree, Members):
            raise wrong(tree, what, "a mapping")
        kept: Known = {}
        for key, value in tree.members:
            if key.text not in known:
                self._unknown(key, what, known)
            elif not is_null(value):
                kept[key.text] = (key.span, value)
        return kept

    def _unknown(self, key: Scalar, what: str, known: Collection[str]) -> None:
        message = f"{quoted(key.text)} is no key of {quoted(what)}"
        near = nearest(key.text, known)
        if self.lenient:
            hint = f"`{near}` may have been meant" if near else "remove it"
            note = "mergekit ignores it without a word, and so did this import"
            self.report(Diagnostic("W901", message, key.span, notes=(note,), help=(hint,)))
            return
        hints = [suggestion_help(key.text, known, f"keys of `{what}`")]
        hints.append("or have it ignored, as mergekit does, with `--lenient`")
        note = "mergekit ignores it without a word"
        self.report(Diagnostic("E907", message, key.span, notes=(note,), help=tuple(hints)))


def items(tree: Tree, what: str) -> tuple[Tree, ...]:
    """The entries of a list; E908 for anything else and for an empty one."""
    if not isinstance(tree, Items) or not tree.items:
        raise wrong(tree, what, "a list with at least one entry")
    return tree.items


def required(members: Known, key: str, what: str, span: Span) -> tuple[Span, Tree]:
    """A member that must be there; E909."""
    if key not in members:
        raise fail("E909", f"{quoted(what)} lacks {quoted(key)}", span, help=f"add `{key}:`")
    return members[key]
