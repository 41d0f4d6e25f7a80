"""The settings of an export's tokenizer, as a spec would write them."""

from collections.abc import Mapping
from fractions import Fraction

from mergec.elaborate.print_node import call
from mergec.elaborate.print_number import NOWHERE
from mergec.elaborate.values import TokenizerDecl, TokenRow
from mergec.syntax.nodes import Bool, Call, Expr, ListLiteral, Number, Text


def tokenizer_settings(decl: TokenizerDecl, named: Mapping[str, Expr]) -> dict[str, Expr]:
    """Those that are given; `named` is what the spec calls each source."""
    settings: dict[str, Expr] = {}
    if decl.path is not None:
        settings["tokenizer"] = Text(decl.path, NOWHERE)
    elif len(decl.labels) == 1:
        settings["tokenizer"] = named[decl.labels[0]]
    elif decl.labels:
        settings["tokenizer"] = call("union", [named[label] for label in decl.labels])
    if decl.multiple != 1:
        settings["pad_to_multiple_of"] = Number(Fraction(decl.multiple), NOWHERE)
    if decl.rows:
        items = tuple(_row(row, named) for row in decl.rows)
        settings["rows"] = ListLiteral(items, NOWHERE)
    return settings


def _row(row: TokenRow, named: Mapping[str, Expr]) -> Call:
    source: Expr = Number(Fraction(0), NOWHERE) if row.label is None else named[row.label]
    words: dict[str, Expr] = {}
    if isinstance(row.of, int):
        words["of"] = Number(Fraction(row.of), NOWHERE)
    elif row.of is not None:
        words["of"] = Text(row.of, NOWHERE)
    if row.force:
        words["force"] = Bool(True, NOWHERE)
    return call("row", [Text(row.token, NOWHERE), source], words)
