"""Sweep programs: the stages of one result in order, and the sweeps they fall into.

A sweep is one streaming pass over a tensor's blocks. Everything elementwise that is ready runs in
it, and every statistic whose operands are ready is collected; so a tensor takes one sweep more than
its longest chain of statistics, whatever the number of operators.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from functools import lru_cache
from typing import Literal, overload

from mergec.catalog import Dtype
from mergec.frozen import frozen
from mergec.ir import Graph, Node, NodeKey, Value, print_value
from mergec.ops import STAGES, Stage, StatisticStage, statistics_passes
from mergec.ops.rounding import widest_stored

Exactness = Literal["P", "M", "T"]
BarrierKey = tuple[NodeKey, int]
"""A node of the graph as written, and the number of a global stage among those it lowers to."""


@frozen
class StageCall:
    """A stage applied to values. `operands` count the program's inputs first, then its calls.

    A stage that draws a mask may have the parameter `origin`, the key of the source node whose
    tensor name the mask is drawn for; without it that is the name of the output tensor. A global
    stage has `barrier` and `part`, which name its statistics, and may have `member`, the key of the
    tensor's name in the value that they are of.
    """

    node: NodeKey
    stage: str
    revision: int
    operands: tuple[int, ...]
    params: tuple[tuple[str, Value], ...]

    @property
    def barrier(self) -> BarrierKey | None:
        """Whose statistics over all tensors it needs, if any."""
        return barrier_of(dict(self.params))

    def definition(self) -> Stage:
        """The stage's code."""
        return STAGES[self.stage]

    def statistic(self) -> StatisticStage:
        """The code of a stage that collects statistics; TypeError for any other."""
        stage = self.definition()
        if not isinstance(stage, StatisticStage):
            raise TypeError(f"{self.stage} collects no statistic")
        return stage


def barrier_of(params: Mapping[str, Value]) -> BarrierKey | None:
    """What the parameters of a stage say about the barrier that precedes it."""
    node, part = params.get("barrier"), params.get("part")
    if not isinstance(node, str) or not isinstance(part, int | Fraction):
        return None
    return NodeKey(node), int(part)


@frozen
class Program:
    """The calls that compute results from `inputs` (source labels, in order).

    A label stands once for each tensor of that source that is read. `results` are indexes among
    inputs and calls: one for an output tensor, several where tensors are computed together. `key`
    is the SHA-256 of these three, so that programs that do the same are one. `barriers` are the
    statistics over all tensors that its calls need, `whole` the inputs that they take whole.
    """

    inputs: tuple[str, ...]
    calls: tuple[StageCall, ...]
    results: tuple[int, ...]
    key: str = field(init=False, compare=False)
    barriers: frozenset[BarrierKey] = field(init=False, compare=False, repr=False)
    whole: frozenset[int] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        parts = [", ".join(self.inputs), ", ".join(map(str, self.results))]
        for call in self.calls:
            params = ", ".join(f"{name}={print_value(value)}" for name, value in call.params)
            parts.append(f"{call.stage}.{call.revision}({call.operands}; {params})")
        key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        object.__setattr__(self, "key", key)
        needed = (call.barrier for call in self.calls)
        barriers = frozenset(barrier for barrier in needed if barrier is not None)
        object.__setattr__(self, "barriers", barriers)
        whole = (i for call in self.calls if call.definition().takes_whole for i in call.operands)
        object.__setattr__(self, "whole", frozenset(whole))

    def __hash__(self) -> int:
        return hash(self.key)  # equal programs have equal keys

    def stored(self, call: StageCall, dtypes: Sequence[Dtype]) -> tuple[Dtype | None, ...]:
        """Per operand of `call`: the storage dtype of an input, None for a computed value.

        What stages select from inputs is stored too.
        """

        def kind(i: int) -> Dtype | None:
            if i < len(self.inputs):
                return dtypes[i]
            made = self.calls[i - len(self.inputs)]
            return widest_stored([kind(made.operands[j]) for j in made.definition().selects])

        return tuple(map(kind, call.operands))

    def exactness(self, dtypes: Sequence[Dtype], work: Dtype) -> Exactness:
        """How far results agree between backends; it follows from the fused expression alone.

        P: one digest on every backend. M: bit for bit on CPU backends that do not contract
        multiply-add. T: within a tolerance, for library functions are in it.
        """
        if any(call.definition().approximate for call in self.calls):
            return "T"
        for call in self.calls:
            stored = self.stored(call, dtypes)
            if call.definition().contractible(dict(call.params), stored, work):
                return "M"
        return "P"


@frozen
class Schedule:
    """When each call of a program runs.

    `ready[i]` is the first sweep in which call i's result can be computed; its statistics are
    collected in the sweeps from `first[i]` up to that one. `sweeps` counts them all. `done[r]` is
    the sweep in which the program's r-th result is computed, and `met[m]` the one in which all
    results of the m-th meeting are. `needed` are the calls of each sweep, in order.
    """

    first: tuple[int, ...]
    ready: tuple[int, ...]
    sweeps: int
    done: tuple[int, ...]
    met: tuple[int, ...]
    needed: "NeededCalls"


@frozen
class NeededCalls(Sequence[tuple[int, ...]]):
    """For each sweep the numbers of the calls that it must compute, rising.

    Kept as one bit a call, for a long chain of statistics computes most of its calls in most of
    its sweeps.
    """

    masks: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.masks)

    @overload
    def __getitem__(self, index: int) -> tuple[int, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[tuple[int, ...], ...]: ...
    def __getitem__(self, index: int | slice) -> tuple[int, ...] | tuple[tuple[int, ...], ...]:
        if isinstance(index, slice):
            return tuple(_numbers(mask) for mask in self.masks[index])
        return _numbers(self.masks[index])


@lru_cache(maxsize=1024)
def recoding(label: str) -> Program:
    """The program that does nothing: a cast is a decoding and an encoding."""
    return Program((label,), (), (0,))


def schedule(program: Program, work: Dtype, meetings: Sequence[Sequence[int]] = ()) -> Schedule:
    """The fewest sweeps for `program` in `work`, and the calls each sweep must compute.

    A meeting is a group of results, as indexes into `program.results`, that something needs block
    by block at one time; those that were done in an earlier sweep are computed again.
    """
    count = len(program.inputs)
    first: list[int] = []
    ready: list[int] = []
    for call in program.calls:
        start = max((ready[i - count] for i in call.operands if i >= count), default=0)
        first.append(start)
        passes = statistics_passes(call.definition(), dict(call.params), work)
        ready.append(start + passes)
    done = tuple(ready[r - count] if r >= count else 0 for r in program.results)
    met = tuple(max(done[r] for r in meeting) for meeting in meetings)
    sweeps = max(done) + 1
    # A call is needed where its result is used: by a statistic, as a result, or by such a call.
    whole = _computed_for(program)
    needed = [0] * sweeps
    for result, when in zip(program.results, done, strict=True):
        needed[when] |= whole[result]
    for meeting, when in zip(meetings, met, strict=True):
        for r in meeting:
            needed[when] |= whole[program.results[r]]
    for number, call in enumerate(program.calls):
        for sweep in range(first[number], min(ready[number], sweeps)):
            for i in call.operands:
                needed[sweep] |= whole[i]
    return Schedule(tuple(first), tuple(ready), sweeps, done, met, NeededCalls(tuple(needed)))


def _computed_for(program: Program) -> list[int]:
    """For each value, inputs first, the calls that it takes to compute it, one bit a call."""
    whole = [0] * len(program.inputs)
    for number, call in enumerate(program.calls):
        mask = 1 << number
        for i in call.operands:
            mask |= whole[i]
        whole.append(mask)
    return whole


def _numbers(mask: int) -> tuple[int, ...]:
    """The places of the bits of `mask` that are set, lowest first."""
    bits = f"{mask:b}"
    return tuple(len(bits) - 1 - i for i in range(len(bits) - 1, -1, -1) if bits[i] == "1")


def build_program(graph: Graph, *roots: NodeKey) -> tuple[Program, tuple[NodeKey, ...]]:
    """The program that computes `roots` of a normal-form graph, and the source node of each input.

    Inputs stand by label, then in the order of first use among tensors of one source. Calls stand
    in the order of their first use, operands before users: it follows from what is computed alone,
    and not from the order of lines in the spec.
    """
    leaves = {node.key: node for root in roots for node in graph.leaves(root)}
    sources = sorted(leaves.values(), key=_place)
    number = {node.key: i for i, node in enumerate(sources)}
    calls: list[StageCall] = []
    stack = [*reversed(roots)]
    while stack:
        node = graph.node(stack[-1])
        waiting = [key for key in node.operands if key not in number]
        if waiting:
            stack.append(waiting[0])
            continue
        stack.pop()
        if node.key not in number:
            operands = tuple(number[key] for key in node.operands)
            number[node.key] = len(number)
            # The code's revision and not the node's: a lowering names stages, not revisions.
            revision = STAGES[node.op].revision
            calls.append(StageCall(node.key, node.op, revision, operands, node.params))
    labels = tuple(str(node.param("label")) for node in sources)
    results = tuple(number[root] for root in roots)
    return Program(labels, tuple(calls), results), tuple(node.key for node in sources)


def _place(leaf: Node) -> tuple[str, int]:
    slot = dict(leaf.params).get("slot", 0)
    return str(leaf.param("label")), slot if isinstance(slot, int) else 0
