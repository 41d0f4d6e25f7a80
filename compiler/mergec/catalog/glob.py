"""Globs over tensor names: `*` is any run of characters, dots too, `?` is one; the rest is literal.

>>> glob_matches("model.*.weight", "model.layers.0.mlp.up_proj.weight")
True
>>> glob_matches("layers.?.*", "layers.10.bias")
False

An engine of our own, because the patterns are a user's: neither `re` nor `fnmatch`, which is `re`
again and gives `[` a meaning.
"""


def glob_matches(pattern: str, text: str) -> bool:
    """Whether `pattern` covers the whole of `text`.

    Cost: at most len(pattern) × len(text) comparisons, whatever the pattern.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return len(text) == len(first) and _stands(first, text, 0)
    *middle, last = rest
    start, end = len(first), len(text) - len(last)
    if start > end or not _stands(first, text, 0) or not _stands(last, text, end):
        return False
    # Leftmost is enough: a piece found earlier leaves more room to all that follow, so no choice
    # is ever taken back.
    for piece in middle:
        at = _find(piece, text, start, end)
        if at < 0:
            return False
        start = at + len(piece)
    return True


def _stands(piece: str, text: str, at: int) -> bool:
    """Whether `piece`, without a `*`, stands in `text` at `at`, where it fits."""
    if "?" not in piece:
        return text.startswith(piece, at)
    return all(want in ("?", text[at + i]) for i, want in enumerate(piece))


def _find(piece: str, text: str, start: int, end: int) -> int:
    """The first place of `piece` in `text[start:end]`; -1 where there is none."""
    if "?" not in piece:
        return text.find(piece, start, end)
    places = range(start, end - len(piece) + 1)
    return next((at for at in places if _stands(piece, text, at)), -1)
