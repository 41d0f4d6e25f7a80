"""The settings of an `export` about its vocabulary: `tokenizer`, `pad_to_multiple_of`, `rows`.

`tokenizer` is a source, `union(a, b, ...)` of sources, or the path of a tokenizer. `rows` lists
`row("token", source)`, whose vector for a token is used where others lack it; with `force=true` it
is used in place of theirs. `of=` names another token of that source, or an id, and `0` in place of
a source is a row of zeros.
"""

from collections.abc import Collection, Mapping

from mergec.diagnostics import Diagnostic, Span
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate.parameters import Report
from mergec.elaborate.values import Meaning, SourceDecl, TokenizerDecl, TokenRow, Weights
from mergec.elaborate.wording import quoted
from mergec.frozen import frozen
from mergec.syntax.nodes import Binding, Bool, Call, Expr, Keyword, ListLiteral, Name, Number, Text

# More would be no padding any more.
_MOST_PADDING = 1 << 20
_ROW = 'write `row("token", source)`, such as `row("<|im_start|>", code, force=true)`'


class _Wrong(Exception):
    """A setting that was reported."""


@frozen
class TokenizerSettings:
    """Reads the three; `bindings` and `sources` say what names stand for."""

    bindings: Mapping[str, tuple[Binding, Meaning]]
    sources: Collection[SourceDecl]
    report: Report

    def read(
        self, tokenizer: Keyword | None, padding: Keyword | None, rows: Keyword | None
    ) -> TokenizerDecl | None:
        """What they say together; None after reporting E206. At least one is given."""
        given = [setting for setting in (tokenizer, padding, rows) if setting is not None]
        try:
            labels, path = ((), None) if tokenizer is None else self._tokenizer(tokenizer)
            multiple = 1 if padding is None else self._multiple(padding)
            found = () if rows is None else self._rows(rows)
        except _Wrong:
            return None
        return TokenizerDecl(labels, path, multiple, found, given[0].value.span)

    def _tokenizer(self, setting: Keyword) -> tuple[tuple[str, ...], str | None]:
        value = setting.value
        if isinstance(value, Text) and value.value:
            return (), value.value
        if not isinstance(value, Call) or value.func != "union":
            return (self._source(value, "`tokenizer` cannot be"),), None
        labels = [
            self._source(operand, "`union` takes sources, and not") for operand in value.operands
        ]
        if len({*labels}) != len(labels) or len(labels) < 2 or value.keywords:
            self._refuse(
                value.span,
                f"`{quoted(value.span)}` is no union of two tokenizers or more",
                "name each source once, as in `tokenizer = union(base, code)`",
            )
        return tuple(labels), None

    def _source(self, value: Expr, cannot: str) -> str:
        """The label of the source that a name stands for."""
        labels = {source.key: source.label for source in self.sources}
        bound = self.bindings.get(value.id) if isinstance(value, Name) else None
        meaning = bound[1] if bound is not None else None
        if isinstance(meaning, Weights) and meaning.key in labels:
            return labels[meaning.key]
        models = ((name, it) for name, (_, it) in self.bindings.items() if isinstance(it, Weights))
        names = [name for name, it in models if it.key in labels]
        hint = suggestion_help(quoted(value.span), names, "sources")
        self._refuse(value.span, f"{cannot} `{quoted(value.span)}`", hint)
        raise _Wrong

    def _multiple(self, setting: Keyword) -> int:
        value = setting.value
        whole = isinstance(value, Number) and value.value.denominator == 1
        if isinstance(value, Number) and whole and 1 <= value.value <= _MOST_PADDING:
            return int(value.value)
        self._refuse(
            value.span,
            f"`pad_to_multiple_of` cannot be `{quoted(value.span)}`",
            "write a whole number, as in `pad_to_multiple_of = 64`",
        )
        raise _Wrong

    def _rows(self, setting: Keyword) -> tuple[TokenRow, ...]:
        value = setting.value
        items = value.items if isinstance(value, ListLiteral) else ()
        if not items:
            self._refuse(value.span, f"`rows` cannot be `{quoted(value.span)}`", _ROW)
        found = [self._row(item) for item in items]
        tokens = [row.token for row in found]
        for number, row in enumerate(found):
            if row.token in tokens[:number]:
                self._refuse(row.span, "two rows are given for one token", "keep one of them")
        return tuple(found)

    def _row(self, item: Expr) -> TokenRow:
        named = item.operands if isinstance(item, Call) and item.func == "row" else ()
        if not isinstance(item, Call) or len(named) != 2 or not isinstance(named[0], Text):
            self._refuse(item.span, f"`{quoted(item.span)}` is no row", _ROW)
            raise _Wrong
        token, source = named
        assert isinstance(token, Text)
        zero = isinstance(source, Number) and source.value == 0
        label = None if zero else self._source(source, "`row` takes a source, and not")
        of: str | int | None = None
        force = False
        for keyword in item.keywords:
            value = keyword.value
            if keyword.name == "force" and isinstance(value, Bool):
                force = value.value
            elif keyword.name == "of" and isinstance(value, Text) and not zero:
                of = value.value
            elif keyword.name == "of" and isinstance(value, Number) and not zero:
                of = self._id(value)
            else:
                self._refuse(keyword.span, f"`row` does not take `{quoted(keyword.span)}`", _ROW)
        return TokenRow(token.value, label, of, force, item.span)

    def _id(self, value: Number) -> int:
        if value.value.denominator != 1 or value.value < 0:
            self._refuse(value.span, f"`{quoted(value.span)}` is no token's id", _ROW)
        return int(value.value)

    def _refuse(self, span: Span, message: str, hint: str) -> None:
        self.report(Diagnostic("E206", message, span, help=(hint,)))
        raise _Wrong
