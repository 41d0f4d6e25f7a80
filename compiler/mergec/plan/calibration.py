"""What `mergec calibrate` measured, kept in the user's cache folder: one file for the machine.

The file says for which machine and which mergec its figures are; for any other it counts as none.
Nothing but estimates depends on it.
"""

import json
import os
import platform
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from mergec.plan.projection import Rates

_SCHEMA = "mergec.calibration/1"
_LARGEST = 1 << 20
_FIGURES = ("read", "write", "digest", "sync", "start", "program")


def calibration_file() -> Path:
    """Where it is kept, whether or not it is there."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    return home / "mergec" / "calibration.json"


def load_rates(backend: str, version: str) -> Rates | None:
    """The figures of a backend; None if there are none for this machine and this mergec."""
    table = _backends(_read(), version).get(backend)
    if not isinstance(table, dict):
        return None
    figures = cast("dict[str, Any]", table)
    stages = figures.get("stages")
    if not isinstance(stages, dict):
        return None
    each = cast("dict[str, Any]", stages)
    numbers = {name: figures.get(name) for name in _FIGURES}
    if not all(map(_is_rate, (*numbers.values(), *each.values()))):
        return None
    return Rates(**cast("dict[str, float]", numbers), stages=cast("dict[str, float]", each))


def keep_rates(backend: str, version: str, rates: Rates, libraries: Mapping[str, str]) -> Path:
    """Keep the figures of a backend beside those of others; the file. OSError if it cannot be.

    `libraries` are versions of what computes, for people.
    """
    figures = {name: getattr(rates, name) for name in _FIGURES}
    table = {**figures, "stages": dict(rates.stages), "libraries": dict(libraries)}
    document = {
        "schema": _SCHEMA,
        "mergec": version,
        "machine": _machine(),
        "backends": {**_backends(_read(), version), backend: table},
    }
    path = calibration_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=1, sort_keys=True) + "\n")
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
    return path


def _read() -> dict[str, Any]:
    """What the file holds, if it is there and is one."""
    path = calibration_file()
    with suppress(OSError, ValueError, RecursionError):
        with path.open("rb") as file:
            found = json.loads(file.read(_LARGEST))
        if isinstance(found, dict):
            return cast("dict[str, Any]", found)
    return {}


def _backends(document: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The figures by backend, if they are for here and now."""
    known = {"schema": _SCHEMA, "mergec": version, "machine": _machine()}
    found = document.get("backends")
    same = all(document.get(name) == value for name, value in known.items())
    return cast("dict[str, Any]", found) if same and isinstance(found, dict) else {}


def _machine() -> dict[str, Any]:
    """What tells one machine from another, as far as that is told at once."""
    return {"cpu": _processor(), "cores": os.cpu_count(), "system": platform.system()}


def _processor() -> str:
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.machine()


def _is_rate(value: object) -> bool:
    """A number that can be divided by, or a time."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e15
