"""Models that the cases need: made once, and only where there is room."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.recipes import RECIPES
from benchmarks.sizes import SIZES, parameter_count

_ROOT = Path(__file__).resolve().parent.parent
_BYTES_PER_WEIGHT = 2
_OUTPUTS_AT_ONCE = 3
"""mergec's and two other tools' last results are compared; a sliced one is half as large again."""


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that are still to be written: models, which stay, and outputs, which do not."""

    models: int
    outputs: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.models + self.outputs


def need(cases: Sequence[Case], data: Path) -> Need:
    """What the cases need beyond the models that are there."""
    models = 0
    for size, tunes in _fine_tunes(cases).items():
        family = family_folder(data, size)
        models += (tunes + 1 - _made(family)) * _model_bytes(size) if tunes >= _made(family) else 0
    largest = max((_model_bytes(case.size) for case in cases), default=0)
    return Need(models, largest * 3 // 2 * _OUTPUTS_AT_ONCE)


def require_room(cases: Sequence[Case], data: Path) -> None:
    """A RuntimeError that says what is needed, unless there is that much room."""
    data.mkdir(parents=True, exist_ok=True)
    needed, free = need(cases, data), free_bytes(data)
    if needed.total > free:
        raise RuntimeError(
            f"{needed.models / 1e9:.1f} GB for models and {needed.outputs / 1e9:.1f} GB for "
            f"outputs are needed, and {free / 1e9:.1f} GB are free: name a folder on another disk "
            "with `--data`, or time less with `--ops` or `--size`"
        )


def make_families(cases: Sequence[Case], data: Path) -> None:
    """Write the models that are missing, each family by a process of its own."""
    for size, tunes in _fine_tunes(cases).items():
        family = family_folder(data, size)
        if tunes >= _made(family):
            print(f"making the models of size {size}", flush=True)
            module = [sys.executable, "-m", "benchmarks.make_models", "--size", size]
            command = [*module, "--models", str(tunes), "--out", str(family)]
            subprocess.run(command, cwd=_ROOT, check=True)


def free_bytes(folder: Path) -> int:
    """Room on the file system of a folder."""
    return shutil.disk_usage(folder).free


def family_folder(data: Path, size: str) -> Path:
    """Where the models of a size lie."""
    return data / "families" / size


def _fine_tunes(cases: Sequence[Case]) -> Mapping[str, int]:
    """How many fine-tunes each size must have."""
    found: dict[str, int] = {}
    for case in cases:
        found[case.size] = max(found.get(case.size, 0), RECIPES[case.recipe].fine_tunes)
    return found


def _made(family: Path) -> int:
    """Models that are complete, the base among them; family.json is written after them."""
    record = family / "family.json"
    return json.loads(record.read_text(encoding="utf-8"))["models"] + 1 if record.exists() else 0


def _model_bytes(size: str) -> int:
    return parameter_count(SIZES[size]) * _BYTES_PER_WEIGHT
