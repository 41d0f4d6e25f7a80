"""The pieces of a union of tokenizers: merges of BPE, scores of Unigram, words of the others.

Merges are the first tokenizer's, then those of the others that are new, in their order. A piece of
Unigram has the score that the first tokenizer gives it of those that have it.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from mergec.catalog.quoted import quoted
from mergec.catalog.tokenizer import Tokenizer
from mergec.catalog.tokenizer_files import as_list
from mergec.diagnostics import MergecError, fail

UNIGRAM = "Unigram"
BY_PIECES = ("BPE", "WordPiece", "WordLevel", UNIGRAM)
"""Kinds of models that unite: each knows a list of pieces."""

_CHOOSE = (
    "name one tokenizer, as in `tokenizer = base`; rows are found by token in all models",
    "to keep single tokens of another, add them to a copy of its files, and name their folder,"
    ' as in `tokenizer = "./folder"`',
)


def united_pieces(
    parts: Sequence[tuple[str, Tokenizer]], tokens: Mapping[str, int]
) -> dict[str, Any]:
    """The model in the tokenizer.json of a union whose ids are `tokens`; raises E507."""
    first = parts[0][1]
    if first.kind not in BY_PIECES:
        return dict(first.model)
    # All tokens, added ones too: a loader counts the model's own pieces to give ids to the others.
    every = sorted(tokens, key=tokens.__getitem__)
    if first.kind == UNIGRAM:
        return {**first.model, "vocab": _scored(parts, tokens, every)}
    model = {**first.model, "vocab": {token: tokens[token] for token in every}}
    if first.kind == "BPE":
        merges: dict[tuple[str, str], None] = {}
        for _, tokenizer in parts:
            merges |= dict.fromkeys(map(_pair, as_list(tokenizer.model.get("merges"))))
        model["merges"] = [list(pair) for pair in merges]
    return model


def no_union(message: str, hints: Sequence[str] = _CHOOSE, note: str = "") -> MergecError:
    """E507."""
    return fail(
        "E507",
        f"there is no union of these tokenizers: {message}",
        notes=(note,) if note else (),
        help=hints,
    )


def _scored(
    parts: Sequence[tuple[str, Tokenizer]], tokens: Mapping[str, int], every: Sequence[str]
) -> list[list[object]]:
    """Pieces with their scores. A piece's place is its id, so that no id may be left out."""
    numbers = [-1, *(tokens[token] for token in every)]
    for before, number in pairwise(numbers):
        if number != before + 1:
            raise no_union(
                f"`{parts[0][0]}` has no token at id {before + 1:,}, and Unigram leaves none out"
            )
    scores: dict[str, float] = {}
    for label, tokenizer in parts:
        for entry in as_list(tokenizer.model.get("vocab")):
            both = as_list(entry)
            if len(both) != 2 or isinstance(both[1], bool) or not isinstance(both[1], int | float):
                raise no_union(
                    f"{quoted(next(iter(both), None))} has no score in `{label}`",
                    ("repair the tokenizer.json",),
                )
            scores.setdefault(both[0], both[1])
    # Added tokens are found before text is scored.
    return [[token, scores.get(token, 0.0)] for token in every]


def _pair(merge: object) -> tuple[str, str]:
    """A merge, in either of the two forms that tokenizer.json has had."""
    both = merge.split(" ") if isinstance(merge, str) else as_list(merge)
    if len(both) != 2 or not all(isinstance(each, str) for each in both):
        raise no_union(f"{quoted(merge)} is no merge of two pieces", ("repair the tokenizer.json",))
    return both[0], both[1]
