"""A BERT encoder as one function of its weights, and the tokenizer of the `rxnfp` checkpoints.

The demo scores checkpoints that mergec wrote, so it reads nothing but their safetensors files:
weights are a mapping from tensor name to `f32` tensor, without prefix, as in the original BERT
(Devlin et al., 2019, https://arxiv.org/abs/1810.04805, post-norm, exact GELU). Dropout is absent,
there is nothing to train here.

Shapes use b for reactions in a batch, t for tokens (padded), d = 256 for the hidden size, h = 4
for attention heads.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, scaled_dot_product_attention

from specs.demo.checkpoint import Weights

PREFIX = "bert."
HEADS = 4
LAYER_NORM_EPSILON = 1e-12

# One SMILES token: a bracket atom, a two-letter halogen, `>>`, a two-digit ring closure or a
# single character (Schwaller et al., 2019, https://doi.org/10.1021/acscentsci.9b00576).
_SMILES_TOKEN = re.compile(r"\[[^\]]+\]|Br|Cl|>>|%\d\d|\S")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A padded batch: `ids` i64[b,t], and `real` bool[b,t], false on padding."""

    ids: Tensor
    real: Tensor


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Token to id, in the order of `vocab.txt`."""

    ids: Mapping[str, int]

    @classmethod
    def read(cls, path: Path) -> "Vocabulary":
        """The vocabulary in a file of one token per line."""
        tokens = path.read_text(encoding="utf-8").split("\n")
        return cls({token: number for number, token in reversed(list(enumerate(tokens)))})

    def encode(self, reactions: Sequence[str]) -> Tokens:
        """Tokens of each reaction between [CLS] and [SEP], padded on the right.

        Raises KeyError for a token that is not in the vocabulary: a score over unknown tokens
        would say nothing.
        """
        rows = [
            [self.ids[token] for token in ("[CLS]", *_SMILES_TOKEN.findall(reaction), "[SEP]")]
            for reaction in reactions
        ]
        width = max(len(row) for row in rows)
        pad = self.ids["[PAD]"]
        return Tokens(
            ids=torch.tensor([row + [pad] * (width - len(row)) for row in rows]),
            real=torch.tensor([[column < len(row) for column in range(width)] for row in rows]),
        )


def without_prefix(weights: Weights) -> dict[str, Tensor]:
    """The same tensors without the `bert.` prefix that some checkpoints carry."""
    return {name.removeprefix(PREFIX): tensor for name, tensor in weights.items()}


def encode(weights: Weights, tokens: Tokens) -> Tensor:
    """Hidden states of the last layer, f32[b,t,d]."""
    _, length = tokens.ids.shape
    hidden = (
        weights["embeddings.word_embeddings.weight"][tokens.ids]
        + weights["embeddings.position_embeddings.weight"][:length]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    hidden = _norm(weights, "embeddings.LayerNorm", hidden)
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in weights:
        hidden = _layer(weights, f"encoder.layer.{layer}", hidden, tokens.real)
        layer += 1
    return hidden


def pooled(weights: Weights, hidden: Tensor) -> Tensor:
    """What BERT's classifiers read: the [CLS] state through the pooler, f32[b,d]."""
    return _affine(weights, "pooler.dense", hidden[:, 0]).tanh()


def token_scores(head: Weights, hidden: Tensor) -> Tensor:
    """The masked-language head over hidden states: one score per vocabulary entry, f32[b,t,591]."""
    x = gelu(_affine(head, "cls.predictions.transform.dense", hidden))
    x = _norm(head, "cls.predictions.transform.LayerNorm", x)
    return x @ head["cls.predictions.decoder.weight"].T + head["cls.predictions.bias"]


def class_scores(head: Weights, weights: Weights, hidden: Tensor) -> Tensor:
    """The 50-class head over the pooled state, f32[b,50]."""
    return _affine(head, "classifier", pooled(weights, hidden))


def _layer(weights: Weights, name: str, hidden: Tensor, real: Tensor) -> Tensor:
    batch, length, width = hidden.shape

    def heads(part: str) -> Tensor:
        projected = _affine(weights, f"{name}.attention.self.{part}", hidden)
        return projected.view(batch, length, HEADS, width // HEADS).transpose(1, 2)

    mixed = scaled_dot_product_attention(
        heads("query"), heads("key"), heads("value"), attn_mask=real[:, None, None, :]
    )
    mixed = mixed.transpose(1, 2).reshape(batch, length, width)
    mixed = _affine(weights, f"{name}.attention.output.dense", mixed)
    hidden = _norm(weights, f"{name}.attention.output.LayerNorm", hidden + mixed)
    widened = gelu(_affine(weights, f"{name}.intermediate.dense", hidden))
    narrowed = _affine(weights, f"{name}.output.dense", widened)
    return _norm(weights, f"{name}.output.LayerNorm", hidden + narrowed)


def _affine(weights: Weights, name: str, x: Tensor) -> Tensor:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _norm(weights: Weights, name: str, x: Tensor) -> Tensor:
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return layer_norm(x, weight.shape, weight, bias, LAYER_NORM_EPSILON)
