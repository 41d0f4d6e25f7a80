"""What a merged reaction model can still do, measured on the reactions of `reactions.py`.

Three skills, one from each parent, all shares in [0, 1]:

- *masked tokens*: 15 % of the tokens are hidden and the base's masked-language head, on top of
  the encoder under test, has to name them. The base was trained for this.
- *classes*: how often the encoder under the 10k expert's classifier gives the class that the
  expert itself gives. This is agreement, not truth: the reactions carry no labels.
- *neighbours*: of the ten reactions nearest by fingerprint ([CLS] state, cosine), how many are
  also among the ten nearest of the fingerprint model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from specs.demo.bert import (
    Tokens,
    Vocabulary,
    class_scores,
    encode,
    token_scores,
)
from specs.demo.checkpoint import Weights

MASKED_SHARE = 0.15
NEIGHBOURS = 10
BATCH = 8  # one template of `reactions.py`, so nearly no padding


@dataclass(frozen=True, slots=True)
class Question:
    """A batch of reactions, whole and with tokens hidden; `hidden` is bool[b,t]."""

    whole: Tokens
    masked: Tokens
    hidden: Tensor


@dataclass(frozen=True, slots=True)
class Answers:
    """What one encoder says: shares of tokens named, classes i64[n], neighbours bool[n,n]."""

    named: float
    classes: Tensor
    neighbours: Tensor


@dataclass(frozen=True, slots=True)
class Skills:
    """The three shares of the module docstring."""

    masked_tokens: float
    classes: float
    neighbours: float


def questions(reactions: Sequence[str], vocabulary: Vocabulary, seed: int = 0) -> list[Question]:
    """The reactions in batches; which tokens are hidden depends on `seed` alone."""
    generator = torch.Generator().manual_seed(seed)
    special = torch.tensor([vocabulary.ids[token] for token in ("[PAD]", "[CLS]", "[SEP]")])
    asked: list[Question] = []
    for start in range(0, len(reactions), BATCH):
        whole = vocabulary.encode(reactions[start : start + BATCH])
        drawn = torch.rand(whole.ids.shape, generator=generator) < MASKED_SHARE
        hidden = drawn & ~torch.isin(whole.ids, special)
        masked = Tokens(whole.ids.masked_fill(hidden, vocabulary.ids["[MASK]"]), whole.real)
        asked.append(Question(whole, masked, hidden))
    return asked


def answer(asked: Sequence[Question], encoder: Weights, heads: Weights) -> Answers:
    """Run an encoder over all questions; `heads` holds both heads under their original names."""
    right, hidden = 0, 0
    classes: list[Tensor] = []
    fingerprints: list[Tensor] = []
    with torch.inference_mode():
        for question in asked:
            guess = token_scores(heads, encode(encoder, question.masked)).argmax(-1)
            right += int((guess == question.whole.ids)[question.hidden].sum())
            hidden += int(question.hidden.sum())
            states = encode(encoder, question.whole)
            classes.append(class_scores(heads, encoder, states).argmax(-1))
            fingerprints.append(states[:, 0])
        near = _nearest(torch.cat(fingerprints))
    return Answers(right / hidden, torch.cat(classes), near)


def skills(answers: Answers, classifier: Answers, fingerprinter: Answers) -> Skills:
    """Answers compared with those of the two experts."""
    shared = answers.neighbours & fingerprinter.neighbours
    return Skills(
        masked_tokens=answers.named,
        classes=(answers.classes == classifier.classes).float().mean().item(),
        neighbours=shared.sum().item() / fingerprinter.neighbours.sum().item(),
    )


def _nearest(fingerprints: Tensor) -> Tensor:
    unit = normalize(fingerprints, dim=-1)
    cosine = (unit @ unit.T).fill_diagonal_(-2.0)
    near = torch.zeros_like(cosine, dtype=torch.bool)
    return near.scatter_(1, cosine.topk(NEIGHBOURS).indices, True)
