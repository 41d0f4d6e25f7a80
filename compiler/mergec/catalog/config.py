"""The small texts beside the weights: config.json as plain JSON, and the licence in the card."""

import re
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
MAX_CARD_BYTES = 1 << 20

# What lies between a card's `license:` line and the next key is a name or a short list.
_MAX_LICENCE_CHARS = 512


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


def read_licence(path: Path, opened: Opener = open_regular) -> str | None:
    """The hub identifier under `license` in the front matter of the model card `path`.

    None where there is no card, no front matter, no such key, more than one licence, or anything
    malformed: a licence is stated or it is unknown, never guessed.
    """
    try:
        with opened(path) as file:
            raw = file.read(0, min(file.size, MAX_CARD_BYTES))
    except MergecError:
        return None
    card = raw.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    front = re.match(r"---[ \t]*\n(.*?)^---[ \t]*$", card, re.DOTALL | re.MULTILINE)
    return _licence(front[1]) if front else None


def _licence(front: str) -> str | None:
    # Only the lines of this key reach the YAML reader: cards carry long tables of results that
    # take it seconds, and a card is a stranger's text.
    lines = re.findall(r"^license[ \t]*:.*\n(?:(?:[ \t-].*)?\n)*", front, re.MULTILINE)
    if len(lines) != 1 or len(lines[0]) > _MAX_LICENCE_CHARS:
        return None
    import yaml  # here alone: a checkpoint without a card costs nothing

    try:
        # Nodes, not values: `no` stays text, and aliases are never multiplied out.
        document: object = yaml.SafeLoader(lines[0]).get_single_node()
    except (yaml.YAMLError, RecursionError):
        return None
    if not isinstance(document, yaml.MappingNode) or len(document.value) != 1:
        return None
    value = document.value[0][1]
    if isinstance(value, yaml.SequenceNode) and len(value.value) == 1:
        value = value.value[0]
    if not isinstance(value, yaml.ScalarNode):
        return None
    written = str(value.value)
    return written if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,99}", written) else None


def _bad(path: Path, what: str) -> MergecError:
    return fail(
        "E713",
        f"{quoted(path)} {what}",
        help="restore the file from the model's own page; mergec reads it as plain JSON",
    )
