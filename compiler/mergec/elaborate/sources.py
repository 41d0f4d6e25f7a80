"""`model(...)` and `adapter(...)`: the calls that declare the sources of a spec."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from mergec.catalog.reference import split_revision
from mergec.diagnostics import Diagnostic, Label, Span
from mergec.elaborate.parameters import Report, keywords_by_name
from mergec.elaborate.values import ANY_BASE, POISON, Poison, SourceDecl, Weights
from mergec.ir import DELTA, MODEL, GraphBuilder, Value
from mergec.syntax.nodes import Call, Expr, Name, Text

_KEYWORDS = {"id": "code", "rev": "main"}


@dataclass(slots=True)
class Sources:
    """Every source by its label."""

    builder: GraphBuilder
    report: Report
    known: dict[str, SourceDecl] = field(default_factory=dict[str, SourceDecl])

    def declare(
        self, call: Call, operands: Sequence[Expr], folder: str, label: str | None = None
    ) -> Weights | Poison:
        """The source that `model` or `adapter` names; POISON after reporting what is wrong.

        `folder` is that of the spec which holds the call, relative to the spec that is compiled.
        `label` is that of a source which is the default of a parameter.
        """
        reference = self._reference(call, operands)
        texts = self._keywords(call)
        if reference is None or texts is None:
            return POISON
        ref, revision = split_revision(moved(reference, folder))
        if revision is not None and texts.setdefault("rev", revision) != revision:
            self._two_revisions(call, reference, texts["rev"])
            return POISON
        label = texts.get("id", label or ref)
        rev, is_adapter = texts.get("rev"), call.func == "adapter"
        return self.add(label, ref, rev, call.span, reference, is_adapter=is_adapter)

    def _two_revisions(self, call: Call, reference: str, rev: str) -> None:
        message = f"`{reference}` states its revision, and `rev` another, `{rev}`"
        hint = "leave one of them away"
        self.report(Diagnostic("E216", message, call.span, help=(hint,)))

    def _reference(self, call: Call, operands: Sequence[Expr]) -> str | None:
        if len(operands) != 1:
            message = f"`{call.func}` takes exactly 1 reference, not {len(operands)}"
            hint = f'write the reference in quotes, as in `{call.func}("./code")`'
            self.report(Diagnostic("E209", message, call.span, help=(hint,)))
            return None
        return self._text(call.func, operands[0], "reference", "./code")

    def _keywords(self, call: Call) -> dict[str, str] | None:
        given = keywords_by_name(call.func, list(_KEYWORDS), call.keywords, self.report)
        texts = {
            name: self._text(call.func, keyword.value, name, _KEYWORDS[name])
            for name, keyword in given.sound.items()
        }
        sound = {name: text for name, text in texts.items() if text is not None}
        return sound if given.complete and len(sound) == len(texts) else None

    def _text(self, func: str, written: Expr, what: str, example: str) -> str | None:
        if isinstance(written, Text) and written.value:
            return written.value
        if isinstance(written, Text):
            message = f"the {what} of `{func}` is empty"
        else:
            message = f"the {what} of `{func}` must be a text in quotes"
        if isinstance(written, Name):
            example = f"./{written.id}" if what == "reference" else written.id
        shape = f'{func}("{example}")' if what == "reference" else f'{what}="{example}"'
        hint = f"write it in quotes, as in `{shape}`"
        self.report(Diagnostic("E206", message, written.span, help=(hint,)))
        return None

    def add(
        self,
        label: str,
        ref: str,
        rev: str | None,
        span: Span,
        written: str | None = None,
        *,
        is_adapter: bool = False,
    ) -> Weights | Poison:
        """The source of this label, made if there is none; E215 if it is another one.

        `written` is the reference as the spec has it, None for one from outside.
        """
        known = self.known.get(label)
        same = (ref, rev, is_adapter)
        if known is not None and (known.ref, known.rev, known.is_adapter) != same:
            message = f"two sources have the label `{label}`"
            first = Label(known.span, "the other source")
            hint = "give the parameter another name; it is the label"
            if written is not None:
                func = "adapter" if is_adapter else "model"
                own = f'{func}("{written}", id="{label}-2")'
                hint = f"give this one a label of its own, as in `{own}`"
            note = "masks and the order of operands depend on labels, so each must be unique"
            self.report(
                Diagnostic("E215", message, span, labels=(first,), notes=(note,), help=(hint,))
            )
            return POISON
        params: dict[str, Value] = {"label": label, "ref": ref, "rev": rev}
        if is_adapter:
            key = self.builder.add("adapter", params=params, type=DELTA)
            self.known.setdefault(label, SourceDecl(label, ref, rev, key, span, is_adapter))
            return Weights(key, Fraction(0), label, ANY_BASE, points=frozenset({key}))
        key = self.builder.add("source", params=params, type=MODEL)
        self.known.setdefault(label, SourceDecl(label, ref, rev, key, span))
        return Weights(key, Fraction(1), label, points=frozenset({key}))


def moved(ref: str, folder: str) -> str:
    """A relative path that starts at `folder`, as one that starts where `folder` does.

    >>> moved("./base", "lib"), moved("../base", "lib"), moved("/data/base", "lib")
    ('./lib/base', './base', '/data/base')
    """
    if not folder or not (ref.startswith(("./", "../")) or ref in (".", "..")):
        return ref
    path = posixpath.normpath(posixpath.join(folder, ref))
    return path if path.startswith("../") or path == ".." else f"./{path}"
