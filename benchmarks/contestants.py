"""The commands that are timed: mergec in several ways, other tools, and the floor before each."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks import floor
from benchmarks.cases import Case, FloorKind
from benchmarks.peers import peer_command
from benchmarks.recipes import RECIPES, Recipe, merge_spec
from benchmarks.traffic import Traffic, layer_count
from benchmarks.variants import Variant

FLOOR = "floor"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A named command and the folder below which it writes; `model` holds the result.

    paired: whether the floor runs before it.
    """

    name: str
    command: tuple[str, ...]
    output: Path
    paired: bool = True

    @property
    def model(self) -> Path:
        """The finished checkpoint directory; it does not exist before the command ran."""
        return self.output / "model"


@dataclass(frozen=True, slots=True)
class Place:
    """Where contestants find their inputs and write.

    family: folder with base/, ft0/, ... peer_dtype: dtype in which mergekit computes.
    """

    work: Path
    family: Path
    peer_python: Path
    peer_dtype: str

    def contestants(self, case: Case, traffic: Traffic) -> list[Contestant]:
        """The commands of one case; their specs are written here."""
        recipe = RECIPES[case.recipe]
        specs = self.work / "specs" / case.size
        specs.mkdir(parents=True, exist_ok=True)
        made = [self._mergec(recipe, variant, specs) for variant in case.variants]
        made += [self.floor(traffic, kind) for kind in case.floors]
        for peer in case.peers:
            output = self._output(peer)
            command = peer_command(
                peer,
                self.peer_python,
                recipe,
                family=self.family,
                specs=specs,
                output=output,
                dtype=self.peer_dtype,
            )
            made.append(Contestant(peer, command, output))
        return made

    def floor(self, traffic: Traffic, kind: FloorKind = "plain") -> Contestant:
        """Reading and writing the same bytes, on one thread."""
        name = FLOOR if kind == "plain" else f"{FLOOR} with {kind}"
        output = self._output(name)
        command = [sys.executable, str(floor.__file__), kind, str(output / "model")]
        command += [str(traffic.written), *map(str, traffic.reads)]
        return Contestant(name, tuple(command), output)

    def _mergec(self, recipe: Recipe, variant: Variant, specs: Path) -> Contestant:
        stem = f"{recipe.name}-single" if variant.single else recipe.name
        spec = specs / f"{stem}.merge"
        layers = layer_count(self.family)
        text = merge_spec(recipe, self.family, specs, layers=layers, first=variant.single)
        spec.write_text(text, encoding="utf-8")
        output = self._output(variant.name)
        command = variant.command(spec, output / "model")
        return Contestant(variant.name, command, output, paired=variant.writes)

    def _output(self, name: str) -> Path:
        return self.work / "out" / name.replace(" ", "-")


def process_environment() -> dict[str, str]:
    """The environment every contestant gets.

    Idle OpenMP workers otherwise spin, which inflates the CPU seconds of whoever uses torch. And
    compiled modules are kept, as they are of whatever is installed: not to keep them would be to
    compile mergec, which runs from its sources here, in each run.
    """
    quiet = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    given = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**given, **quiet, "OMP_WAIT_POLICY": "PASSIVE"}
