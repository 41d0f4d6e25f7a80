"""From source text to syntax tree, with everything that is wrong with the text."""

from lark.exceptions import UnexpectedInput
from lark.utils import TextSlice

from mergec.diagnostics import Diagnostic, Fix, SourceText, Span, sort_by_position
from mergec.frozen import frozen
from mergec.syntax import limits
from mergec.syntax.build import build_statement
from mergec.syntax.mistakes import explain_mistake, explain_stray
from mergec.syntax.nodes import Comment, SpecFile, Statement
from mergec.syntax.scan import Chunk, Scan, scan
from mergec.syntax.tables import load_parser

_EXAMPLE = 'write, for example, `child = linear(model("./a"), model("./b"))`'


@frozen
class ParseResult:
    """The statements that could be parsed, and the findings sorted by position.

    The tree is whole if and only if no finding is an error.
    """

    spec: SpecFile
    diagnostics: tuple[Diagnostic, ...]


def parse_spec(source: SourceText) -> ParseResult:
    """Parses a spec; never raises for what a spec holds.

    A mistake costs its statement only: the others are parsed, so that one run reports several.
    Reports E101 to E105, E107 to E110, E112, E113 and W101. No expression in the tree is more than
    200 levels deep, its selectors included, so whoever walks it may recurse.

    >>> line = "child = ties(base, code, math; density=0.3) |> slerp(instruct, t=0.5)"
    >>> parse_spec(SourceText("child.merge", line)).spec.statements[0]
    Binding(name='child', expr=Pipe(left=Call(func='ties',
    operands=(Name(id='base'), Name(id='code'), Name(id='math')),
    keywords=(Keyword(name='density', value=Number(value=Fraction(3, 10))),)),
    call=Call(func='slerp', operands=(Name(id='instruct'),),
    keywords=(Keyword(name='t', value=Number(value=Fraction(1, 2))),))), docs=())
    """
    first = scan(source)
    found = list(first.diagnostics)
    statements: list[Statement] = []
    chunks = () if first.fatal else first.chunks
    docs = _docs(source, first, chunks)
    for chunk in chunks:
        if not chunk.sound:
            continue
        if len(found) >= limits.DIAGNOSTICS:
            break
        if chunk.kind == "stray":
            found.append(explain_stray(source, (chunk.start, chunk.end)))
            continue
        statement, wrong = _statement(source, chunk, _texts(docs[chunk.start]))
        found += wrong
        if statement is not None:
            statements.append(statement)
    if not chunks and not found:
        found.append(_empty(source))
    if source.byte_order_mark:
        found.append(_marked(source))
    used = {comment.span.start for above in docs.values() for comment in above}
    comments = tuple(each for each in first.comments if each.span.start not in used)
    whole = Span(source, 0, len(source.text))
    spec = SpecFile(first.edition, tuple(statements), comments, whole)
    return ParseResult(spec, sort_by_position(found))


def _statement(
    source: SourceText, chunk: Chunk, docs: tuple[str, ...]
) -> tuple[Statement | None, tuple[Diagnostic, ...]]:
    text = TextSlice(source.text, chunk.start, chunk.end)
    parser = load_parser().parse_interactive(text)  # pyright: ignore[reportUnknownMemberType]  # a bare TextSlice
    ended = False
    try:
        for _ in parser.iter_parse():
            pass
        ended = True
        tree = parser.feed_eof()  # type: ignore[no-untyped-call]  # lark leaves it untyped
    except UnexpectedInput as error:
        place: int | None = error.pos_in_stream
        offset = chunk.end if ended or place is None else place
        bounds = (chunk.start, chunk.end)
        accepted: set[str] = parser.accepts()  # type: ignore[no-untyped-call]  # as above
        return None, (explain_mistake(source, bounds, offset, accepted),)
    statement, wrong = build_statement(source, tree, docs)
    return (None if wrong else statement), wrong


def _docs(
    source: SourceText, first: Scan, chunks: tuple[Chunk, ...]
) -> dict[int, tuple[Comment, ...]]:
    """For the start of each statement, the `##` lines directly above it."""
    by_line = {
        source.position(comment.span.start)[0]: comment
        for comment in first.comments
        if comment.own_line and comment.text.startswith("##") and comment.text[2:3] != "#"
    }
    docs: dict[int, tuple[Comment, ...]] = {}
    for chunk in chunks:
        line = source.position(chunk.start)[0] - 1
        above: list[Comment] = []
        while chunk.kind == "statement" and line in by_line:
            above.append(by_line[line])
            line -= 1
        docs[chunk.start] = tuple(reversed(above))
    return docs


def _texts(comments: tuple[Comment, ...]) -> tuple[str, ...]:
    return tuple(comment.text[2:].removeprefix(" ") for comment in comments)


def _empty(source: SourceText) -> Diagnostic:
    message = "the spec holds no statement"
    return Diagnostic("E109", message, Span(source, 0, 0), help=(_EXAMPLE,))


def _marked(source: SourceText) -> Diagnostic:
    return Diagnostic(
        "W101",
        "the spec begins with a byte order mark",
        Span(source, 0, 0),
        notes=("the mark is ignored",),
        help=("save the file as UTF-8 without a byte order mark",),
        fix=Fix(Span(source, 0, 0), "", safe=True),
    )
