"""YAML as recipes need it: mappings, lists and scalars as written, each with its place.

Nothing is resolved: a scalar is its text. Anchors, aliases, merge keys and tags are refused, and
so are keys that are given twice, so that the tree is as large as the file and says what it shows.
"""

from collections.abc import Iterator

import yaml

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Label, MergecError, SourceText, Span, fail
from mergec.frozen import frozen

MAX_BYTES = 256 << 10
_MAX_VALUES = 20_000
_MAX_DEPTH = 24


@frozen
class Scalar:
    """One value as text; `plain` unless it stands in quotes or in a block."""

    text: str
    plain: bool
    span: Span


@frozen
class Items:
    """A list."""

    items: "tuple[Tree, ...]"
    span: Span


@frozen
class Members:
    """A mapping; its keys are unique."""

    members: "tuple[tuple[Scalar, Tree], ...]"
    span: Span


Tree = Scalar | Items | Members


def read_yaml(source: SourceText) -> tuple[Tree, ...]:
    """The documents of a file; E904, E905 or E906 for the first thing that is wrong with it."""
    try:
        return tuple(_Reader(source).documents())
    except yaml.YAMLError as error:
        raise _not_yaml(source, error) from None


class _Reader:
    """Walks the events of PyYAML's parser, which builds nothing by itself."""

    def __init__(self, source: SourceText) -> None:
        self._source = source
        self._events: Iterator[yaml.Event] = yaml.parse(source.text, Loader=yaml.SafeLoader)
        self._values = 0

    def documents(self) -> Iterator[Tree]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                yield self._tree(next(self._events), 0)

    def _tree(self, event: yaml.Event, depth: int) -> Tree:
        span = self._span(event)
        self._values += 1
        if self._values > _MAX_VALUES:
            raise fail("E904", f"the recipe has more than {_MAX_VALUES:,} values", span, help=())
        if depth > _MAX_DEPTH:
            raise fail("E904", f"this is nested more than {_MAX_DEPTH} levels deep", span, help=())
        if isinstance(event, yaml.AliasEvent):
            raise _beyond("an alias", quoted(f"*{event.anchor}"), span)
        if not isinstance(
            event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent
        ):
            raise fail("E904", "a value is missing here", span, help=())
        if event.anchor is not None:
            raise _beyond("an anchor", quoted(f"&{event.anchor}"), span)
        if event.tag is not None:
            raise _beyond("a tag", quoted(event.tag), span)
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(str(event.value), event.implicit[0], span)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(span, depth)
        return self._members(span, depth)

    def _items(self, start: Span, depth: int) -> Items:
        items: list[Tree] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._tree(event, depth + 1))
        return Items(tuple(items), items[0].span.to(items[-1].span) if items else start)

    def _members(self, start: Span, depth: int) -> Members:
        members: dict[str, tuple[Scalar, Tree]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._tree(event, depth + 1)
            if not isinstance(key, Scalar):
                raise _beyond("a key", "that is no word", key.span)
            if key.plain and key.text == "<<":
                raise _beyond("a merge key", "`<<`", key.span)
            if key.text in members:
                first = members[key.text][0].span
                raise fail(
                    "E906",
                    f"{quoted(key.text)} is given twice",
                    key.span,
                    labels=(Label(first, "given first here"),),
                    help="keep one of them",
                )
            members[key.text] = (key, self._tree(next(self._events), depth + 1))
        keys = [key.span for key, _ in members.values()]
        return Members(tuple(members.values()), keys[0].to(keys[-1]) if keys else start)

    def _span(self, event: yaml.Event) -> Span:
        assert event.start_mark is not None
        assert event.end_mark is not None
        start = event.start_mark.index
        return Span(self._source, start, max(start, event.end_mark.index))


def _beyond(what: str, shown: str, span: Span) -> MergecError:
    hint = "write out what is meant, and leave it away"
    return fail("E905", f"the recipe has {what}, {shown}", span, help=hint)


def _not_yaml(source: SourceText, error: yaml.YAMLError) -> MergecError:
    span, problem = None, "it holds a character that YAML does not allow"
    if isinstance(error, yaml.reader.ReaderError):
        span = Span(source, error.position, error.position + 1)
    elif isinstance(error, yaml.MarkedYAMLError):
        problem = str(error.problem or error.context or "it has a mistake")
        mark = error.problem_mark
        span = None if mark is None else Span(source, mark.index, mark.index)
    return fail("E904", f"{quoted(source.name)} is no YAML: {_plain(problem)}", span, help=())


def _plain(problem: str) -> str:
    """What PyYAML says, in characters that a terminal shows as they are."""
    return "".join(char if char.isprintable() else "?" for char in problem)[:200]
