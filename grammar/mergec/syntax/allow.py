"""Comments that allow warnings: `# mergec: allow W203 because the base is meant`."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import takewhile

from mergec.diagnostics import (
    CODES,
    Diagnostic,
    Fix,
    SourceText,
    Span,
    sort_by_position,
)
from mergec.frozen import frozen
from mergec.syntax.nodes import Comment, SpecFile, Statement

_DIRECTIVE = re.compile(r"#[ \t]*mergec[ \t]*:", re.IGNORECASE)
_NEVER_ALLOWED = frozenset({"W207", "W208"})
# Warnings about these only the headers of sources can give; so do all of W4 and above.
_LATE = frozenset({"W202", "W203"})
# As people may write a code: in any letter case, or in words.
_BY_NAME = {
    name: row.id for row in CODES.values() for name in (row.id, row.id.casefold(), row.slug)
}
# How findings in a macro's body label the calls that led there.
IN_CALL = "in this call of"
_SHOWN = 40
_REASON_SHOWN = 80


def apply_allows(
    spec: SpecFile, found: Sequence[Diagnostic], *, complete: bool
) -> tuple[Diagnostic, ...]:
    """`found` without what comments of `spec` allow, and with what is wrong with these; sorted.

    A comment allows the warnings in the statement that it stands in or behind, or directly above,
    in the block of comment lines that touches it. Findings in other texts are kept. Adds W208 for
    what is no `allow`, and W207 for one that allowed nothing, unless `found` holds an error, which
    may have hidden the warning. `complete` says that sources were looked at; without, no `allow`
    of a warning that they alone can give is called unused.
    """
    read = [each for each in map(_read, spec.comments) if each is not None]
    if not read:
        return sort_by_position(found)
    wrong = [each for each in read if isinstance(each, Diagnostic)]
    statements = _Statements(spec)
    allows = [(each, statements.of(each.comment)) for each in read if isinstance(each, _Allow)]
    by_place: dict[tuple[int, str], _Allow] = {}
    for allow, place in allows:
        for code in allow.codes:
            if place is not None:
                by_place.setdefault((place, code), allow)
    kept: list[Diagnostic] = []
    used: set[tuple[int, str]] = set()
    for each in found:
        keys = [(place, each.code) for place in statements.touched(each)]
        allowing = [by_place[key] for key in keys if key in by_place]
        if allowing:
            used.add((allowing[0].comment.span.start, each.code))
        else:
            kept.append(each)
    if all(each.severity == "warning" for each in found):
        wrong += _unused(allows, used, complete=complete)
    return sort_by_position((*kept, *wrong))


@frozen
class _Allow:
    comment: Comment
    codes: tuple[str, ...]
    reason: str


class _Statements:
    """The statements of a spec, by their place; they stand in the order of the text."""

    def __init__(self, spec: SpecFile) -> None:
        self.source = spec.span.source
        self.spans = [statement.span for statement in spec.statements]
        self.starts = [span.start for span in self.spans]
        self.tops = [self.top(statement) for statement in spec.statements]

    def top(self, statement: Statement) -> int:
        """The line where the comments directly above `statement` begin; its own if none do."""
        line, _ = self.source.position(statement.span.start)
        while self.source.line(line - 1).lstrip().startswith("#"):
            line -= 1
        return line

    def around(self, span: Span | None) -> int | None:
        """The index of the statement that `span` lies in."""
        if span is None or span.source != self.source:
            return None
        index = bisect_right(self.starts, span.start) - 1
        return index if index >= 0 and span.end <= self.spans[index].end else None

    def touched(self, found: Diagnostic) -> list[int]:
        """The statements that a finding is about: where it is, and the calls of macros above it."""
        calls = [label.span for label in found.labels if label.text.startswith(IN_CALL)]
        places = [self.around(span) for span in (found.span, *calls)]
        return [place for place in places if place is not None]

    def of(self, comment: Comment) -> int | None:
        """The index of the statement that `comment` belongs to."""
        start = comment.span.start
        line, _ = self.source.position(start)
        following = bisect_right(self.starts, start)
        if following > 0:
            end = self.spans[following - 1].end
            behind = not comment.own_line and line == self.source.position(end)[0]
            if start < end or behind:
                return following - 1
        above = comment.own_line and following < len(self.tops) and line >= self.tops[following]
        return following if above else None


def _read(comment: Comment) -> _Allow | Diagnostic | None:
    """What a comment says to mergec: an `allow`, or W208; None for a comment to people."""
    directive = _DIRECTIVE.match(comment.text)
    if directive is None:
        return None
    verb, *words = comment.text[directive.end() :].split() or [""]
    if "because" in words:
        cut = words.index("because")
        named, reason = words[:cut], words[cut + 1 :]
        guess = reason
    else:
        named = list(takewhile(lambda word: word == "," or _known([word]), words))
        reason, guess = [], words[len(named) :]
        # Nothing that begins like a list of codes: then it is a list of something else.
        named = named or words
    message = _problem(verb, _split(named), reason)
    if message is None:
        return _Allow(comment, tuple(_split(named)), " ".join(reason))
    return Diagnostic("W208", message, _span(comment), help=(_right_form(named, guess),))


def _problem(verb: str, codes: Sequence[str], reason: Sequence[str]) -> str | None:
    """What is wrong with an `allow`, or None."""
    if not verb:
        return "`# mergec:` is followed by nothing"
    if verb != "allow":
        return f"`{verb[:_SHOWN]}` is nothing that `# mergec:` can say"
    for code in codes:
        if code in _NEVER_ALLOWED:
            return f"`{code}` is about comments like this one, and cannot be allowed"
        if code in CODES and not _allowable(code):
            return f"`{code}` is an error, and errors cannot be allowed"
        if code not in CODES:
            return f"`{code[:_SHOWN]}` is not the code of a warning"
    if not codes:
        return "this `allow` names no warning"
    return None if reason else "this `allow` gives no reason"


def _right_form(named: Sequence[str], reason: Sequence[str]) -> str:
    """The help for a comment that names these codes and gives this reason."""
    known = _known(named)
    codes = [code for code in known if _allowable(code)]
    why = " ".join(reason)
    why = why if 0 < len(why) <= _REASON_SHOWN else "..."
    if codes:
        return f"write `# mergec: allow {', '.join(codes)} because {why}`"
    if known:
        return "remove the comment, and correct what it is about"
    return f"write, for example, `# mergec: allow W203 because {why}`"


def _split(words: Iterable[str]) -> list[str]:
    """The codes of a list, each once, with or without commas between them."""
    return list(dict.fromkeys(" ".join(words).replace(",", " ").split()))


def _known(words: Iterable[str]) -> list[str]:
    """The codes that `words` mean, be they in lower case or slugs."""
    return [_BY_NAME[code] for code in _split(words) if code in _BY_NAME]


def _allowable(code: str) -> bool:
    return code.startswith("W") and code not in _NEVER_ALLOWED


def _unused(
    allows: Iterable[tuple[_Allow, int | None]], used: set[tuple[int, str]], *, complete: bool
) -> list[Diagnostic]:
    """W207 for each `allow` with codes that were not found, the codes named."""
    found: list[Diagnostic] = []
    for allow, place in allows:
        if place is None:
            found.append(_astray(allow))
            continue
        start = allow.comment.span.start
        left = [
            code
            for code in allow.codes
            if (start, code) not in used and (complete or _from_text_alone(code))
        ]
        if left:
            found.append(_idle(allow, left))
    return found


def _from_text_alone(code: str) -> bool:
    return code[1] in "123" and code not in _LATE


def _idle(allow: _Allow, left: Sequence[str]) -> Diagnostic:
    names = " and ".join(f"`{code}`" for code in left)
    kept = [code for code in allow.codes if code not in left]
    span = _span(allow.comment)
    if kept:
        text = f"# mergec: allow {', '.join(kept)} because {allow.reason}"
        fix, hint = Fix(span, text, safe=True), f"remove {names} from the comment"
    else:
        fix, hint = Fix(_whole(allow.comment), "", safe=True), "remove the comment"
    message = f"this `allow` of {names} allows nothing"
    label = "there is no such warning to allow"
    return Diagnostic("W207", message, span, label, help=(hint,), fix=fix)


def _astray(allow: _Allow) -> Diagnostic:
    """The comment may be right and its place wrong, so to remove it is not safe."""
    return Diagnostic(
        "W207",
        "this `allow` belongs to no statement",
        _span(allow.comment),
        "no statement touches this comment",
        help=("write it directly above the statement that it is about, or remove it",),
        fix=Fix(_whole(allow.comment), "", safe=False),
    )


def _span(comment: Comment) -> Span:
    """The comment without the carriage return that may end its line."""
    return Span(comment.span.source, comment.span.start, comment.span.start + len(comment.text))


def _whole(comment: Comment) -> Span:
    """What goes away with a comment: its line, or the blanks between it and the code before."""
    source, span = comment.span.source, _span(comment)
    if comment.own_line:
        return Span(source, _line_start(source, span.start), _line_end(source, span.end))
    line_start = _line_start(source, span.start)
    code = source.text[line_start : span.start].rstrip()
    return Span(source, line_start + len(code), span.end)


def _line_start(source: SourceText, offset: int) -> int:
    return source.text.rfind("\n", 0, offset) + 1


def _line_end(source: SourceText, offset: int) -> int:
    return (source.text.find("\n", offset) + 1) or len(source.text)
