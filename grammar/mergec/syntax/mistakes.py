"""What to say where the grammar cannot go on: what stands there, what may, and the usual slips."""

import re
from collections.abc import Set
from dataclasses import dataclass

from mergec.diagnostics import Diagnostic, SourceText, Span
from mergec.syntax.literals import UNITS
from mergec.syntax.scan import RESERVED

_FOUND = re.compile(r'[A-Za-z_0-9][A-Za-z_0-9.]*|"(?:[^"\\\n]|\\.)*"|\|>|.', re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SHOWN = 40

# Terminals as users type them, in the order in which they are listed.
_SIGNS = {
    "EQUAL": "`=`",
    "COMMA": "`,`",
    "SEMICOLON": "`;`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RBRACE": "`}`",
    "LPAR": "`(`",
    "_AS": "`as`",
    "LBRACE": "`{`",
    "STRING": "a string",
    "NAME": "a name",
}
_OPERATORS = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "_PIPE"})
_BEGINS_EXPRESSION = frozenset({"NUMBER", "LSQB", "TRUE"})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the grammar stopped: the text there (empty at the end), before and after it."""

    found: str
    before: str
    after: str
    accepted: Set[str]
    column_1: bool
    first_in_line: bool


def explain_mistake(
    source: SourceText, chunk: tuple[int, int], offset: int, accepted: Set[str]
) -> Diagnostic:
    """The error (E101) at `offset` of the statement `chunk`, where lark would accept `accepted`."""
    text = source.text
    end = chunk[1]
    match = _FOUND.match(text, offset, end) if offset < end else None
    if match is None:
        place = _Place("", _before(text, chunk[0], end), "", accepted, False, False)
        message, hint = "the statement ends too early", _slip(place)
        span = Span(source, end, end)
    else:
        line_start = text.rfind("\n", 0, offset) + 1
        place = _Place(
            match.group(),
            _before(text, chunk[0], offset),
            text[match.end() : end].lstrip()[:_SHOWN],
            accepted,
            offset == line_start,
            not text[line_start:offset].strip(),
        )
        message, hint = f"unexpected `{_short(place.found)}`", _slip(place)
        if place.found in RESERVED:
            message = f"`{place.found}` is a reserved word"
            hint = "choose another name" if "NAME" in accepted else hint
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
    elif after.startswith("=") or found == "export":
        hint = "remove the spaces before it; a statement begins in column 1"
    elif _WORD.fullmatch(found) and source.position(chunk[0])[1] == 1:
        hint = f"to bind a name write `{_short(found)} = ...`"
    span = Span(source, chunk[0], chunk[0] + len(found))
    return Diagnostic("E101", f"`{_short(found)}` begins no statement", span, help=(hint,))


def _expected(accepted: Set[str]) -> str:
    """At most four things that may stand here, in the words of users."""
    if accepted >= _BEGINS_EXPRESSION:
        others = [_SIGNS[each] for each in ("RPAR", "RSQB") if each in accepted]
        return "expected " + " or ".join(["an expression", *others])
    words = [shown for terminal, shown in _SIGNS.items() if terminal in accepted]
    in_brackets = any(each in accepted for each in ("RPAR", "RSQB", "RBRACE"))
    if accepted & _OPERATORS:
        if in_brackets:
            words = [word for word in words if word not in ("`=`", "`(`")]
        else:
            words = [word for word in words if word in ("`as`", "`{`")]
        words.append("an operator")
    if "$END" in accepted:
        words.append("the end of the statement")
    if not words:
        return "not expected here"
    return "expected " + (", ".join(words[:-1]) + " or " if words[1:] else "") + words[-1]


def _slip(place: _Place) -> str | None:
    """The help for one of the slips that people make most, if this is one."""
    word = _WORD.fullmatch(place.found) is not None
    named = place.after.startswith("=")
    if place.found == "mergec" and place.column_1:
        return "write the edition alone in the first line of the file: `mergec 1`"
    if ((word and named) or place.found == "export") and place.first_in_line and not place.column_1:
        return "if a statement begins here, remove the spaces before it; it begins in column 1"
    if word and place.column_1 and place.accepted & _OPERATORS:
        return f"if a statement begins here, write `{_short(place.found)} = ...`"
    if place.accepted == {"LPAR"}:
        return f"write `{_last_word(place.before)}()`; a pipe goes into a call"
    if place.accepted == {"EQUAL"}:
        return "write `=` between a name and its value"
    if place.accepted == {"STRING"}:
        name = place.found if word else "name"
        return f'write the name as a string: `as "{_short(name)}"`'
    if place.found.startswith('"') and "_AS" in place.accepted:
        return f"write `as {_short(place.found)}`"
    if place.found in UNITS and place.before[-1:].isdigit():
        return f"write the size in one word: `{_last_word(place.before)}{place.found}`"
    if place.found == "=" and place.before.endswith("="):
        return "write one `=` to bind a name; there are no comparisons"
    begins = word or place.found[:1].isdigit() or place.found[:1] in '("['
    if begins and "COMMA" in place.accepted:
        return f"write `,` before `{_short(place.found)}`"
    return None


def _before(text: str, start: int, offset: int) -> str:
    """The last few characters of code before `offset`, in the same statement."""
    return text[max(start, offset - _SHOWN) : offset].rstrip()


def _last_word(text: str) -> str:
    match = re.search(r"[\w.]+\Z", text)
    return match.group() if match else "f"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
