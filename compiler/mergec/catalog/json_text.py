"""JSON as mergec reads it: a subset that every reader understands in the same way."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Literal, NoReturn, cast


class JsonProblem(Exception):
    """Why a text is refused; its reader turns it into a diagnostic of its own.

    `str()` of it completes the sentence "the file ...". `key` is the key that stands twice.
    """

    def __init__(
        self, kind: Literal["syntax", "depth", "duplicate"], text: str, key: str = ""
    ) -> None:
        super().__init__(text)
        self.kind = kind
        self.key = key


def parse_json(raw: bytes, *, max_depth: int | None = None) -> object:
    """The value of a UTF-8 JSON text, or `JsonProblem`.

    Refused beyond the standard library's own checks: bytes that are not UTF-8, a byte order mark,
    a key that stands twice in one object, `NaN` and `Infinity`, nesting beyond `max_depth` (and
    in any case beyond the interpreter's). A negative zero comes out as a float.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonProblem("syntax", f"is not UTF-8 at byte {error.start:,}") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        place = len(text[: error.pos].encode("utf-8"))
        reason = f"{error.msg[:1].lower()}{error.msg[1:]}"
        raise JsonProblem("syntax", f"is not JSON at byte {place:,}: {reason}") from None
    except (RecursionError, MemoryError):
        raise JsonProblem("depth", "is nested too deep") from None
    except ValueError:  # CPython refuses integers of more than 4300 digits
        raise JsonProblem("syntax", "holds a number of thousands of digits") from None
    if max_depth is not None and _deeper_than(value, max_depth):
        raise JsonProblem("depth", f"is nested deeper than {max_depth}")
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    counts = Counter(key for key, _ in pairs)
    twice = next(key for key, count in counts.items() if count > 1)
    raise JsonProblem("duplicate", "has a key twice in one object", twice)


def _constant(word: str) -> NoReturn:
    raise JsonProblem("syntax", f"holds `{word}`, which is not JSON")


def _integer(digits: str) -> int | float:
    # Python would read the integer 0; other readers see a float, and refuse it as a dimension.
    return -0.0 if digits == "-0" else int(digits)


def _deeper_than(value: object, limit: int) -> bool:
    level = [value]  # the containers of one depth
    for _ in range(limit):
        level = [item for held in level for item in _items(held) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _items(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()
