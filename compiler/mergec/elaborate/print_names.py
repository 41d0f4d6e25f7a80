"""Names for what an expanded spec binds and the spec itself did not name."""

from dataclasses import dataclass
from itertools import count

from mergec.syntax.scan import RESERVED

# Names that are legal, and read badly where they stand for a word of the language.
_WORDS = ("and", "or", "not", "in", "as", "from", "to", "delta", "layers")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_LONGEST = 40


@dataclass(slots=True)
class Names:
    """Names that clash with none that is `taken`."""

    taken: set[str]
    _last: int = 0

    def fresh(self) -> str:
        """`v1`, `v2` ..."""
        name = ""
        while not name or name in self.taken:
            self._last += 1
            name = f"v{self._last}"
        self.taken.add(name)
        return name

    def like(self, label: str) -> str:
        """A name that recalls the label of a source: `base` for `./models/base`."""
        last = label.rstrip("/").rpartition("/")[2][:_LONGEST]
        plain = "".join(char if char in _LETTERS else "_" for char in last).strip("_")
        if not plain or plain[0].isdigit() or plain in (*RESERVED, *_WORDS):
            plain = f"source_{plain}".rstrip("_")
        tries = (plain if number == 1 else f"{plain}_{number}" for number in count(1))
        name = next(each for each in tries if each not in self.taken)
        self.taken.add(name)
        return name
