"""The commands that are timed: the floor, mergekit in an environment of its own, and mergec."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import floor
from benchmarks.recipes import Recipe, merge_spec, mergekit_recipe

FLOOR = "floor"
PEER = "mergekit"
TORCH_REQUIREMENT = "torch==2.13.0"
MERGEKIT_REQUIREMENT = "mergekit==0.1.5"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A named command and the folder below which it writes; `model` holds the result."""

    name: str
    command: tuple[str, ...]
    output: Path

    @property
    def model(self) -> Path:
        """The finished checkpoint directory; it does not exist before the command ran."""
        return self.output / "model"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is run for each recipe: mergec's backends, and mergekit where its python is given.

    work: folder that takes specs and outputs. family: folder with base/, ft0/, ...
    peer_dtype: dtype in which mergekit computes, bfloat16 or float32.
    """

    work: Path
    family: Path
    backends: Sequence[str]
    peer_python: Path | None
    peer_dtype: str

    def contestants(self, recipe: Recipe) -> list[Contestant]:
        """The commands for one recipe, the floor first; their specs are written here."""
        specs = self.work / "specs" / self.family.name
        specs.mkdir(parents=True, exist_ok=True)
        commands = [(FLOOR, self._floor(recipe))]
        if self.peer_python is not None:
            text = mergekit_recipe(recipe, self.family, self.peer_dtype)
            path = _write(specs / f"{recipe.name}.yaml", text)
            commands.append((PEER, self._mergekit(self.peer_python, path)))
        spec = _write(specs / f"{recipe.name}.merge", merge_spec(recipe, self.family, specs))
        commands += [(f"mergec {name}", self._mergec(spec, name)) for name in self.backends]
        return [Contestant(name, command, self._output(name)) for name, command in commands]

    def input_bytes(self, recipe: Recipe) -> int:
        """Bytes of all weight files that the recipe reads."""
        return sum(path.stat().st_size for path in self._inputs(recipe))

    def _output(self, name: str) -> Path:
        return self.work / "out" / name.replace(" ", "-")

    def _inputs(self, recipe: Recipe) -> list[Path]:
        folders = [self.family / source for source in recipe.sources]
        return [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]

    def _floor(self, recipe: Recipe) -> tuple[str, ...]:
        inputs = self._inputs(recipe)
        size = self.input_bytes(recipe) // len(recipe.sources)
        script, target = str(floor.__file__), self._output(FLOOR) / "model"
        return (sys.executable, script, str(target), str(size), *map(str, inputs))

    def _mergekit(self, python: Path, recipe: Path) -> tuple[str, ...]:
        target = self._output(PEER) / "model"
        command = str(python.with_name("mergekit-yaml"))
        return (command, str(recipe), str(target), "--quiet", "--no-write-model-card")

    def _mergec(self, spec: Path, backend: str) -> tuple[str, ...]:
        target = self._output(f"mergec {backend}") / "model"
        start = (sys.executable, "-m", "mergec.cli", "run")
        return (*start, str(spec), "-o", str(target), "--backend", backend, "--quiet")


def process_environment() -> dict[str, str]:
    """The environment every contestant gets.

    Idle OpenMP workers otherwise spin, which inflates the CPU seconds of whoever uses torch.
    """
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    return {**os.environ, **quiet, "OMP_WAIT_POLICY": "PASSIVE"}


def install_peer(folder: Path) -> Path:
    """Make mergekit's environment in `folder` unless it is there; its python is returned.

    torch goes first, so that a CPU build chosen by pip's configuration is kept. A failing pip is
    a CalledProcessError; the next call tries again.
    """
    python = folder / "bin" / "python"
    if not python.with_name("mergekit-yaml").exists():
        venv.create(folder, with_pip=True)
        for requirement in (TORCH_REQUIREMENT, MERGEKIT_REQUIREMENT):
            print(f"installing {requirement} for the comparison", flush=True)
            subprocess.run([python, "-m", "pip", "install", "-q", requirement], check=True)
    return python


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
