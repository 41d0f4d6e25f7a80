"""The programs of tensors: made once for all that come to the same nodes."""

from collections.abc import Callable, Sequence
from typing import final

from mergec.catalog import Dtype
from mergec.ir import NodeKey
from mergec.passes import Done, optimise
from mergec.plan.program import Exactness, Program, build_program, schedule
from mergec.resolve import Resolver

Watch = Callable[[str, Sequence[Done]], None]
"""Gets the name of each tensor that is bound, with what the passes did to its graph."""
Roots = tuple[NodeKey, ...]


@final
class BoundPrograms:
    """Optimised programs by the resolved nodes that they compute, and what these cost."""

    def __init__(self, resolver: Resolver, without: Sequence[str], watch: Watch | None) -> None:
        self._resolver = resolver
        self._without = without
        self._watch = watch
        self._known: dict[Roots, tuple[Program, Roots]] = {}
        self._done: dict[Roots, list[Done]] = {}
        self._costs: dict[tuple[str, tuple[Dtype, ...], Dtype], tuple[Exactness, int]] = {}

    def of(self, name: str, roots: Roots) -> tuple[Program, Roots]:
        """The program of a tensor, and the node of each of its inputs."""
        if roots not in self._known:
            outputs = {str(number): key for number, key in enumerate(roots)}
            done = self._done.setdefault(roots, []) if self._watch else None
            graph = optimise(self._resolver.builder.finish(outputs), self._without, done)
            results = [graph.outputs[name] for name in outputs]
            self._known[roots] = build_program(graph, *results)
        if self._watch:
            self._watch(name, self._done[roots])
        return self._known[roots]

    def costs(
        self, program: Program, dtypes: tuple[Dtype, ...], work: Dtype
    ) -> tuple[Exactness, int]:
        """Exactness class and sweeps, found once for all tensors of the same dtypes."""
        known = self._costs.get((program.key, dtypes, work))
        if known is None:
            computable = all(dtype.is_float for dtype in dtypes)  # or it is reported, all at once
            exactness = program.exactness(dtypes, work) if computable else "M"
            known = exactness, schedule(program, work).sweeps
            self._costs[program.key, dtypes, work] = known
        return known
