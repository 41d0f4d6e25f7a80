"""The one way to write a spec: `mergec fmt`."""

import re
from collections.abc import Sequence
from dataclasses import replace

from mergec.diagnostics import Span
from mergec.frozen import frozen
from mergec.syntax.attach import Attached, attach
from mergec.syntax.layout import layout, parameters, settings
from mergec.syntax.literals import string_text
from mergec.syntax.nodes import (
    Binding,
    Comment,
    Def,
    Export,
    Param,
    Require,
    SpecFile,
    Statement,
    Use,
)
from mergec.syntax.one_line import one_line

# Before these, `delta` is read as a name: `export delta -x`.
_NAME_BEFORE = re.compile(r"[-\[]|(?:and|or)(?![A-Za-z0-9_])")


def format_spec(spec: SpecFile) -> str:
    """The canonical text of a spec without errors; formatting it again changes nothing.

    Comments stay with the line, argument, stage or term they belong to; of several blank lines one
    is kept. The `=` of bindings in lines that touch are aligned. Lines longer than 100 characters
    are broken into one argument, stage or term a line.
    """
    pieces = _pieces(spec)
    lines: list[str] = []
    previous = 0
    for start, end in _runs(pieces):
        width = max((len(piece.name) for piece in pieces[start:end]), default=0)
        for piece in pieces[start:end]:
            if lines and piece.first > previous + 1:
                lines.append("")
            lines += piece.above
            name = f"{piece.name.ljust(width)} = " if piece.name else ""
            lines.append(name + piece.text + piece.comment)
            previous = piece.last
    return "".join(line + "\n" for line in lines)


@frozen
class _Piece:
    """A statement, or a comment line between statements.

    `first` and `last` are its lines in the source; `name` is empty unless it may be aligned.
    """

    first: int
    last: int
    above: tuple[str, ...]
    name: str
    text: str
    comment: str


def _pieces(spec: SpecFile) -> list[_Piece]:
    pieces: list[_Piece] = []
    waiting = sorted(spec.comments, key=lambda comment: comment.span.start)
    if spec.edition is not None:
        pieces.append(_Piece(1, 1, (), "", f"mergec {spec.edition}", ""))
    for statement in spec.statements:
        start, end = statement.span.start, statement.span.end
        pieces = _add_comments(pieces, [each for each in waiting if each.span.start < start])
        inside = [each for each in waiting if start <= each.span.start < end]
        waiting = [each for each in waiting if each.span.start >= max(start, end)]
        pieces.append(_statement(statement, attach(statement, inside)))
    return _add_comments(pieces, waiting)


def _add_comments(pieces: list[_Piece], comments: Sequence[Comment]) -> list[_Piece]:
    """Adds comments after the last piece, or to its line."""
    for comment in comments:
        line = _line(comment.span)
        if not comment.own_line and pieces:
            pieces[-1] = replace(pieces[-1], comment=f"  {comment.text}")
        else:
            pieces.append(_Piece(line, line, (), "", comment.text, ""))
    return pieces


def _statement(statement: Statement, attached: Attached) -> _Piece:
    # Right above a statement a `##` line would become its documentation.
    moved = ["#" + text.lstrip("#") for text in attached.above]
    above = (*moved, *(f"## {line}".rstrip() for line in statement.docs))
    first = _line(statement.span) - len(statement.docs)
    last = _line(Span(statement.span.source, statement.span.end, statement.span.end))
    if not isinstance(statement, Binding):
        return _Piece(first, last, above, "", _text(statement, attached), "")
    column = len(statement.name) + 3
    text = layout(statement.expr, attached, 0, column, 0)
    if "\n" in text:
        return _Piece(first, last, above, "", f"{statement.name} = {text}", "")
    return _Piece(first, last, above, statement.name, text, "")


def _text(statement: Export | Param | Def | Use | Require, attached: Attached) -> str:
    match statement:
        case Export():
            return _export(statement, attached)
        case Param():
            return _param(statement, attached)
        case Def():
            head = f"def {statement.name}"
            head += parameters(statement, attached, len(head)) + " = "
            return head + layout(statement.expr, attached, 0, _column(head), 0)
        case Use():
            return f"use {string_text(statement.path.value)} as {statement.name}"
        case Require():
            why = f", {string_text(statement.why.value)}"
            return "require " + layout(statement.condition, attached, 0, 8, len(why)) + why


def _export(export: Export, attached: Attached) -> str:
    head = "export delta " if export.delta else "export "
    name = f" as {string_text(export.name.value)}" if export.name else ""
    bracket = export.delta and _NAME_BEFORE.match(one_line(export.expr)) is not None
    gap = " " if export.settings else ""
    column = len(head) + 2 * bracket
    text = layout(export.expr, attached, 0, column, len(name) + 2)
    if bracket:
        text = f"({text})"
    line = head + text + name + gap
    return line + settings(export, attached, _column(line))


def _param(param: Param, attached: Attached) -> str:
    text = f"param {param.name}: {param.type}"
    for word, expr in (("=", param.default), ("from", param.lo), ("to", param.hi)):
        if expr is not None:
            text += f" {word} "
            text += layout(expr, attached, 0, _column(text), 0)
    return text


def _column(text: str) -> int:
    return len(text.rpartition("\n")[2])


def _runs(pieces: Sequence[_Piece]) -> list[tuple[int, int]]:
    """The stretches of `pieces` that are aligned together: bindings on lines that touch."""
    runs: list[tuple[int, int]] = []
    for index, piece in enumerate(pieces):
        touches = (
            index > 0
            and piece.name
            and pieces[index - 1].name
            and not piece.above
            and piece.first <= pieces[index - 1].last + 1
        )
        if touches:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def _line(span: Span) -> int:
    return span.source.position(span.start)[0]
