"""Which tensors have a row for each token, as far as names, shapes and roles tell."""

from mergec.catalog.architecture import Architecture
from mergec.catalog.checkpoint import Checkpoint, TensorEntry, TensorName
from mergec.frozen import frozen

# Words in names of tensors that have a role of theirs and no row for each token.
_OTHERS = (
    "pos", "wpe", "type", "patch", "transform", "pooler", "score", "classifier", "qa_outputs",
    "norm", "projection",
)  # fmt: skip


@frozen
class TokenTensors:
    """Embedding, head and its bias: tensors whose first axis are the `rows` of tokens."""

    names: frozenset[str]
    rows: int


def token_tensors(checkpoint: Checkpoint, architecture: Architecture) -> TokenTensors | None:
    """Those of a checkpoint; None where no embedding is known, or several that differ in rows."""
    tensors = checkpoint.tensors
    known = (tensors.get(TensorName(name)) for _, name in architecture.tied)
    embeddings = [entry for entry in known if entry is not None and len(entry.shape) == 2]
    if not embeddings:
        embeddings = [
            entry
            for entry in tensors.values()
            if len(entry.shape) == 2 and _may_be(entry, architecture, ("embed",))
        ]
    rows = {entry.shape[0] for entry in embeddings}
    if len(rows) != 1:
        return None
    (count,) = rows
    names = frozenset(
        str(entry.name)
        for entry in tensors.values()
        if entry.shape[:1] == (count,) and _may_be(entry, architecture, ("embed", "head"))
    )
    return TokenTensors(names, count) if count else None


def _may_be(entry: TensorEntry, architecture: Architecture, roles: tuple[str, ...]) -> bool:
    place = architecture.place(entry.name)
    named = any(word in entry.name.lower() for word in _OTHERS)
    apart = named or "vision" in place.roles or not entry.dtype.is_float
    return not apart and not place.roles.isdisjoint(roles)
