"""Plans to checkpoints: what `mergec run` does."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mergec.api.locking import LockFile
from mergec.api.specs import CompiledSpec
from mergec.backends import default_backend, get_backend
from mergec.catalog.sample import ALL, Sample
from mergec.execute import LeftOut, Origin, RunReport, run_plan, tool_version
from mergec.execute.machine_memory import memory_limits
from mergec.execute.preflight import memory_row
from mergec.plan import DEFAULT_MEMORY, default_threads, fit_budget
from mergec.plan.calibration import load_rates
from mergec.plan.projection import project
from mergec.shards import SourceReader
from mergec.shards.locked_weights import guard_readers

Progress = Callable[[int], None]


def execute(
    compiled: CompiledSpec,
    target: Path,
    *,
    backend: str | None = None,
    device: str = "cpu",
    memory: int = DEFAULT_MEMORY,
    threads: int | None = None,
    left_out: Sequence[LeftOut] = (),
    progress: Progress = lambda _: None,
    lock: LockFile | None = None,
    resume: bool = False,
    replace: bool = False,
    read_back: Sample = ALL,
) -> RunReport:
    """Run a plan into the new folder `target`, all or nothing.

    `backend` is by default `native` where llvmlite is installed, else `reference`.

    The exports of a plan with several get folders of their names in it.
    `memory` bounds the process in bytes. `left_out` says what not to do: `read_back` compares what
    the disk holds with what was computed before it is published (where it is not left out, of the
    tensors of each export those in the sample `read_back`), `digests` are what it and
    `mergec verify` compare with, and `sync` waits until the result is on the disk, so that no power
    failure can take it away. With a `lock` nothing but what is locked is read. `resume` goes on
    with what an interrupted run of the same plan left beside `target`, and `replace` lets the
    result take the place of an older one. Raises E6xx before anything is written, E8xx after, with
    nothing left at `target` in either case but what was there before; ValueError for `read_back` or
    `resume` without `digests`.
    """
    backend = backend or default_backend()
    budget = fit_budget(compiled.plan, memory, threads or default_threads(), backend, device)
    origin = Origin(
        compiled.name,
        compiled.source.text,
        backend,
        device,
        compiled.settings,
        compiled.imports,
        compiled.without,
        lock.lock.digest if lock is not None else None,
    )
    memory_row(budget.peak, memory_limits())
    hashing = threads or default_threads()

    def secure(readers: Mapping[str, SourceReader]) -> None:
        if lock is not None:
            guard_readers(compiled.plan, readers, lock.lock, lock.path, hashing, cached=lock.cached)

    library = get_backend(backend, device)
    rates = load_rates(backend, tool_version()) if device == "cpu" else None
    projected = None
    if rates is not None:
        projected = project(budget, rates, left_out, read_back.parts).seconds
    report = run_plan(
        compiled.plan,
        target,
        library,
        budget,
        origin,
        progress,
        left_out,
        secure,
        resume=resume,
        replace=replace,
        read_back=read_back,
    )
    return dataclasses.replace(report, projected_seconds=projected)
