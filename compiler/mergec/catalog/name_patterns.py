"""A list of globs that fit a tensor name from any of its dots on."""

from collections.abc import Iterable
from dataclasses import dataclass

from mergec.catalog.glob import glob_matches


@dataclass(frozen=True, slots=True, eq=False)
class NamePatterns:
    """Globs in lower case; a name fits if one of `gives` does and none of `takes`.

    Beside each glob stands its longest literal piece, which a name that it fits contains.
    """

    gives: tuple[tuple[str, str], ...]
    takes: tuple[tuple[str, str], ...]

    def fit(self, name: str) -> bool:
        """Whether the patterns fit `name`, with any prefix and in any case."""
        text = f".{name.lower()}"
        return _any(self.gives, text) and not _any(self.takes, text)


def name_patterns(globs: Iterable[str]) -> NamePatterns:
    """The patterns as a family's file writes them: `!` before one takes away what others give."""
    written = [glob.lower() for glob in globs]
    gives = (glob for glob in written if not glob.startswith("!"))
    takes = (glob[1:] for glob in written if glob.startswith("!"))
    return NamePatterns(tuple(map(_floating, gives)), tuple(map(_floating, takes)))


def _any(patterns: tuple[tuple[str, str], ...], text: str) -> bool:
    # The look for the piece decides nearly always, and costs a tenth of a match.
    return any(piece in text and glob_matches(glob, text) for piece, glob in patterns)


def _floating(glob: str) -> tuple[str, str]:
    whole = f"*.{glob}"
    return max(whole.replace("?", "*").split("*"), key=len), whole
