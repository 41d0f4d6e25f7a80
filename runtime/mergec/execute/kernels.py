"""The kernels that would be compiled for a plan, as text."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

from mergec.backends import Backend
from mergec.backends.reference import ReferenceBackend
from mergec.catalog import TensorEntry
from mergec.execute.sweep import sweep_step
from mergec.ops.threefry import mask_key
from mergec.plan import Plan, schedule
from mergec.plan.steps import Output, Step, plan_steps

_ELEMENTS = 1 << 12


def kernel_listing(plan: Plan, backend: str = "native", device: str = "cpu") -> Generator[str]:
    """A paragraph for each group of tensors that share kernels, in the order of the plan.

    Found by running each program on a small tensor of made-up weights, so that what depends on
    data is as for typical data. They are those of `torch` where that computes on a `device`, which
    need not be here, else those of `native`. Raises E603 without PyTorch or llvmlite. Steps that
    need statistics over all tensors are left out, for those are known only in a run.
    """
    fused = backend == "torch" and device != "cpu"
    computing, engine, listing = _fused(device) if fused else _native()
    steps = [s for s in plan_steps(plan) if s.copied is None and not s.program.barriers]
    shared: dict[tuple[object, ...], list[Step]] = {}
    for step in steps:
        dtypes = tuple(entry.dtype for entry in step.entries)
        stored = tuple(output.row.dtype for output in step.outputs)
        kind = (step.program.key, step.work, dtypes, stored, step.meetings)
        shared.setdefault(kind, []).append(step)
    for alike in shared.values():
        known = len(engine.kernels)
        _run_small(alike[0], computing)
        found = engine.kernels[known:]
        names = [output.row.tensor for step in alike for output in step.outputs]
        head = f"{len(names)} tensors, such as {names[0]}" if len(names) > 1 else names[0]
        yield "\n\n".join([f"# {head}", *(listing(kernel) for kernel in found)])


def _native() -> tuple[Backend, Any, Callable[[Any], str]]:
    from mergec.backends.native.backend import NativeBackend
    from mergec.backends.native.engine import Engine
    from mergec.backends.native.listing import listing

    engine = Engine()
    return NativeBackend(engine), engine, listing


def _fused(device: str) -> tuple[Backend, Any, Callable[[Any], str]]:
    from mergec.backends.torch_fused import FusedTorchBackend
    from mergec.backends.torch_fused.programs import listing

    backend = FusedTorchBackend("cpu", compiled=False)
    return backend, backend.programs, partial(listing, device=device)


def _run_small(step: Step, backend: Backend) -> None:
    row = step.shape[-1] if step.shape else 1
    rows = max(1, min(step.numel // max(row, 1), _ELEMENTS // max(row, 1)))
    shape = (rows, row) if len(step.shape) > 1 else (min(row, _ELEMENTS),) * len(step.shape)
    whole = step.whole
    entries = tuple(
        entry if i in whole else replace(entry, shape=shape) for i, entry in enumerate(step.entries)
    )
    small = replace(step, shape=shape, entries=entries)
    plan = schedule(small.program, small.work, small.meetings)
    inputs = [_Weights(entry, i) for i, entry in enumerate(entries)]
    collectors = [_Nothing() for _ in small.observed]
    sweep_step(small, plan, backend, inputs, _ELEMENTS, _drop, lambda: None, collectors)


def _drop(_output: Output, _offset: int, _data: memoryview) -> None:
    """What comes of made-up weights is nothing."""


class _Weights:
    """Made-up weights, the same every time."""

    def __init__(self, entry: TensorEntry, number: int) -> None:
        self.entry = entry
        first, second = mask_key(number, "weights", entry.name, "")
        values = [
            ((i * 2654435761 + first) % 65536 - 32768) / (1 << 16) + (second % 7) / (1 << 12)
            for i in range(prod(entry.shape))
        ]
        backend = ReferenceBackend()  # not the one whose kernels are listed
        self._bytes = backend.store(backend.xp.floats(values), entry.dtype)

    def block(self, start: int, count: int) -> memoryview:
        """The bytes of some elements."""
        width = self.entry.dtype.bits // 8
        return self._bytes[start * width : (start + count) * width]


class _Nothing:
    def observe(self, xp: object, blocks: Sequence[object]) -> None:
        """Look away."""
