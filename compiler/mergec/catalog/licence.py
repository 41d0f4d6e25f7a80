"""The licence that a checkpoint states: in the front matter of its model card, else in config.json.

A licence is stated or it is unknown. Nothing is guessed from a model's name.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from mergec.catalog.folder import Opener
from mergec.catalog.licence_ids import licence_key, spdx_expression
from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import MergecError
from mergec.frozen import frozen

MAX_CARD_BYTES = 1 << 20

# What lies between a card's `license:` line and the next key is a name or a short list.
_MAX_LICENCE_CHARS = 512
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,99}")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_LINK = re.compile(r"https?://[!-~]{1,400}|[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

_Where = Literal["card", "config", "file"]
_Stated = Callable[[str], str | None]


@frozen
class Licence:
    """A licence as it is stated.

    `id` is an identifier of the hub or an SPDX expression. Where that is `other`, `name` and `link`
    may say which: a link is a web address or the name of a file beside the weights.
    """

    id: str
    name: str | None = None
    link: str | None = None
    stated_in: _Where = "card"

    @property
    def key(self) -> str:
        """What contracts compare: SPDX in lower case, or the hub's identifier, or a reference."""
        return licence_key(self.id, self.name)

    @property
    def spdx(self) -> str | None:
        """The SPDX expression, None where SPDX has none."""
        return spdx_expression(self.id)


@frozen
class Statements:
    """What card and config.json state; `silent` where neither says a word, sound or not."""

    card: Licence | None
    config: Licence | None
    silent: bool


def read_licence(
    path: Path, opened: Opener = open_regular, config: Mapping[str, Any] | None = None
) -> Licence | None:
    """The licence under `license` in the front matter of the model card `path`, else in `config`.

    None where neither states one, more than one is listed, or what is stated is malformed.
    """
    said = read_statements(path, opened, config)
    return said.card or said.config


def read_statements(
    path: Path, opened: Opener = open_regular, config: Mapping[str, Any] | None = None
) -> Statements:
    """What the model card `path` and `config` state."""
    try:
        with opened(path) as file:
            raw = file.read(0, min(file.size, MAX_CARD_BYTES))
    except MergecError:
        raw = b""
    card = raw.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    front = re.match(r"---[ \t]*\n(.*?)^---[ \t]*$", card, re.DOTALL | re.MULTILINE)
    text = front[1] if front else ""
    known = config or {}
    return Statements(
        _licence(lambda key: _text(text, key), "card"),
        _licence(lambda key: _member(known, key), "config"),
        silent=not re.search(r"^license", text, re.MULTILINE) and not known.get("license"),
    )


def _licence(stated: _Stated, where: _Where) -> Licence | None:
    written = stated("license")
    if written is None:
        return None
    if not _IDENTIFIER.fullmatch(written):
        expression = spdx_expression(written)
        if expression is None:
            return None
        written = expression
    if written != "other":
        return Licence(written, stated_in=where)
    name, link = stated("license_name") or "", stated("license_link") or ""
    sound = _NAME.fullmatch(name) and name.isprintable()
    return Licence(written, name if sound else None, link if _LINK.fullmatch(link) else None, where)


def _text(front: str, key: str) -> str | None:
    # Only the lines of this key reach the YAML reader: cards carry long tables of results that
    # take it seconds, and a card is a stranger's text.
    lines = re.findall(rf"^{key}[ \t]*:.*\n(?:(?:[ \t-].*)?\n)*", front, re.MULTILINE)
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
    return str(value.value) if isinstance(value, yaml.ScalarNode) else None


def _member(config: Mapping[str, Any], key: str) -> str | None:
    value = config.get(key)
    return value if isinstance(value, str) and len(value) <= _MAX_LICENCE_CHARS else None
