"""Characters to syntax tree and back. Knows no operator by name."""

from mergec.syntax.format import format_spec
from mergec.syntax.nodes import (
    Binary,
    Binding,
    Bool,
    Call,
    Comment,
    Export,
    Expr,
    Keyword,
    ListLiteral,
    Name,
    Negate,
    Number,
    Pipe,
    Size,
    SpecFile,
    Statement,
    Text,
)
from mergec.syntax.parser import ParseResult, parse_spec
from mergec.syntax.read import decode_spec, read_spec

__all__ = [
    "Binary",
    "Binding",
    "Bool",
    "Call",
    "Comment",
    "Export",
    "Expr",
    "Keyword",
    "ListLiteral",
    "Name",
    "Negate",
    "Number",
    "ParseResult",
    "Pipe",
    "Size",
    "SpecFile",
    "Statement",
    "Text",
    "decode_spec",
    "format_spec",
    "parse_spec",
    "read_spec",
]
