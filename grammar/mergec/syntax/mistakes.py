"""What to say where the grammar cannot go on: what stands there, and what may."""

import re
from collections.abc import Set

from mergec.diagnostics import Diagnostic, SourceText, Span
from mergec.syntax.scan import RESERVED, STATEMENTS
from mergec.syntax.slips import OPERATORS, SHOWN, WORD, Place, begins_expression, short, slip

_FOUND = re.compile(
    r"""
      (?:[A-Za-z_]|[0-9]) (?:[A-Za-z_0-9]|\.(?!\.))*
    | "(?:[^"\\\n]|\\.)*"
    | \|> | \.\. | \+\+ | => | [=<>!]= | .
    """,
    re.DOTALL | re.VERBOSE,
)
# Where the grammar takes the first half of such a sign, it stops at the second.
_TWO_HALVES = ("++", "=>", "==")

# Terminals as users type them, in the order in which they are listed.
_SIGNS = {
    "EQUAL": "`=`",
    "COLON": "`:`",
    "_ARROW": "`=>`",
    "AMPERSAND": "`&`",
    "VBAR": "`|`",
    "COMMA": "`,`",
    "SEMICOLON": "`;`",
    "DOTS": "`..`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RBRACE": "`}`",
    "LPAR": "`(`",
    "_FROM": "`from`",
    "_TO": "`to`",
    "_AS": "`as`",
    "LBRACE": "`{`",
    "STRING": "a string",
    "NAME": "a name",
}
_CLOSERS = ("RPAR", "RSQB", "RBRACE")
_AFTER_EXPRESSIONS = ("_FROM", "_TO", "_AS", "LBRACE", "COMMA")


def explain_mistake(
    source: SourceText, chunk: tuple[int, int], offset: int, accepted: Set[str]
) -> Diagnostic:
    """The error (E101) at `offset` of the statement `chunk`, where lark would accept `accepted`."""
    text = source.text
    start, end = chunk
    if start < offset < end and text[offset - 1 : offset + 1] in _TWO_HALVES:
        offset, accepted = offset - 1, frozenset()
    match = _FOUND.match(text, offset, end) if offset < end else None
    keyword = WORD.match(text, start)
    statement = keyword.group() if keyword is not None else ""
    if match is None:
        place = Place("", _before(text, start, end), "", accepted, statement, False, False)
        message, hint = "the statement ends too early", slip(place)
        span = Span(source, end, end)
    else:
        line_start = text.rfind("\n", 0, offset) + 1
        place = Place(
            match.group(),
            _before(text, start, offset),
            text[match.end() : end].lstrip()[:SHOWN],
            accepted,
            statement,
            offset == line_start,
            not text[line_start:offset].strip(),
        )
        message, hint = f"unexpected `{short(place.found)}`", slip(place)
        if place.found in RESERVED and place.names:
            message, hint = f"`{place.found}` is a reserved word", "choose another name"
        span = Span(source, *match.span())
    hints = None if hint is None else (hint,)
    return Diagnostic("E101", message, span, _expected(accepted), help=hints)


def explain_stray(source: SourceText, chunk: tuple[int, int]) -> Diagnostic:
    """The error (E101) for text before the first statement."""
    match = _FOUND.match(source.text, *chunk)
    found = match.group() if match else ""
    after = source.text[chunk[0] + len(found) : chunk[1]].lstrip()
    hint = 'begin with a binding, as in `base = model("./base")`'
    if found == "mergec":
        hint = "write the edition alone in the first line: `mergec 1`"
    elif after.startswith("=="):
        hint = f"write one `=` to bind a name, as in `{short(found)} = ...`"
    elif after.startswith(":"):
        hint = f"to declare a parameter write `param {short(found)}: number = ...`"
    elif after.startswith("=") or found in STATEMENTS:
        hint = "remove the spaces before it; a statement begins in column 1"
    elif WORD.fullmatch(found) and source.position(chunk[0])[1] == 1:
        hint = f"to bind a name write `{short(found)} = ...`"
    span = Span(source, chunk[0], chunk[0] + len(found))
    return Diagnostic("E101", f"`{short(found)}` begins no statement", span, help=(hint,))


def _expected(accepted: Set[str]) -> str:
    """At most five things that may stand here, in the words of users."""
    closers = [_SIGNS[each] for each in _CLOSERS if each in accepted]
    words = [shown for terminal, shown in _SIGNS.items() if terminal in accepted]
    if begins_expression(accepted):
        words = ["an expression", *closers]
    elif "BANG" in accepted:
        words = ["a selector", *(["`else`"] if "ELSE" in accepted else []), *closers]
    elif "NUMBER" in accepted:
        words = ["a range such as `0..24`"] if "DOTS" in accepted else ["a number", *closers]
    elif "AMPERSAND" in accepted:
        words.remove("`(`") if "LPAR" in accepted else None
    elif accepted & OPERATORS:
        if closers:
            words = [word for word in words if word not in ("`=`", "`(`")]
        else:
            words = [_SIGNS[each] for each in _AFTER_EXPRESSIONS if each in accepted]
        words.append("an operator")
    if "$END" in accepted:
        words.append("the end of the statement")
    if not words:
        return "not expected here"
    return "expected " + (", ".join(words[:-1]) + " or " if words[1:] else "") + words[-1]


def _before(text: str, start: int, offset: int) -> str:
    """The last few characters of code before `offset`, in the same statement."""
    return text[max(start, offset - SHOWN) : offset].rstrip()
