"""What tells two tokenizers apart: tokens at other ids, tokens of one alone, other rules."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mergec.catalog.quoted import counted, quoted
from mergec.catalog.tokenizer import Tokenizer
from mergec.catalog.tokenizer_files import as_list
from mergec.frozen import frozen

_SHOWN = 3
_RULES = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
# What a model of pieces is besides its vocabulary; absent and null are one.
_MODEL_RULES = (
    "type", "merges", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
    "byte_fallback", "ignore_merges", "fuse_unk", "dropout",
)  # fmt: skip
_WORDS = {"type": "kind"}


@frozen
class Differences:
    """`moved` are ids at which both have a token, and not the same, with the two tokens.

    So is an id at which one of them has none, and the other one that has another id there. `alone`
    are tokens that one of them has, with their ids and whether it is the first. `rules` name what
    else differs. If it is `partial`, not all was read: there may be more of everything, and `alone`
    are tokens of one for whose ids the other has no row.
    """

    moved: tuple[tuple[int, str | None, str | None], ...]
    alone: tuple[tuple[str, int, bool], ...]
    rules: tuple[str, ...]
    partial: bool = False

    def within(self, left: int, right: int) -> "Differences":
        """The same without tokens for which their own model, of so many rows, has no row."""
        alone = tuple(it for it in self.alone if it[1] < (left if it[2] else right))
        return replace(self, alone=alone)

    def notes(self, left: str, right: str) -> tuple[str, ...]:
        """The first of them, as lines of a message."""
        lines = [
            f"id {number} is {_token(one)} in `{left}` and {_token(two)} in `{right}`"
            for number, one, two in self.moved[:_SHOWN]
        ]
        lines += _more(len(self.moved))
        for label, first in ((left, True), (right, False)):
            own = [(token, number) for token, number, of in self.alone if of is first]
            if own:
                named = ", ".join(f"{quoted(token)} ({number})" for token, number in own[:_SHOWN])
                more = f" and {len(own) - _SHOWN:,} more" if len(own) > _SHOWN else ""
                what = "has" if self.partial else "alone has"
                behind = " for which the other has no row" if self.partial else ""
                tokens = counted(len(own), "token")
                lines.append(f"`{label}` {what} {tokens}{behind}: {named}{more}")
        if self.partial:
            lines.append("more may differ: the rest of the tokenizers was not fetched")
        return tuple(lines)


def differences(one: Tokenizer, two: Tokenizer) -> Differences:
    """Cost: the two vocabularies. Meaning is compared, and not how files are written."""
    moved = moved_tokens(one.tokens, two.tokens)
    alone = [(t, n, True) for t, n in one.tokens.items() if t not in two.tokens]
    alone += [(t, n, False) for t, n in two.tokens.items() if t not in one.tokens]
    alone.sort(key=lambda each: (each[1], each[0]))
    return Differences(moved, tuple(alone), _rules(one, two))


def moved_tokens(
    one: Mapping[str, int], two: Mapping[str, int]
) -> tuple[tuple[int, str | None, str | None], ...]:
    """The ids of two vocabularies that do not have the same token; by id.

    >>> moved_tokens({"a": 0, "b": 1, "x": 3}, {"b": 0, "a": 2, "y": 4})
    ((0, 'a', 'b'), (1, 'b', None), (2, None, 'a'))
    """
    left = {number: token for token, number in one.items()}
    right = {number: token for token, number in two.items()}
    moved = {number for number, token in left.items() if two.get(token, number) != number}
    moved |= {number for number, token in right.items() if one.get(token, number) != number}
    moved |= {number for number, token in left.items() if right.get(number, token) != token}
    return tuple((number, left.get(number), right.get(number)) for number in sorted(moved))


def _token(token: str | None) -> str:
    return "no token" if token is None else quoted(token)


def _rules(one: Tokenizer, two: Tokenizer) -> tuple[str, ...]:
    if not one.document or not two.document:
        return ()
    found = [rule for rule in _RULES if one.document.get(rule) != two.document.get(rule)]
    for rule in _MODEL_RULES:
        left, right = (_plain(it.model.get(rule)) for it in (one, two))
        if left != right:
            found.append(_WORDS.get(rule, rule))
    return tuple(found)


def _plain(value: object) -> object:
    """One form of what tokenizer.json writes in two: merges as texts, and nothing as false."""
    listed = as_list(value)
    return [each.split(" ") if isinstance(each, str) else each for each in listed] or value or None


def _more(count: int) -> Sequence[str]:
    return [f"and {count - _SHOWN:,} more"] if count > _SHOWN else []
