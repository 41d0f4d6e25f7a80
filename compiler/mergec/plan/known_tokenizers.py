"""The tokenizers of a spec's sources, each read once, and those with the same files only once."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from mergec.catalog import Checkpoint
from mergec.catalog.quoted import counted, quoted, several
from mergec.catalog.regular_file import read_whole
from mergec.catalog.tokenizer import Tokenizer, read_tokenizer
from mergec.catalog.tokenizer_files import tokenizer_files
from mergec.diagnostics import Diagnostic, MergecError


@dataclass(slots=True)
class KnownTokenizers:
    """Reads them when they are asked for."""

    checkpoints: Mapping[str, Checkpoint]
    _digests: dict[str, str] = field(default_factory=dict[str, str])
    _by_digest: dict[str, Tokenizer | None] = field(default_factory=dict[str, Tokenizer | None])

    def of(self, label: str) -> Tokenizer | None:
        """The tokenizer of a source; None if it has none. Raises E505 and E506."""
        same = self._digest(label)
        if same not in self._by_digest:
            checkpoint = self.checkpoints[label]
            self._by_digest[same] = read_tokenizer(checkpoint.root, tokenizer_files(checkpoint))
        return self._by_digest[same]

    def alike(self, left: str, right: str) -> bool:
        """Whether two sources have the same files, whatever these are."""
        return self._digest(left) == self._digest(right)

    def _digest(self, label: str) -> str:
        if label not in self._digests:
            checkpoint = self.checkpoints[label]
            digest = hashlib.sha256()
            for name in tokenizer_files(checkpoint):
                content = hashlib.sha256(read_whole(checkpoint.root / name)).hexdigest()
                digest.update(f"{name}\0{content}\n".encode())
            self._digests[label] = digest.hexdigest()
        return self._digests[label]

    def readable(self, label: str) -> Tokenizer | None:
        """The same, and None too for one that cannot be read."""
        try:
            return self.of(label)
        except MergecError:
            return None


def beyond(label: str, tokenizer: Tokenizer, rows: int) -> Diagnostic | None:
    """E503 for tokens whose ids have no row."""
    if tokenizer.size <= rows:
        return None
    tokens = sorted(tokenizer.tokens, key=tokenizer.tokens.__getitem__)
    lost = [token for token in tokens if tokenizer.tokens[token] >= rows]
    named = several([quoted(token) for token in lost])
    return Diagnostic(
        "E503",
        f"the tokenizer of `{label}` has {counted(len(lost), 'token')} beyond its {rows:,} rows",
        None,
        notes=(f"there is no row for {named}",),
        help=("take the tokenizer that belongs to these weights, or remove the tokens from it",),
    )
