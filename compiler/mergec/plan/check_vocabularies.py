"""Whether embeddings that are merged row by row have the same token in every row.

That is so of models of one tokenizer. Where it is not, the mean of two rows is a vector of no
token, and the child talks nonsense although every shape fits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from mergec.catalog import Checkpoint
from mergec.catalog.architecture import Architecture
from mergec.catalog.quoted import counted, quoted
from mergec.catalog.token_tensors import TokenTensors, token_tensors
from mergec.catalog.tokenizer import Tokenizer
from mergec.catalog.tokenizer_differences import Differences, differences
from mergec.diagnostics import Diagnostic, Label, MergecError, Span
from mergec.elaborate import Elaborated, ExportDecl
from mergec.elaborate.parameters import Report
from mergec.frozen import frozen
from mergec.plan.known_tokenizers import KnownTokenizers, beyond
from mergec.plan.model import Row

_Pair = tuple[str, str]


@frozen
class VocabularyCheck:
    """Compares the vocabularies of sources whose rows for tokens meet."""

    elaborated: Elaborated
    checkpoints: Mapping[str, Checkpoint]
    architectures: Mapping[str, Architecture]
    known: KnownTokenizers
    report: Report
    _tensors: dict[str, TokenTensors | None] = field(default_factory=dict[str, TokenTensors | None])
    _judged: dict[_Pair, bool] = field(default_factory=dict[_Pair, bool])
    _said: set[object] = field(default_factory=set[object])

    def judge(self, export: ExportDecl, rows: Sequence[Row]) -> frozenset[str]:
        """The tensors of an export whose rows do not belong together, which is reported.

        Reports E502 and E503, and W501 to W503, W505 and W508 to W510 of what need not be wrong.
        """
        wrong: set[str] = set()
        for row in rows:
            if any(entry.view is not None for entry in row.entries):
                continue  # rows were found by token
            pairs = zip(row.labels, row.entries, strict=True)
            labels = [label for label, entry in pairs if self._has_tokens(label, entry.name)]
            others = [label for label in dict.fromkeys(labels) if label != export.donor]
            first = export.donor if export.donor in labels else next(iter(others), None)
            for other in others:
                self._check_rows(other)
                if first is not None and other != first and self._differ(export, first, other):
                    wrong.add(row.tensor)
        self._check_donor(export)
        return frozenset(wrong)

    def _has_tokens(self, label: str, name: str) -> bool:
        found = self._found(label)
        return found is not None and name in found.names

    def _found(self, label: str) -> TokenTensors | None:
        if label not in self._tensors:
            self._tensors[label] = token_tensors(self.checkpoints[label], self.architectures[label])
        return self._tensors[label]

    def _differ(self, export: ExportDecl, left: str, right: str) -> bool:
        """Whether the vocabularies of two sources are different ones; told once."""
        if (left, right) not in self._judged:
            self._judged[left, right] = self._compare(export, left, right)
        return self._judged[left, right]

    def _compare(self, export: ExportDecl, left: str, right: str) -> bool:
        if self.known.alike(left, right):
            return False
        mine, theirs = self._found(left), self._found(right)
        if mine is None or theirs is None:
            return False
        if self.known.of_same_tokens(left, right):
            self._compare_use(export, left, right)
            return False
        apart = self.known.apart(left, right, (mine.rows, theirs.rows))
        if apart is not None:
            self.report(self._mismatch(export, left, right, apart))
            return True
        one, two = self._tokenizer(left), self._tokenizer(right)
        if one is None or two is None:
            if one is not None or two is not None:
                self._report_missing(left if one is None else right, right if one is None else left)
            return False
        found = differences(one, two).within(mine.rows, theirs.rows)
        if found.moved or (found.alone and mine.rows != theirs.rows):
            self.report(self._mismatch(export, left, right, found))
            return True
        if found.alone:
            self.report(self._alone(export, left, right, found))
        elif found.rules:
            self.report(self._other_rules(left, right, found))
        self._compare_use(export, left, right)
        return False

    def _compare_use(self, export: ExportDecl, left: str, right: str) -> None:
        """W503 and W510 where nobody said whose chat template and special tokens the child has."""
        if export.delta or export.tokenizer is not None:
            return
        one, two = self.known.special_tokens(left), self.known.special_tokens(right)
        other = [role for role in sorted(one.keys() & two.keys()) if one[role] != two[role]]
        if other:
            notes = (
                f"`{role}` is {quoted(one[role])} in `{left}` and {quoted(two[role])} in `{right}`"
                for role in other
            )
            self.report(self._other_special(left, right, tuple(notes)))
        if self.known.template(left) != self.known.template(right):
            self.report(self._other_template(left, right))

    def _report_missing(self, label: str, other: str) -> None:
        """W508, once, unless its tokenizer is there and could not be read."""
        if label not in self._said:
            self._said.add(label)
            self.report(self._missing(label, other))

    def _check_rows(self, label: str) -> None:
        """W509, once, for tokens of a source that has no rows for them; not for the donor."""
        found = self._found(label)
        if found is None or ("rows", label) in self._said:
            return
        self._said.add(("rows", label))
        lost = beyond(label, self.known.tokens_to_check(label), found.rows)
        if lost is not None:
            self.report(replace(self._at(lost, label), code="W509"))

    def _tokenizer(self, label: str) -> Tokenizer | None:
        """A source's tokenizer; W505, once, where it cannot be read."""
        try:
            return self.known.of(label)
        except MergecError as error:
            if error.diagnostics[0].code not in ("E505", "E506"):
                raise  # it could not be fetched
            if label not in self._said:
                self._said.add(label)
                self.report(self._unread(label, error.diagnostics[0]))
            return None

    def _check_donor(self, export: ExportDecl) -> None:
        """E503 for a tokenizer that the child would have and whose ids have no rows."""
        found = self._found(export.donor)
        if export.delta or export.tokenizer is not None or found is None:
            return
        lost = beyond(export.donor, self.known.tokens_to_check(export.donor), found.rows)
        if lost is not None and export.donor not in self._said:
            self._said.add(export.donor)
            self.report(self._at(lost, export.donor))

    def _mismatch(
        self, export: ExportDecl, left: str, right: str, found: Differences
    ) -> Diagnostic:
        a, b = self._name(left), self._name(right)
        count = len(found.moved)
        what = f"{counted(count, 'id')} {'has' if count == 1 else 'have'} another token"
        if found.partial:
            what = "parts of them, which were fetched, show it"
        elif not count:
            what = f"{counted(len(found.alone), 'token')} of one alone, and other numbers of rows"
        fixes = f"`tokenizer = union({a}, {b})`, or `tokenizer = {a}`"
        return Diagnostic(
            "E502",
            f"the vocabularies of `{left}` and `{right}` differ, and their rows are merged",
            self._span(right),
            what,
            labels=(Label(span, "than here"),) if (span := self._span(left)) else (),
            notes=found.notes(left, right),
            help=(
                f"have rows merged by token: write {fixes} into the braces of"
                f" `export {export.name} {{ ... }}`",
                "or take the embeddings of one model, by `match { embed | head => ... }`",
            ),
        )

    def _alone(self, export: ExportDecl, left: str, right: str, found: Differences) -> Diagnostic:
        a, b = self._name(left), self._name(right)
        return Diagnostic(
            "W501",
            f"{counted(len(found.alone), 'token')} of `{left}` and `{right}` are in one"
            " vocabulary alone",
            self._span(right),
            notes=(*found.notes(left, right), "their rows are merged with rows of no token"),
            help=(
                f"write `tokenizer = union({a}, {b})` into the braces of"
                f" `export {export.name} {{ ... }}`",
            ),
        )

    def _other_rules(self, left: str, right: str, found: Differences) -> Diagnostic:
        return Diagnostic(
            "W502",
            f"`{left}` and `{right}` have one vocabulary and take text apart in different ways",
            self._span(right),
            notes=(f"they differ in {', '.join(found.rules)}",),
            help=("check that both were trained on text that was taken apart in the same way",),
        )

    def _other_template(self, left: str, right: str) -> Diagnostic:
        lacking = [self.known.template(label) is None for label in (left, right)]
        what = f"`{left}` and `{right}` have different chat templates"
        if any(lacking):
            without, having = (left, right) if lacking[0] else (right, left)
            what = f"`{having}` has a chat template, and `{without}` has none"
        return Diagnostic(
            "W503",
            what,
            self._span(right),
            notes=(f"the child has what `{left}` has",),
            help=(f"say whose it has, as in `tokenizer = {self._name(right)}`",),
        )

    def _other_special(self, left: str, right: str, notes: tuple[str, ...]) -> Diagnostic:
        return Diagnostic(
            "W510",
            f"`{left}` and `{right}` give special roles to different tokens",
            self._span(right),
            notes=(*notes, f"the child has what `{left}` has"),
            help=(f"say whose it has, as in `tokenizer = {self._name(right)}`",),
        )

    def _missing(self, label: str, other: str) -> Diagnostic:
        return Diagnostic(
            "W508",
            f"there is no tokenizer beside `{label}`, whose rows are merged with those of"
            f" `{other}`",
            self._span(label),
            notes=("that both have the same token in every row is taken on trust",),
            help=(
                f"put the tokenizer's files of `{label}` beside its weights",
                "or take the embeddings of one model, by `match { embed | head => ... }`",
            ),
        )

    def _unread(self, label: str, error: Diagnostic) -> Diagnostic:
        return Diagnostic(
            "W505",
            f"the vocabulary of `{label}` was not compared with those of the others",
            self._span(label),
            notes=(error.message,),
            help=error.help,
        )

    def _at(self, found: Diagnostic, label: str) -> Diagnostic:
        return Diagnostic(
            found.code, found.message, self._span(label), notes=found.notes, help=found.help
        )

    def _name(self, label: str) -> str:
        decl = next(it for it in self.elaborated.sources if it.label == label)
        return self.elaborated.places.names.get(decl.key, quoted(label).strip("`"))

    def _span(self, label: str) -> Span | None:
        return next((it.span for it in self.elaborated.sources if it.label == label), None)
