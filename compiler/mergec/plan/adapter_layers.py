"""Which tensors of a model an adapter in PEFT's format can change by factors, and under what name.

PEFT puts factors beside modules: layers [out, in] and convolutions, embeddings, and the layers of a
few families that are stored [in, out]. Which of these a matrix is, its file does not say: that
follows from its name, its role and the family.
"""

from collections.abc import Mapping
from typing import Any

from mergec.catalog.architecture import Architecture
from mergec.frozen import frozen
from mergec.ops.matrices import columns, is_matrix

OUTER = "base_model.model."
"""What PEFT puts before the names of the model."""

# Families whose layers of these names are stored [in, out].
_TRANSPOSED = frozenset({"gpt2", "openai-gpt", "imagegpt", "decision_transformer"})
_TRANSPOSED_LAYERS = ("c_attn", "c_proj", "c_fc", "q_attn")
# What an embedding is called that has no row for each token, and so no role of one.
_EMBEDDINGS = ("wpe", "wte", "embed_positions", "position_embeddings", "token_type_embeddings")


@frozen
class AdaptedLayer:
    """A module with its weight's sides; `turned` says that the weight is [in, out]."""

    module: str
    out: int
    across: tuple[int, ...]
    turned: bool
    is_embedding: bool

    def factors(self, rank: int) -> tuple[tuple[str, tuple[int, ...]], tuple[str, tuple[int, ...]]]:
        """Names and shapes of A and of B."""
        stem = "lora_embedding_{}" if self.is_embedding else "lora_{}.weight"
        a, b = (f"{OUTER}{self.module}.{stem.format(which)}" for which in "AB")
        return (a, (rank, *self.across)), (b, (self.out, rank, *(1 for _ in self.across[1:])))


def adapted_layer(
    name: str, shape: tuple[int, ...], architecture: Architecture, config: Mapping[str, Any] | None
) -> AdaptedLayer | None:
    """The module whose weight a tensor is; None for what no factors can change."""
    module, _, kind = name.rpartition(".")
    if kind != "weight" or not module or not is_matrix(shape):
        return None
    last = module.rpartition(".")[2]
    is_embedding = len(shape) == 2 and (
        last in _EMBEDDINGS or "embed" in architecture.place(name).roles
    )
    family = (config or {}).get("model_type")
    turned = len(shape) == 2 and (
        is_embedding or (family in _TRANSPOSED and last in _TRANSPOSED_LAYERS)
    )
    if turned:
        return AdaptedLayer(module, shape[1], shape[:1], turned, is_embedding)
    return AdaptedLayer(module, shape[0], shape[1:], turned, is_embedding)


def room(shape: tuple[int, ...]) -> int:
    """The largest rank that a change of a weight can have."""
    return min(shape[0], columns(shape))
