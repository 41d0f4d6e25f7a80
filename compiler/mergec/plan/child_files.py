"""What stands beside the weights of each export: config, tokenizer, and what is copied."""

from collections.abc import Mapping
from typing import Any, TypedDict

from mergec.catalog import Checkpoint
from mergec.catalog.config import read_config
from mergec.catalog.open_checkpoint import is_of_tokenizer
from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, MergecError
from mergec.elaborate import ExportDecl
from mergec.elaborate.parameters import Report
from mergec.frozen import frozen
from mergec.plan.child_config import Configs, child_config, config_bytes, small_files
from mergec.plan.known_tokenizers import KnownTokenizers
from mergec.plan.model import MadeFile, PlannedVocabulary, SmallFile
from mergec.plan.token_ids import TokenIds
from mergec.plan.vocabularies import ExportVocabulary
from mergec.resolve import KeySet

_GENERATION = "generation_config.json"


class ChildFiles(TypedDict):
    """The members of a planned export that are no weights."""

    config: bytes | None
    files: tuple[SmallFile, ...]
    made: tuple[MadeFile, ...]
    vocabulary: PlannedVocabulary | None


@frozen
class Children:
    """Makes them, from what the sources have."""

    checkpoints: Mapping[str, Checkpoint]
    configs: Configs
    tokenizers: KnownTokenizers
    report: Report

    def files(
        self, decl: ExportDecl, keys: KeySet, vocabulary: ExportVocabulary | None
    ) -> ChildFiles:
        """Those of one export; a delta has none. Reports W401 and W504, raises E412."""
        planned = _planned(vocabulary)
        if decl.delta:
            return ChildFiles(config=None, files=(), made=(), vocabulary=planned)
        if vocabulary is None:
            asked = decl.tokenizer.labels if decl.tokenizer is not None else ()
            tokenizer = asked[0] if asked else None
            config = child_config(keys, self.configs, decl.dtype, decl.span, self.report)
            sparing = self.tokenizers.sparing
            files = small_files(keys.donor, tokenizer, self.checkpoints, sparing=sparing)
            return ChildFiles(config=config, files=files, made=(), vocabulary=None)
        ids = self._ids(keys.donor, vocabulary)
        owner = self._owner(vocabulary)
        path = self.configs[keys.donor][1].config_path

        def edit(config: dict[str, Any]) -> dict[str, Any]:
            return ids.edited(config, owner.config or {} if owner else {}, path)

        config = child_config(keys, self.configs, decl.dtype, decl.span, self.report, edit)
        made = dict(vocabulary.files) | self._generation(keys.donor, owner, ids)
        without = {*made, *vocabulary.dropped}
        if vocabulary.copied is None:
            names = self.checkpoints[keys.donor].small_files
            without |= {name for name in names if is_of_tokenizer(name)}
        sparing = self.tokenizers.sparing
        files = small_files(
            keys.donor, vocabulary.copied, self.checkpoints, without, sparing=sparing
        )
        for key, token in ids.lost.items():
            self.report(_lost(key, token, vocabulary))
        return ChildFiles(
            config=config,
            files=files,
            made=tuple(MadeFile(name, made[name]) for name in sorted(made)),
            vocabulary=planned,
        )

    def _owner(self, vocabulary: ExportVocabulary) -> Checkpoint | None:
        """The source whose tokens keep their ids, and whose configs state them."""
        label = vocabulary.child.owner
        return self.checkpoints[label] if label is not None else None

    def _ids(self, donor: str, vocabulary: ExportVocabulary) -> TokenIds:
        child = vocabulary.child
        before = self.tokenizers.readable(donor)
        owned = child.owner == donor
        return TokenIds(child.rows, owned, before.tokens if before else {}, child.tokens)

    def _generation(self, donor: str, owner: Checkpoint | None, ids: TokenIds) -> dict[str, bytes]:
        """The donor's generation_config.json, if its ids are not the child's."""
        if _GENERATION not in self.checkpoints[donor].small_files:
            return {}
        known = _generation_config(self.checkpoints[donor])
        theirs = _generation_config(owner) if owner is not None else None
        edited = ids.edited(known or {}, theirs or {})
        return {_GENERATION: config_bytes(edited)} if known and edited != known else {}


def _generation_config(checkpoint: Checkpoint) -> Mapping[str, Any] | None:
    """As plain JSON; None where there is none, or it is none."""
    try:
        return read_config(checkpoint.root / _GENERATION)
    except MergecError:
        return None


def _planned(vocabulary: ExportVocabulary | None) -> PlannedVocabulary | None:
    if vocabulary is None:
        return None
    child = vocabulary.child
    said = " ".join(vocabulary.decl.span.text.split())
    return PlannedVocabulary(said, len(child.tokens), child.rows, vocabulary.alignment.counts)


def _lost(key: str, token: str, vocabulary: ExportVocabulary) -> Diagnostic:
    return Diagnostic(
        "W504",
        f"`{key}` names the token {quoted(token)}, which the child does not have",
        vocabulary.decl.span,
        notes=("it is left empty in the child's configuration",),
        help=("set it in the child's files, or take a tokenizer that has the token",),
    )
