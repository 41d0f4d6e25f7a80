"""How names, paths and counts stand in messages."""

from collections.abc import Sequence

_LONGEST = 200
_SHOWN = 8


def quoted(text: object) -> str:
    """`text` in backticks, with everything that a terminal could act on escaped.

    Control, bidi and other unprintable characters, lone surrogates and backticks become escapes;
    beyond 200 characters the middle is left out.
    """
    shown = str(text)
    if len(shown) > _LONGEST:
        shown = f"{shown[:120]}…{shown[-60:]}"
    if shown.isprintable() and "`" not in shown:  # as nearly all are
        return f"`{shown}`"
    return f"`{''.join(map(_visible, shown))}`"


def several(items: Sequence[str]) -> str:
    """The first eight of `items`, already quoted, and how many more there are."""
    more = f" and {len(items) - _SHOWN:,} more" if len(items) > _SHOWN else ""
    return f"{', '.join(items[:_SHOWN])}{more}"


def counted(count: int, thing: str) -> str:
    """`1 tensor`, `20,000 tensors`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _visible(char: str) -> str:
    if char == "`":
        return "\\x60"
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
