"""Ways to run mergec on one spec: what is asked of it, the backend, threads and memory."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import MappingProxyType

_NO_READ_BACK = ("--verify", "none")
_NO_DIGESTS = (*_NO_READ_BACK, "--no-digests")
_NO_SYNC = ("--no-sync",)

RUN_MODES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "default": (),
        "fast": (*_NO_DIGESTS, *_NO_SYNC),
        "hashed": (*_NO_READ_BACK, *_NO_SYNC),
        "checked": _NO_SYNC,
        "synced": _NO_DIGESTS,
    }
)
"""What a run is told: `fast` only merges, as other tools do; `hashed` takes digests of its output,
`checked` also reads it back, `synced` forces it to disk, and by default a run does all of these."""

START_MODES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"version": ("--version",), "check": ("check",), "plan": ("plan",)}
)
"""Commands that read no weight."""

MODES = (*RUN_MODES, *START_MODES)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run mergec; `threads` and `memory` of None are its own defaults.

    single: run the first of two stages only.
    """

    mode: str = "fast"
    backend: str = "native"
    threads: int | None = None
    memory: str | None = None
    single: bool = False

    @property
    def name(self) -> str:
        """Unique among variants, as in `native fast 1 thread`."""
        if self.mode in START_MODES:
            return self.mode
        words = [self.backend, self.mode]
        if self.threads is not None:
            words.append(f"{self.threads} thread{'s' * (self.threads > 1)}")
        words += [self.memory] if self.memory else []
        words += ["single stage"] if self.single else []
        return " ".join(words)

    @property
    def writes(self) -> bool:
        """Whether there is an output to write, and so a floor to compare with."""
        return self.mode in RUN_MODES

    def command(self, spec: Path, target: Path) -> tuple[str, ...]:
        """The command line; the checkpoint appears at `target`."""
        start = (sys.executable, "-m", "mergec.cli")
        if not self.writes:
            words = START_MODES[self.mode]
            return (*start, *words) if self.mode == "version" else (*start, *words, str(spec))
        command = [*start, "run", str(spec), "-o", str(target), "--quiet"]
        command += ["--backend", self.backend, *RUN_MODES[self.mode]]
        command += ["--threads", str(self.threads)] if self.threads else []
        command += ["--memory", self.memory] if self.memory else []
        return tuple(command)


def variants(
    modes: Iterable[str],
    backends: Sequence[str],
    threads: Sequence[int | None] = (None,),
    memory: Sequence[str | None] = (None,),
) -> tuple[Variant, ...]:
    """All combinations; of commands that read no weight, one each."""
    made: list[Variant] = []
    for mode in modes:
        if mode in START_MODES:
            made.append(Variant(mode))
        else:
            every = product(backends, threads, memory)
            made += [Variant(mode, backend, count, size) for backend, count, size in every]
    return tuple(dict.fromkeys(made))
