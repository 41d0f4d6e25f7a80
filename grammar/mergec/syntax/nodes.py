"""The syntax tree: frozen nodes with spans, as written and before any name is resolved.

Spans and comments do not take part in equality, so `parse(format(tree)) == tree` means that the
two texts say the same thing.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from mergec.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Comment:
    """One `#` comment with its marker; `own_line` unless it follows code on its line."""

    text: str
    own_line: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A name used as a value."""

    id: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal literal, exact."""

    value: Fraction
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Size:
    """A size in bytes such as `5GB` (10⁹) or `5GiB` (2³⁰); `unit` is kept for the formatter."""

    count: Fraction
    unit: str
    span: Span = field(compare=False, repr=False)

    @property
    def bytes(self) -> int:
        """The size in bytes, rounded down."""
        step = 1024 if "i" in self.unit else 1000
        return int(self.count * step ** ("BKMGT".index(self.unit[0])))


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal, unescaped."""

    value: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Bool:
    """`true` or `false`."""

    value: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[a, b, c]`."""

    items: "tuple[Expr, ...]"
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Negate:
    """`-x`."""

    operand: "Expr"
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`left op right` with `op` one of `+ - * /`; chains nest to the left."""

    op: str
    left: "Expr"
    right: "Expr"
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Keyword:
    """`name=value` in a call or in export settings; `name_span` covers the name alone."""

    name: str
    value: "Expr"
    span: Span = field(compare=False, repr=False)
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`func(operands; keywords)`; `func_span` covers the name alone."""

    func: str
    operands: "tuple[Expr, ...]"
    keywords: tuple[Keyword, ...]
    span: Span = field(compare=False, repr=False)
    func_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pipe:
    """`left |> call`, meaning `call` with `left` put before its operands."""

    left: "Expr"
    call: Call
    span: Span = field(compare=False, repr=False)


Expr = Name | Number | Size | Text | Bool | ListLiteral | Negate | Binary | Call | Pipe


@dataclass(frozen=True, slots=True)
class Binding:
    """`name = expr`. `docs` are the lines of the `##` block above it."""

    name: str
    expr: Expr
    docs: tuple[str, ...]
    span: Span = field(compare=False, repr=False)
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Export:
    """`export [delta] expr [as "name"] [{ settings }]`."""

    expr: Expr
    delta: bool
    name: Text | None
    settings: tuple[Keyword, ...]
    docs: tuple[str, ...]
    span: Span = field(compare=False, repr=False)


Statement = Binding | Export


@dataclass(frozen=True, slots=True)
class SpecFile:
    """A whole spec: the edition (None if the line is absent), its statements, its comments."""

    edition: int | None
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...] = field(compare=False)
    span: Span = field(compare=False, repr=False)
