"""config.json as plain JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from mergec.catalog.folder import Opener
from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.quoted import quoted
from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import MergecError, fail

MAX_CONFIG_BYTES = 4_000_000
MAX_CONFIG_DEPTH = 64


def read_config(path: Path, opened: Opener = open_regular) -> Mapping[str, Any] | None:
    """The object in the config.json `path`, or None where there is no such file.

    Nothing in it is ever imported or run; it is data. Raises E713 for a file that is too large or
    not a JSON object (a key may stand once, `NaN` and `Infinity` are not JSON), and what opening
    a file raises.
    """
    try:
        with opened(path) as file:
            if file.size > MAX_CONFIG_BYTES:
                raise _bad(path, f"is {file.size:,} bytes long, more than {MAX_CONFIG_BYTES:,}")
            raw = file.read(0, file.size)
    except MergecError as error:
        if error.diagnostics[0].code == "E701":
            return None
        raise
    try:
        value = parse_json(raw, max_depth=MAX_CONFIG_DEPTH)
    except JsonProblem as problem:
        twice = f" ({quoted(problem.key)})" if problem.kind == "duplicate" else ""
        raise _bad(path, f"{problem}{twice}") from None
    if not isinstance(value, dict):
        raise _bad(path, "is not a JSON object")
    return cast("dict[str, Any]", value)


def _bad(path: Path, what: str) -> MergecError:
    return fail(
        "E713",
        f"{quoted(path)} {what}",
        help="restore the file from the model's own page; mergec reads it as plain JSON",
    )
