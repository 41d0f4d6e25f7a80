"""The first look at a spec: its comments, where its statements begin, and wrong characters.

A statement begins in column 1, with a keyword or a name before `=`, even inside brackets; so one
mistake costs one statement. What this module reports no grammar needs to know: characters, numbers,
strings, and brackets that do not pair.
"""

import re
import unicodedata
from typing import Literal

from mergec.diagnostics import Diagnostic, Label, SourceText, Span
from mergec.frozen import frozen
from mergec.syntax import limits, literals
from mergec.syntax.nodes import Comment

STATEMENTS = ("param", "def", "use", "export", "require")
RESERVED = (*STATEMENTS, "match", "else", "true", "false")

# Refused even in comments and strings: what shows a reader other text than the parser sees.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]|\r(?!\n)"
)
_TOKEN = re.compile(
    r"""
      (?P<space>   (?:[ \t\n]|\r\n)+ )
    | (?P<comment> \#[^\n]* )
    | (?P<string>  "(?:[^"\\\n]|\\[^\n])*" )
    | (?P<open_string> "[^\n]* )
    | (?P<path>    \.{1,2}/[^\s,;)"]* )
    | (?P<word>    [A-Za-z_][A-Za-z0-9_]* )
    | (?P<number>  \.?[0-9](?:[eE][+-](?=[0-9])|[A-Za-z0-9_]|\.(?!\.))* )
    | (?P<opener>  [(\[{] )
    | (?P<closer>  [)\]}] )
    | (?P<wrong>   \*\*|//|&&|\|\||'[^'\n]*' )
    | (?P<sign>    \.\.|\+\+|=>|[=<>!]=|\|>|\.(?=[A-Za-z_])|[,;:+*/&|!<>-] )
    | (?P<equal>   = )
    | (?P<foreign> [^\x00-\x7f]+ )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.DOTALL,
)
_EDITION = re.compile(r"mergec[ \t]+(?!=)([^\s#]+)[ \t]*(?=#|\r?\n|\Z)")
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_HINTS = {
    "^": "write a product; there are no powers",
    "%": "write a share as a decimal, as in `0.3`",
    "//": "begin a comment with `#`",
    "**": "spread operands with one `*`, as in `f(a, *rest)`; there are no powers",
    ".": "write a name of another spec without spaces, as in `common.base`",
    "&&": "write `and` between conditions, and `&` between selectors",
    "||": "write `or` between conditions, and `|` between selectors",
    "\\": "go on in the next line as it is; a line needs no backslash at its end",
}


@frozen
class Chunk:
    """The text of one statement, comments after it excluded.

    `stray` is text before the first statement; `sound` says that nothing in it was reported.
    """

    start: int
    end: int
    kind: Literal["statement", "stray"]
    sound: bool


@frozen
class Scan:
    """What the first look found. `fatal` says that it stopped at a limit: chunks are missing."""

    edition: int | None
    chunks: tuple[Chunk, ...]
    comments: tuple[Comment, ...]
    diagnostics: tuple[Diagnostic, ...]
    fatal: bool


def scan(source: SourceText) -> Scan:
    """Splits `source` into statements; linear in its length."""
    return _Scanner(source).run()


class _Fatal(Exception):
    """A limit was reached; what follows is not looked at."""


class _Scanner:
    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.found: list[Diagnostic] = []
        self.comments: list[Comment] = []
        self.chunks: list[Chunk] = []
        self.start: int | None = None  # of the chunk at hand
        self.kind: Literal["statement", "stray"] = "stray"
        self.sound = True
        self.tokens = 0
        self.brackets: list[tuple[str, int]] = []
        self.before = ("", 0, 0)  # the token before: kind, start, end
        self.end_before = 0  # where the token before that one ended

    def run(self) -> Scan:
        fatal = False
        forbidden = self.forbidden()
        edition, place = self.edition()
        try:
            for match in _TOKEN.finditer(self.source.text, place):
                kind = str(match.lastgroup)
                if kind == "space":
                    continue
                self.count(match.start())
                if kind == "comment":
                    self.comment(match.start(), match.end())
                else:
                    self.token(kind, match.start(), match.end())
            self.close(self.before[2], None)
        except _Fatal:
            fatal = True
        chunks = tuple(
            chunk
            if chunk.sound and not any(chunk.start <= at < chunk.end for at in forbidden)
            else Chunk(chunk.start, chunk.end, chunk.kind, sound=False)
            for chunk in self.chunks
        )
        return Scan(edition, chunks, tuple(self.comments), tuple(self.found), fatal)

    def count(self, start: int) -> None:
        self.tokens += 1
        if self.tokens > limits.TOKENS:
            message = f"the spec has more than {limits.TOKENS} words and signs"
            span = Span(self.source, start, start)
            hints = ("split the spec into several",)
            self.found.append(
                Diagnostic("E107", message, span, "the limit is reached here", help=hints)
            )
            raise _Fatal
        if len(self.found) > limits.DIAGNOSTICS:
            raise _Fatal

    def forbidden(self) -> list[int]:
        """Reports what no part of a spec may hold; returns where it stands."""
        places: list[int] = []
        for match in _FORBIDDEN.finditer(self.source.text):
            places.append(match.start())
            what = _character(match.group())
            hint = "remove this character"
            if match.group() == "\r":
                hint = "end lines with a line feed, or with carriage return and line feed"
            self.found.append(
                Diagnostic(
                    "E105",
                    f"a spec may not hold {what}",
                    Span(self.source, *match.span()),
                    what,
                    help=(hint,),
                )
            )
            if len(places) == limits.DIAGNOSTICS:
                break
        return places

    def edition(self) -> tuple[int | None, int]:
        """The edition of the first line, and where the rest begins."""
        match = _EDITION.match(self.source.text)
        if match is None:
            return None, 0
        if match.group(1) != "1":
            span = Span(self.source, *match.span(1))
            shown = match.group(1)[:40]
            self.found.append(
                Diagnostic(
                    "E110",
                    f"`{shown}` is not an edition that this mergec knows",
                    span,
                    "the known edition is 1",
                    help=("write `mergec 1`, or use a newer mergec",),
                )
            )
        return 1, match.end()

    def comment(self, start: int, end: int) -> None:
        text = self.source.text
        line_start = text.rfind("\n", 0, start) + 1
        own_line = not text[line_start:start].strip()
        self.comments.append(
            Comment(text[start:end].rstrip(), own_line, Span(self.source, start, end))
        )

    def token(self, kind: str, start: int, end: int) -> None:
        self.open_chunk(kind, start)
        self.end_before = self.before[2]
        self.before = (kind, start, end)
        text = self.source.text[start:end]
        if kind == "word" and len(text) > limits.NAME_LENGTH:
            message = f"a name has more than {limits.NAME_LENGTH} letters"
            self.report("E107", message, start, end, "", "write a shorter name")
        elif kind == "number" and (problem := literals.number_problem(text)) is not None:
            self.report("E104", problem[0], start, end, "", problem[1])
        elif kind == "string":
            self.string(text, start, end)
        elif kind == "open_string":
            hint = 'close it with `"`; for a quote inside a string write `\\"`'
            self.report("E103", "a string is never closed", start, end, "opened here", hint)
        elif kind == "opener":
            self.opener(text, start, end)
        elif kind == "closer":
            self.closer(text, start, end)
        elif kind == "path":
            hint = f'write `"{text[:60]}"`'
            self.report("E105", "a path stands without quotes", start, end, "", hint)
        elif kind in ("foreign", "wrong", "other"):
            self.character(text, start, end)

    def open_chunk(self, kind: str, start: int) -> None:
        """Begins a chunk if the token is a statement's keyword, or the `=` after its name."""
        text = self.source.text
        word, word_start, word_end = self.before
        if kind == "equal" and word == "word" and self.in_column_1(word_start):
            if text[word_start:word_end] not in STATEMENTS:
                self.close(self.end_before, word_start)
        elif kind == "word" and self.in_column_1(start):
            match = _TOKEN.match(text, start)
            if match is not None and match.group() in STATEMENTS:
                self.close(self.before[2], start)
        if self.start is None:
            self.start = start

    def close(self, end: int, following: int | None) -> None:
        """Ends the chunk at hand and begins the one at `following`, if any."""
        # A name that turns out to begin a statement was until now the last word of the one before.
        if self.start is not None and self.start < end and self.start != following:
            if self.brackets and self.sound:
                self.unclosed(following)
            self.chunks.append(Chunk(self.start, end, self.kind, self.sound))
        self.start, self.kind = following, "statement"
        self.sound = True
        self.brackets.clear()

    def in_column_1(self, start: int) -> bool:
        return start == 0 or self.source.text[start - 1] == "\n"

    def string(self, text: str, start: int, end: int) -> None:
        if len(text) > limits.STRING_BYTES // 4 and len(text.encode()) > limits.STRING_BYTES:
            self.report("E107", "a string has more than 64 KiB", start, end, "", "write less text")
        elif (bad := literals.bad_escape(text)) is not None:
            hint = 'for a backslash write `\\\\`; the other escapes are `\\"`, `\\n` and `\\t`'
            message = f"`{text[slice(*bad)]}` is not an escape of strings"
            self.report("E105", message, start + bad[0], start + bad[1], "", hint)

    def opener(self, text: str, start: int, end: int) -> None:
        self.brackets.append((text, start))
        if len(self.brackets) > limits.BRACKETS:
            message = f"more than {limits.BRACKETS} brackets are open here"
            hint = "bind an inner expression to a name, and use the name"
            self.report("E108", message, start, end, "one too many", hint)
            raise _Fatal

    def closer(self, text: str, start: int, end: int) -> None:
        if self.brackets and _CLOSERS[self.brackets[-1][0]] == text:
            self.brackets.pop()
            return
        if not self.brackets:
            message, label = f"`{text}` closes nothing", "no bracket is open"
            self.report("E101", message, start, end, label, f"remove `{text}`")
            return
        opened, place = self.brackets[-1]
        if not any(_CLOSERS[each] == text for each, _ in self.brackets):
            message = f"{self.opened_at(opened, place)} is closed by `{text}`"
            labels = (Label(Span(self.source, place, place + 1), "opened here"),)
            hint = f"write `{_CLOSERS[opened]}` here"
            self.report("E102", message, start, end, "", hint, labels)
            return
        opened, place = self.brackets.pop()
        self.report(
            "E102",
            f"{self.opened_at(opened, place)} is never closed",
            place,
            place + 1,
            "opened here",
            f"write `{_CLOSERS[opened]}` where it ends",
            (Label(Span(self.source, start, end), "this closes a bracket further out"),),
        )
        while _CLOSERS[opened] != text:
            opened, _ = self.brackets.pop()

    def unclosed(self, following: int | None) -> None:
        """Reports the innermost bracket that the statement leaves open."""
        opened, place = self.brackets[-1]
        hint = f"write `{_CLOSERS[opened]}` where it ends"
        labels: tuple[Label, ...] = ()
        if following is not None:
            word = _TOKEN.match(self.source.text, following)
            end = word.end() if word else following
            hint += "; if it goes on, indent its lines, for column 1 begins a statement"
            labels = (Label(Span(self.source, following, end), "here the next statement begins"),)
        message = f"{self.opened_at(opened, place)} is never closed"
        self.report("E102", message, place, place + 1, "opened here", hint, labels)

    def opened_at(self, opened: str, place: int) -> str:
        line, column = self.source.position(place)
        return f"`{opened}` opened at {line}:{column}"

    def character(self, text: str, start: int, end: int) -> None:
        if _FORBIDDEN.match(text):
            return  # reported already
        char = text if text.isascii() else text[0]
        what = _character(char)
        hint = _HINTS.get(char, "remove this character")
        if not text.isascii():
            hint = (
                "write names and numbers in ASCII; other characters belong in strings and comments"
            )
        if text.startswith("'"):
            message, hint = "a string stands in single quotes", 'write `"` around it'
        elif text.isascii() and len(text) == 1:
            message = f"`{char}` is not a sign of the language"
        elif text.isascii():
            message = f"`{char}` is not an operator of the language"
        else:
            message = f"{what} stands outside strings and comments"
        self.report("E105", message, start, end, "", hint)

    def report(
        self,
        code: str,
        message: str,
        start: int,
        end: int,
        label: str,
        help: str | None,
        labels: tuple[Label, ...] = (),
    ) -> None:
        self.sound = False
        hints = None if help is None else (help,)
        span = Span(self.source, start, end)
        self.found.append(Diagnostic(code, message, span, label, labels, (), hints))


def _character(char: str) -> str:
    """How a character is named in a message: `U+202E RIGHT-TO-LEFT OVERRIDE`."""
    name = unicodedata.name(char, "") if len(char) == 1 else ""
    controls = {"\x00": "NUL", "\r": "CARRIAGE RETURN", "\x1b": "ESCAPE", "\x7f": "DELETE"}
    name = name or controls.get(char, "")
    if not name and len(char) == 1 and unicodedata.category(char) == "Cc":
        name = "control character"
    return f"U+{ord(char[0]):04X} {name}".strip()
