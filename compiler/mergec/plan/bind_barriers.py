"""What barriers are made of: global stages in the normal form of each tensor of an operator."""

from collections.abc import Collection, Sequence
from dataclasses import field
from fractions import Fraction

from mergec.catalog import Dtype
from mergec.diagnostics import Diagnostic
from mergec.elaborate import Elaborated
from mergec.elaborate.wording import shown
from mergec.frozen import frozen
from mergec.ir import Graph, GraphBuilder, Node, NodeKey, Value, is_scheduled
from mergec.ops import STAGES, GlobalStage
from mergec.passes import normal_form, refine
from mergec.plan.bind_readings import Asked, ReadingBinder
from mergec.plan.model import Barrier, Reading
from mergec.plan.program import Program, barrier_of, build_program
from mergec.resolve import Resolver

_HANDED_ON = ("barrier", "member", "part")


@frozen
class BarrierStage:
    """A global stage in a tensor's normal form; `program` computes its operands from `sources`.

    `own` are those of its parameters that are this tensor's alone.
    """

    part: int
    name: str
    params: tuple[tuple[str, Value], ...]
    own: tuple[tuple[str, Value], ...]
    program: Program
    sources: tuple[NodeKey, ...]

    @property
    def revision(self) -> int:
        """That of the stage's code."""
        return STAGES[self.name].revision


@frozen
class BarrierStages:
    """Finds the global stages of operators, once for all tensors that come to the same.

    `without` names the passes that are switched off.
    """

    resolver: Resolver
    without: Collection[str] = ()
    known: dict[tuple[NodeKey, NodeKey], tuple[BarrierStage, ...]] = field(
        default_factory=dict[tuple[NodeKey, NodeKey], tuple[BarrierStage, ...]]
    )

    def of(self, written: NodeKey, root: NodeKey) -> tuple[BarrierStage, ...]:
        """The stages that the operator `written` comes to in a tensor where it is `root`."""
        if (written, root) not in self.known:
            self.known[written, root] = tuple(self._found(written, root))
        return self.known[written, root]

    def _found(self, written: NodeKey, root: NodeKey) -> list[BarrierStage]:
        graph = normal_form(self.resolver.builder.finish({"": root}))
        found: list[BarrierStage] = []
        for node in graph.nodes():
            params = dict(node.params)
            key = barrier_of(params)
            if key is not None and key[0] == written and "member" not in params:
                program, sources = self._program(graph, node)
                given = [(k, v) for k, v in node.params if k not in _HANDED_ON]
                stage = STAGES[node.op]
                apart = stage.own_params if isinstance(stage, GlobalStage) else frozenset[str]()
                shared = tuple(pair for pair in given if pair[0] not in apart)
                own = tuple(pair for pair in given if pair[0] in apart)
                found.append(BarrierStage(key[1], node.op, shared, own, program, sources))
        return found

    def _program(self, graph: Graph, stage: Node) -> tuple[Program, tuple[NodeKey, ...]]:
        """What computes a stage's operands; every pass leaves the stage where it is, or drops it.

        So all stages are found in the normal form, and the other passes come after that.
        """
        builder = GraphBuilder()
        for node in (node for key in stage.operands for node in graph.below(key)):
            builder.keep(node)
        outputs = {str(number): key for number, key in enumerate(stage.operands)}
        below = refine(builder.finish(outputs), self.without)
        return build_program(below, *(below.outputs[name] for name in outputs))


def bind_barriers(
    stages: BarrierStages, written: NodeKey, asked: Sequence[Asked], reader: ReadingBinder
) -> list[Barrier]:
    """The barriers of one operator, whose tensors are `asked`; those of integers take no part."""
    parts: dict[int, tuple[BarrierStage, list[Reading]]] = {}
    for one in asked:
        if not reader.has(one):
            continue
        if reader.found[stages.resolver.origin(written, one.name)].dtype.is_integer:
            continue
        for stage in stages.of(written, one.resolved.roots[0]):
            _, readings = parts.setdefault(stage.part, (stage, []))
            number = len(readings)
            read = reader.reading(number, one, stage.program, stage.sources, Dtype.F64, stage.own)
            readings.append(read)
    return [
        Barrier(written, part, stage.name, stage.revision, stage.params, tuple(readings))
        for part, (stage, readings) in sorted(parts.items(), key=lambda item: item[0])
    ]


def differing_setting(
    elaborated: Elaborated, stages: BarrierStages, written: NodeKey, asked: Sequence[Asked]
) -> Diagnostic | None:
    """E216 where a parameter of statistics over all tensors differs from tensor to tensor."""
    node, builder = elaborated.graph.node(written), stages.resolver.builder
    used = {
        name
        for one in asked
        for stage in stages.of(written, one.resolved.roots[0])
        for name, _ in stage.params
    }
    for param in (name for name, value in node.params if is_scheduled(value) and name in used):
        first: dict[str, str] = {}
        for one in asked:
            given = dict(builder[one.resolved.roots[0]].params)
            if param in given:
                first.setdefault(_text(given[param]), one.name)
        if len(first) > 1:
            (left, here), (right, there), *_ = first.items()
            return Diagnostic(
                "E216",
                f"`{param}` differs from tensor to tensor, but its scope is all of them",
                elaborated.places.parameters.get((written, param))
                or elaborated.places.nodes.get(written),
                f"this is {left} in `{here}` and {right} in `{there}`",
                notes=("all tensors are one vector here, of which there is one statistic",),
                help=("write one number, or `scope=tensor`",),
            )
    return None


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    assert isinstance(value, Fraction)
    return shown(value)
