"""Whether a checkpoint's head is its embedding: one answer from config.json and from the names."""

from collections.abc import Mapping
from typing import Any, Literal, cast

from mergec.catalog.architecture import Architecture
from mergec.catalog.checkpoint import Checkpoint, TensorName

HeadKind = Literal["own", "tied", "copy", "missing", "none"]
"""What the head is.

`own`: a tensor of its own. `tied`: the embedding, and no other tensor. `copy`: the embedding by
what config.json says, and yet stored once more, which loaders do not read. `missing`: a tensor of
its own that is not there. `none`: there is no head, or nothing is known of one.
"""


def head_kind(checkpoint: Checkpoint, architecture: Architecture) -> HeadKind:
    """What the head of a checkpoint is."""
    pairs = [(TensorName(head), TensorName(table)) for head, table in architecture.tied]
    if not pairs:
        return "none"
    stated = stated_tie(checkpoint.config, architecture)
    assumed = architecture.ties if architecture.described else None
    tied = assumed if stated is None else stated
    if any(head in checkpoint.tensors for head, _ in pairs):
        return "copy" if tied is True else "own"
    if stated is True:
        return "tied"
    if not generates(checkpoint.config):
        return "none"
    # What generates text has a head somewhere, and nothing says that it is not the embedding.
    return "missing" if stated is False else "tied"


def stated_tie(config: Mapping[str, Any] | None, architecture: Architecture) -> bool | None:
    """`tie_word_embeddings`, the innermost one where layers have a section of their own."""
    section: object = config or {}
    found: bool | None = None
    for step in (*architecture.config_path, None):
        known = cast("dict[str, object]", section) if isinstance(section, dict) else {}
        stated = known.get("tie_word_embeddings")
        found = stated if isinstance(stated, bool) else found
        section = known.get(step) if step is not None else None
    return found


def generates(config: Mapping[str, Any] | None) -> bool:
    """Whether a class in `architectures` is one that predicts tokens."""
    words = str((config or {}).get("architectures", ""))
    return "LM" in words or "ForConditionalGeneration" in words
