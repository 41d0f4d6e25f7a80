"""Values for parameters of a spec: `--set name=value`, and tables of them in TOML."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import click

from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import escape
from mergec.elaborate import Setting

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_MAX_FILE = 1 << 20


def read_settings(given: Sequence[str], file: Path | None) -> Mapping[str, Setting]:
    """The values of `--set`, which win, and those of a parameter file; usage errors for both."""
    settings = dict(_from_file(file)) if file is not None else {}
    return settings | _from_options(given)


def _from_options(given: Sequence[str]) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or _NAME.fullmatch(name) is None:
            raise _usage(f"{escape(text)!r} is not of the form `name=value`", "--set")
        if name in settings:
            raise _usage(f"`{name}` is set twice", "--set")
        settings[name] = Setting(value.strip(), Path())
    return settings


def _from_file(file: Path) -> Iterator[tuple[str, Setting]]:
    for name, value in _entries(_parse(file)):
        where = f"{escape(str(file))}: `{escape(name)}`"
        if _NAME.fullmatch(name) is None:
            raise _usage(f"{where} is not the name of a parameter", "--params")
        if not isinstance(value, str | int):
            raise _usage(f"{where} is not a number, a text, true or false", "--params")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield name, Setting(text, file.parent)


def _parse(file: Path) -> dict[str, Any]:
    with open_regular(file) as opened:
        if opened.size > _MAX_FILE:
            raise _usage(f"{escape(str(file))} is larger than 1 MiB", "--params")
        raw = opened.read(0, opened.size)
    try:
        # Numbers stay as they are written, and so exact.
        return tomllib.loads(raw.decode(), parse_float=lambda text: text.replace("_", ""))
    except UnicodeDecodeError as error:
        raise _usage(f"{escape(str(file))} is not UTF-8", "--params") from error
    except tomllib.TOMLDecodeError as error:
        raise _usage(_placed(file, str(error)), "--params") from error
    except RecursionError as error:
        raise _usage(f"{escape(str(file))} is nested too deeply", "--params") from error


def _entries(table: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """What is no table, by its path: `w` in `[common]` is `common.w`."""
    waiting = [("", table)]
    while waiting:
        prefix, inner = waiting.pop()
        for key, value in inner.items():
            # A dot within a key is no path.
            name = prefix + key.replace(".", "..")
            if isinstance(value, dict):
                waiting.append((f"{name}.", cast("dict[str, Any]", value)))
            else:
                yield name, value


def _placed(file: Path, message: str) -> str:
    """The parser's words behind file, line and column."""
    found = _PLACE.search(message)
    said = _PLACE.sub("", message)
    place = f":{found['line']}:{found['column']}" if found and found["line"] else ""
    return f"{escape(str(file))}{place}: {said[:1].lower()}{said[1:]}"


def _usage(message: str, option: str) -> click.UsageError:
    return click.BadParameter(message, param_hint=f"'{option}'")
