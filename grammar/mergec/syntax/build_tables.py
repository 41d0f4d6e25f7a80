"""Writes the LALR tables of `merge.lark`: `python -m mergec.syntax.build_tables`.

Fails on any LALR conflict and on any two terminals that could match the same text in one state;
the latter needs `interegular`, a development dependency.
"""

import hashlib
import json
from pathlib import Path

from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from mergec.syntax.tables import TABLES

GRAMMAR = Path(__file__).with_name("merge.lark")


def build_parser() -> Lark:
    """The parser from the grammar itself. Raises `lark.exceptions.GrammarError` on a conflict."""
    return Lark(
        GRAMMAR.read_text("utf-8"),
        parser="lalr",
        lexer="contextual",
        strict=True,
        propagate_positions=True,
        maybe_placeholders=False,
    )


def grammar_digest() -> str:
    """The SHA-256 of the grammar's text, by which stale tables are noticed."""
    return hashlib.sha256(GRAMMAR.read_bytes()).hexdigest()


def write_tables() -> None:
    """Builds the tables and writes them over the old ones."""
    parser = build_parser()
    data, memo = parser.memo_serialize([TerminalDef, Rule])  # pyright: ignore[reportUnknownMemberType]  # a bare List
    # A strict parser wants interegular when it is loaded too; whoever loads need not have it.
    data["options"]["strict"] = False
    stored = {"grammar": grammar_digest(), "data": data, "memo": memo}
    TABLES.write_text(json.dumps(stored, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    write_tables()
