"""The syntax tree: frozen nodes with spans, as written and before any name is resolved.

Spans and comments do not take part in equality, so `parse(format(tree)) == tree` means that the
two texts say the same thing.
"""

from dataclasses import field
from fractions import Fraction

from mergec.diagnostics import Span
from mergec.frozen import frozen


@frozen
class Comment:
    """One `#` comment with its marker; `own_line` unless it follows code on its line."""

    text: str
    own_line: bool
    span: Span = field(compare=False, repr=False)


@frozen
class Name:
    """A name used as a value; `common.base` for a name of another spec."""

    id: str
    span: Span = field(compare=False, repr=False)


@frozen
class Number:
    """A decimal literal, exact."""

    value: Fraction
    span: Span = field(compare=False, repr=False)


@frozen
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


@frozen
class Text:
    """A string literal, unescaped."""

    value: str
    span: Span = field(compare=False, repr=False)


@frozen
class Bool:
    """`true` or `false`."""

    value: bool
    span: Span = field(compare=False, repr=False)


@frozen
class ListLiteral:
    """`[a, b, c]`."""

    items: "tuple[Expr, ...]"
    span: Span = field(compare=False, repr=False)


@frozen
class Negate:
    """`-x`."""

    operand: "Expr"
    span: Span = field(compare=False, repr=False)


@frozen
class Binary:
    """`left op right` with `op` one of `+ - * / ++`; chains nest to the left."""

    op: str
    left: "Expr"
    right: "Expr"
    span: Span = field(compare=False, repr=False)


@frozen
class Keyword:
    """`name=value` in a call or in export settings; `name_span` covers the name alone."""

    name: str
    value: "Expr"
    span: Span = field(compare=False, repr=False)
    name_span: Span = field(compare=False, repr=False)


@frozen
class Call:
    """`func(operands; keywords)`; `func` is `common.f` for a macro of another spec.

    `func_span` covers the name alone. The operands of `select` end with one `Selection`, those of
    `rename` with one `Renaming` or more.
    """

    func: str
    operands: "tuple[Expr, ...]"
    keywords: tuple[Keyword, ...]
    span: Span = field(compare=False, repr=False)
    func_span: Span = field(compare=False, repr=False)


@frozen
class Pipe:
    """`left |> call`, meaning `call` with `left` put before its operands."""

    left: "Expr"
    call: Call
    span: Span = field(compare=False, repr=False)


@frozen
class Spread:
    """`*rest` among the operands of a call."""

    operand: "Expr"
    span: Span = field(compare=False, repr=False)


@frozen
class Range:
    """`lo..hi`, half-open; a bound that is not written is None."""

    lo: "Expr | None"
    hi: "Expr | None"
    span: Span = field(compare=False, repr=False)


@frozen
class Slice:
    """`value[lo..hi]`: some of the layers of a value."""

    value: "Expr"
    range: Range
    span: Span = field(compare=False, repr=False)


@frozen
class Role:
    """A selector that is a role: `attn`."""

    name: str
    span: Span = field(compare=False, repr=False)


@frozen
class Layers:
    """The selector `layers(lo..hi)`."""

    range: Range
    span: Span = field(compare=False, repr=False)


@frozen
class Glob:
    """A selector that is a pattern for tensor names: `"*.norm.*"`."""

    pattern: str
    span: Span = field(compare=False, repr=False)


@frozen
class Without:
    """The selector `!inner`."""

    inner: "Selector"
    span: Span = field(compare=False, repr=False)


@frozen
class Both:
    """The selector `left & right`; chains nest to the left."""

    left: "Selector"
    right: "Selector"
    span: Span = field(compare=False, repr=False)


@frozen
class Either:
    """The selector `left | right`, which binds less tightly than `&`; chains nest to the left."""

    left: "Selector"
    right: "Selector"
    span: Span = field(compare=False, repr=False)


Selector = Role | Layers | Glob | Without | Both | Either


@frozen
class Selection:
    """The selector that is the last operand of `select`."""

    selector: Selector
    span: Span = field(compare=False, repr=False)


@frozen
class Renaming:
    """`"old" => "new"`, an operand of `rename`; each pattern holds at most one `*`."""

    old: Text
    new: Text
    span: Span = field(compare=False, repr=False)


@frozen
class Arm:
    """`selector => value` of a `match`; `selector` is None for `else`."""

    selector: Selector | None
    value: "Expr"
    span: Span = field(compare=False, repr=False)


@frozen
class Match:
    """`match { selector => value, ..., else => value }`."""

    arms: tuple[Arm, ...]
    span: Span = field(compare=False, repr=False)


@frozen
class Compare:
    """`left op right` with `op` one of `< <= > >= == != in`; it does not chain."""

    op: str
    left: "Expr"
    right: "Expr"
    span: Span = field(compare=False, repr=False)


@frozen
class Logic:
    """`left op right` with `op` `and` or `or`; chains nest to the left."""

    op: str
    left: "Expr"
    right: "Expr"
    span: Span = field(compare=False, repr=False)


@frozen
class Not:
    """`not x`."""

    operand: "Expr"
    span: Span = field(compare=False, repr=False)


Expr = (
    Name
    | Number
    | Size
    | Text
    | Bool
    | ListLiteral
    | Negate
    | Binary
    | Call
    | Pipe
    | Spread
    | Slice
    | Selection
    | Renaming
    | Match
    | Compare
    | Logic
    | Not
)


@frozen
class Binding:
    """`name = expr`. `docs` are the lines of the `##` block above it."""

    name: str
    expr: Expr
    docs: tuple[str, ...]
    span: Span = field(compare=False, repr=False)
    name_span: Span = field(compare=False, repr=False)


@frozen
class Export:
    """`export [delta] expr [as "name"] [{ settings }]`."""

    expr: Expr
    delta: bool
    name: Text | None
    settings: tuple[Keyword, ...]
    docs: tuple[str, ...]
    span: Span = field(compare=False, repr=False)


@frozen
class Param:
    """`param name: type = default from lo to hi`; default and bounds are None if absent."""

    name: str
    type: str
    default: Expr | None
    lo: Expr | None
    hi: Expr | None
    docs: tuple[str, ...]
    span: Span = field(compare=False, repr=False)
    name_span: Span = field(compare=False, repr=False)
    type_span: Span = field(compare=False, repr=False)


@frozen
class DefParameter:
    """A parameter of a macro; `default` is None if it must be given."""

    name: str
    default: Expr | None
    span: Span = field(compare=False, repr=False)


@frozen
class Def:
    """`def name(a, *rest, k=0.3) = expr`.

    `operands` come before `rest` (None if the macro has none), `keywords` are the parameters with
    a default, which are given by name.
    """

    name: str
    operands: tuple[DefParameter, ...]
    rest: DefParameter | None
    keywords: tuple[DefParameter, ...]
    expr: Expr
    docs: tuple[str, ...]
    span: Span = field(compare=False, repr=False)
    name_span: Span = field(compare=False, repr=False)

    @property
    def parameters(self) -> tuple[DefParameter, ...]:
        """All of them, in the order of the text."""
        rest = () if self.rest is None else (self.rest,)
        return (*self.operands, *rest, *self.keywords)


@frozen
class Use:
    """`use "path" as name`."""

    path: Text
    name: str
    docs: tuple[str, ...]
    span: Span = field(compare=False, repr=False)
    name_span: Span = field(compare=False, repr=False)


@frozen
class Require:
    """`require condition, "why"`."""

    condition: Expr
    why: Text
    docs: tuple[str, ...]
    span: Span = field(compare=False, repr=False)


Statement = Binding | Export | Param | Def | Use | Require


@frozen
class SpecFile:
    """A whole spec: the edition (None if the line is absent), its statements, its comments."""

    edition: int | None
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...] = field(compare=False)
    span: Span = field(compare=False, repr=False)
