"""The vocabulary of each export that has a `tokenizer` setting, and the graph that leads to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mergec.catalog import Checkpoint
from mergec.catalog.architecture import Architecture
from mergec.catalog.open_checkpoint import is_of_tokenizer
from mergec.catalog.quoted import quoted
from mergec.catalog.token_tensors import token_tensors
from mergec.catalog.tokenizer import Tokenizer, read_tokenizer
from mergec.catalog.tokenizer_files import TokenizerFiles, tokenizer_files
from mergec.catalog.union_tokenizer import union_files, union_tokens
from mergec.diagnostics import Diagnostic, MergecError, Span, fail
from mergec.diagnostics.suggest import suggestion_help
from mergec.elaborate import Elaborated, ExportDecl, TokenizerDecl
from mergec.elaborate.parameters import Report
from mergec.frozen import frozen
from mergec.plan.known_tokenizers import KnownTokenizers, beyond
from mergec.resolve.child_vocabulary import Alignment, ChildVocabulary, Parent, align


@frozen
class ExportVocabulary:
    """The vocabulary that an export was given.

    `tokenizer` is what its ids belong to where it is no source's alone; `files` are those written
    for it. `copied` labels the source whose tokenizer files are copied, as far as `files` has no
    others, and `dropped` are those of its files that would contradict the result.
    """

    decl: TokenizerDecl
    child: ChildVocabulary
    alignment: Alignment
    files: Mapping[str, bytes]
    copied: str | None
    dropped: frozenset[str] = frozenset()


@frozen
class Vocabularies:
    """Finds the vocabulary of exports; `root` is where a path in the spec starts."""

    checked: Elaborated
    checkpoints: Mapping[str, Checkpoint]
    architectures: Mapping[str, Architecture]
    known: KnownTokenizers
    root: Path

    def of(self, export: ExportDecl, report: Report) -> ExportVocabulary | None:
        """What its settings come to; None where there are none, and after reporting E503 to E509.

        None too where no source of it has a tokenizer and a source's own is asked for: then there
        is nothing that could differ.
        """
        decl = export.tokenizer
        if decl is None:
            return None
        try:
            return self._of(export, decl)
        except MergecError as error:
            for found in error.diagnostics:
                report(replace(found, span=found.span or decl.span))
        return None

    def _of(self, export: ExportDecl, decl: TokenizerDecl) -> ExportVocabulary | None:
        leaves = self.checked.graph.leaves(export.node)
        labels = {str(leaf.param("label")) for leaf in leaves} | decl.named
        labels = {label for label in labels if self._is_of_text(label, decl)}
        owners = decl.labels or ((export.donor,) if decl.path is None else ())
        plain = len(owners) == 1 and decl.multiple == 1 and not decl.rows
        tokenizers = {label: self.known.of(label) for label in sorted(labels | {*owners})}
        if plain and not any(tokenizers.values()):
            return None
        lacking = [label for label, tokenizer in tokenizers.items() if tokenizer is None]
        if lacking:
            raise _no_tokenizer(lacking, self.checkpoints)
        found = {label: it for label, it in tokenizers.items() if it is not None}
        parents = [self._parent(label, found[label]) for label in sorted(labels)]
        child = self._child(decl, owners, found, {parent.label: parent for parent in parents})
        alignment = align(child, parents, export.donor)
        files, copied, dropped = self._files(decl, owners, found, child)
        return ExportVocabulary(decl, child, alignment, files, copied, dropped)

    def _is_of_text(self, label: str, decl: TokenizerDecl) -> bool:
        """Whether a source has rows for tokens; one that is named must, or it is reported."""
        known = token_tensors(self.checkpoints[label], self.architectures[label])
        return known is not None or label in decl.named

    def _parent(self, label: str, tokenizer: Tokenizer) -> Parent:
        tensors = token_tensors(self.checkpoints[label], self.architectures[label])
        if tensors is None:
            raise fail(
                "E508",
                f"it is not known which tensors of `{label}` have a row for each token",
                notes=("no tensor of its names is an embedding that mergec knows",),
                help="leave the setting out, or name a source whose architecture is described",
            )
        found = beyond(label, tokenizer.tokens, tensors.rows)
        if found is not None:
            raise MergecError([found])
        return Parent(label, tokenizer.tokens, tensors.rows, tensors.names)

    def _child(
        self,
        decl: TokenizerDecl,
        owners: Sequence[str],
        found: Mapping[str, Tokenizer],
        parents: Mapping[str, Parent],
    ) -> ChildVocabulary:
        if decl.path is not None:
            tokens: Mapping[str, int] = self._at_path(decl.path).tokens
        else:
            tokens = union_tokens([(label, found[label]) for label in owners])
        owner = owners[0] if owners else None
        rows = max(tokens.values(), default=-1) + 1
        if owner is not None:
            rows = max(rows, parents[owner].rows)
        rows = -(-rows // decl.multiple) * decl.multiple
        settled = {
            _id(row.token, tokens, row.span): None
            if row.label is None
            else (row.label, _row(row.of or row.token, parents[row.label], row.span))
            for row in decl.rows
        }
        forced = frozenset(tokens[row.token] for row in decl.rows if row.force)
        return ChildVocabulary(tokens, rows, owner, settled, forced)

    def _at_path(self, path: str) -> Tokenizer:
        folder, names = self._folder(path)
        tokenizer = read_tokenizer(folder, names)
        if tokenizer is None:
            raise fail(
                "E504",
                f"there is no tokenizer in {quoted(path)}",
                help="name a folder with a tokenizer.json",
            )
        return tokenizer

    def _folder(self, path: str) -> tuple[Path, list[str]]:
        """The folder of a tokenizer, and its files."""
        folder = self.root / path
        try:
            names = [it.name for it in folder.iterdir() if it.is_file() and it.name.isprintable()]
        except (OSError, ValueError):
            raise fail(
                "E504",
                f"there is no folder {quoted(path)}",
                help="name a source, or the folder of a tokenizer",
            ) from None
        return folder, sorted(filter(is_of_tokenizer, names))

    def _files(
        self,
        decl: TokenizerDecl,
        owners: Sequence[str],
        found: Mapping[str, Tokenizer],
        child: ChildVocabulary,
    ) -> tuple[Mapping[str, bytes], str | None, frozenset[str]]:
        """What is written for the tokenizer, whose files are copied, and which of them are not."""
        if decl.path is not None:
            folder, names = self._folder(decl.path)
            reader = TokenizerFiles(folder)
            read = {name: reader.bytes(name) or b"" for name in names}
            for name, problem in reader.problems.items():
                raise fail("E505", f"{quoted(folder / name)} {problem}", help="remove the file")
            return read, None, frozenset()
        if len(owners) == 1 or child.tokens == found[owners[0]].tokens:
            return {}, owners[0], frozenset()
        files = union_files([(label, found[label]) for label in owners], child.tokens)
        # Other forms of the first tokenizer, which a loader might prefer.
        others = tokenizer_files(self.checkpoints[owners[0]])
        kept = ("tokenizer_config.json", "special_tokens_map.json", "chat_template")
        return files, owners[0], frozenset(it for it in others if not it.startswith(kept))


def _id(token: str, tokens: Mapping[str, int], span: Span) -> int:
    if token in tokens:
        return tokens[token]
    raise fail(
        "E509",
        f"the child has no token {quoted(token)}",
        span,
        help=suggestion_help(token, (), "rows for it to fill")
        if not tokens
        else "write a token of the child's tokenizer as it stands there",
    )


def _row(of: str | int, parent: Parent, span: Span) -> int:
    row = parent.tokens.get(of, -1) if isinstance(of, str) else of
    if 0 <= row < parent.rows:
        return row
    what = f"has no token {quoted(of)}" if isinstance(of, str) else f"has no row {of:,}"
    raise fail(
        "E509",
        f"`{parent.label}` {what}",
        span,
        notes=(f"it has {len(parent.tokens):,} tokens and {parent.rows:,} rows",),
        help='name a token that it has, as in `row("token", code, of="other")`',
    )


def _no_tokenizer(labels: Sequence[str], checkpoints: Mapping[str, Checkpoint]) -> MergecError:
    which = " and ".join(f"`{label}`" for label in labels)
    folders = ", ".join(quoted(checkpoints[label].root) for label in labels)
    return MergecError(
        [
            Diagnostic(
                "E504",
                f"there is no tokenizer beside the weights of {which}",
                None,
                notes=("without it, nobody knows for which token a row is",),
                help=(f"put the tokenizer's files into {folders}",),
            )
        ]
    )
