"""What tells two tokenizers apart: tokens at other ids, tokens of one alone, other rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from mergec.catalog.quoted import counted, quoted
from mergec.catalog.tokenizer import Tokenizer
from mergec.catalog.tokenizer_files import as_list

_SHOWN = 3
_RULES = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
# What a model of pieces is besides its vocabulary; absent and null are one.
_MODEL_RULES = (
    "type", "merges", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
    "byte_fallback", "ignore_merges", "fuse_unk", "dropout",
)  # fmt: skip
_WORDS = {"type": "kind"}


@dataclass(frozen=True, slots=True)
class Differences:
    """`moved` are ids at which both have a token, and not the same, with the two tokens.

    `alone` are tokens that one of them has, with their ids and whether it is the first. `rules`
    name what else differs.
    """

    moved: tuple[tuple[int, str, str], ...]
    alone: tuple[tuple[str, int, bool], ...]
    rules: tuple[str, ...]

    def notes(self, left: str, right: str) -> tuple[str, ...]:
        """The first of them, as lines of a message."""
        lines = [
            f"id {number} is {quoted(one)} in `{left}` and {quoted(two)} in `{right}`"
            for number, one, two in self.moved[:_SHOWN]
        ]
        lines += _more(len(self.moved))
        for label, first in ((left, True), (right, False)):
            own = [(token, number) for token, number, of in self.alone if of is first]
            if own:
                named = ", ".join(f"{quoted(token)} ({number})" for token, number in own[:_SHOWN])
                more = f" and {len(own) - _SHOWN:,} more" if len(own) > _SHOWN else ""
                lines.append(f"`{label}` alone has {counted(len(own), 'token')}: {named}{more}")
        return tuple(lines)


def differences(one: Tokenizer, two: Tokenizer) -> Differences:
    """Cost: the two vocabularies. Meaning is compared, and not how files are written."""
    names = {number: token for token, number in one.tokens.items()}
    pairs = sorted((number, token) for token, number in two.tokens.items())
    moved = tuple(
        (number, names[number], token)
        for number, token in pairs
        if number in names and names[number] != token
    )
    alone = [(t, n, True) for t, n in one.tokens.items() if t not in two.tokens]
    alone += [(t, n, False) for t, n in two.tokens.items() if t not in one.tokens]
    alone.sort(key=lambda each: (each[1], each[0]))
    return Differences(moved, tuple(alone), _rules(one, two))


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
