"""What the passes did, and what is fused into which sweep and why: `mergec plan --passes`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mergec.catalog import Dtype
from mergec.diagnostics.printable import escape
from mergec.ir import Graph, NodeKey, print_graph
from mergec.ops import statistics_passes
from mergec.passes import PIPELINE, Done, Pass
from mergec.plan.model import Plan, PlannedExport, Row
from mergec.plan.program import Program, Schedule, schedule
from mergec.plan.review_barriers import barrier_lines
from mergec.plan.review_normal import input_names, program_lines
from mergec.plan.steps import Step, plan_steps
from mergec.plan.template import template_of

# Numbers that differ from layer to layer would fill screens.
_SHOWN = 8


@dataclass(slots=True)
class PassLog:
    """Collects what the passes do to the graphs of a plan: give its `watch` to the compiler.

    Tensors that come to the same graph are one entry of `graphs`, with their names.
    """

    graphs: dict[tuple[NodeKey, ...], tuple[Sequence[Done], list[str]]] = field(
        default_factory=dict[tuple[NodeKey, ...], tuple[Sequence[Done], list[str]]]
    )

    def watch(self, tensor: str, done: Sequence[Done]) -> None:
        """Take down what was done to the graph of one tensor."""
        written = tuple(done[0].before.outputs.values())
        self.graphs.setdefault(written, (done, []))[1].append(tensor)


def graphs_after(log: PassLog, name: str) -> str:
    """Each graph that there is after the pass `name`, under the tensors that come to it."""
    found: dict[str, list[str]] = {}
    for done, tensors in log.graphs.values():
        for each in done:
            if each.by.name == name:
                found.setdefault(_text(each.after), []).extend(tensors)
    if not found:
        return f"# {name} did not run\n"
    return "\n".join(f"# after {name}: {_named(on)}\n{text}" for text, on in found.items())


def review_passes(plan: Plan, log: PassLog) -> str:
    """A line for each pass and for each thing that it did, then the sweeps of each program."""
    sections = [[*_passes(log)], barrier_lines(plan)]
    sections += (section for export in plan.exports for section in _programs(plan, export))
    sections.append([*_shared(plan)])
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _text(graph: Graph) -> str:
    if len(graph.outputs) > 1:
        return print_graph(graph)
    return print_graph(Graph({"result": next(iter(graph.outputs.values()))}, graph.table))


def _named(tensors: Sequence[str]) -> str:
    more = f" and {len(tensors) - 1} more" if len(tensors) > 1 else ""
    return f"{escape(tensors[0])}{more}"


def _passes(log: PassLog) -> Iterator[str]:
    yield "passes  (those of the normal form define the result, the others change no bit of it)"
    width = max(len(each.name) for each in PIPELINE)
    for number, each in enumerate(PIPELINE, 1):
        yield f"  {number}  {each.name.ljust(width)}  {each.kind.ljust(11)}  {each.does}"
        yield from (f"       {line}" for line in _told(log, each))


def _told(log: PassLog, by: Pass) -> Iterator[str]:
    """What a pass did, with the number of tensors where it did."""
    count: Counter[str] = Counter()
    ran = False
    for all_done, tensors in log.graphs.values():
        for done in all_done:
            if done.by.name == by.name:
                ran = True
                gone = (f"`{label}` is no longer read" for label in _no_longer_read(done))
                for told in dict.fromkeys((*done.told, *gone)):
                    count[told] += len(tensors)
    if not count:
        yield "- nothing to do" if ran else "- switched off"
    for told, on in [*count.items()][:_SHOWN]:
        yield f"- {escape(told)} ({on} tensor{'s' * (on != 1)})"
    if len(count) > _SHOWN:
        yield f"- and {len(count) - _SHOWN} more"


def _no_longer_read(done: Done) -> list[str]:
    left = _labels(done.after)
    return [label for label in _labels(done.before) if label not in left]


def _labels(graph: Graph) -> dict[str, None]:
    labels = (str(node.param("label")) for node in graph.nodes() if node.op == "source")
    return dict.fromkeys(labels)


def _programs(plan: Plan, export: PlannedExport) -> Iterator[list[str]]:
    """The sweeps of each program that merges tensors of an export; numbers aside, it is one."""
    groups: dict[tuple[str, Dtype], list[Row]] = {}
    for row in export.rows:
        if row.action == "merge":
            groups.setdefault((template_of(row.program).key, row.work), []).append(row)
    for rows in groups.values():
        yield [*_program(plan, escape(export.decl.name), rows)]
    copied = Counter(row.action for row in export.rows if row.action != "merge")
    if copied:
        said = ", ".join(
            f"{n} {'copied' if how == 'copy' else 'cast'}" for how, n in copied.items()
        )
        yield [f"{escape(export.decl.name)}: {said} without a program"]


def _program(plan: Plan, result: str, rows: Sequence[Row]) -> Iterator[str]:
    program, work = rows[0].program, rows[0].work
    plural = "s" * (len(rows) != 1)
    several = " (numbers of the first)" if len({row.program.key for row in rows}) > 1 else ""
    tensors = _named([row.tensor for row in rows])
    yield f"{result}: {len(rows)} tensor{plural}, {tensors}, computing in {work.word}{several}"
    inputs = input_names(plan, program)
    users = Counter(operand for call in program.calls for operand in call.operands)
    for number, line in enumerate(program_lines(program, inputs, result)):
        used = users[len(inputs) + number]
        yield f"{line}{f'  used {used} times' if used > 1 else ''}"
    timing = schedule(program, work)
    names = _values(program, result)
    for sweep in range(timing.sweeps):
        yield f"  sweep {sweep + 1}  {_sweep(program, timing, sweep, names)}"
    for word, line in zip(("why", ""), _why(program, timing, work), strict=True):
        yield f"  {word:9}{line}"


def _values(program: Program, result: str) -> list[str]:
    """What the lines of the program call the calls."""
    names = [f"%{number}" for number in range(len(program.calls))]
    (last,) = program.results
    names[last - len(program.inputs)] = result
    return names


def _sweep(program: Program, timing: Schedule, sweep: int, names: Sequence[str]) -> str:
    observed = [
        f"{names[number]} ({call.stage})"
        for number, call in enumerate(program.calls)
        if timing.first[number] <= sweep < timing.ready[number]
    ]
    fused = [names[number] for number in timing.needed[sweep]]
    parts = [f"computes {', '.join(fused)} block by block"] if fused else []
    parts += [f"collects statistics for {', '.join(observed)}"] if observed else []
    parts += ["writes"] if sweep == timing.sweeps - 1 else []
    return "; ".join(parts)


def _why(program: Program, timing: Schedule, work: Dtype) -> tuple[str, str]:
    """The longest chain of statistics, and what running stage by stage would have taken."""
    passes = [statistics_passes(c.definition(), dict(c.params), work) for c in program.calls]
    chain: list[str] = []
    value, count = program.results[0], len(program.inputs)
    while value >= count:
        call = program.calls[value - count]
        if passes[value - count]:
            chain.append(f"{passes[value - count]} for the statistics of {call.stage}")
        value = max(
            call.operands, key=lambda v: timing.ready[v - count] if v >= count else -1, default=-1
        )
    steps = [*reversed(chain), "1 that writes"]
    alone = sum(passes) + len(program.calls)
    said = ", then ".join(steps) if chain else "nothing waits for a statistic"
    stages = f"the {len(program.calls)} stages" if len(program.calls) > 1 else "the stage"
    return said, f"one after the other, {stages} would pass over memory {alone} times"


def _shared(plan: Plan) -> Iterator[str]:
    """Parts that several exports or statistics have in common, as a run joins them."""
    joined: Counter[tuple[str, int, int]] = Counter()
    for step in plan_steps(plan):
        if len(step.outputs) + len(step.observed) > 1:
            joined[_whose(plan, step), _alone(step), len(step.program.calls)] += 1
    if joined:
        yield "computed together, since they read the same tensors"
    for (whose, alone, together), steps in joined.items():
        yield f"  {whose}: {alone} stages become {together} ({steps} times)"


def _whose(plan: Plan, step: Step) -> str:
    names = [escape(plan.exports[output.export].decl.name) for output in step.outputs]
    names += ["a statistic of a contract"] * len(step.observed)
    counts = Counter(names).items()
    return " and ".join(f"{n} × {name}" if n > 1 else name for name, n in counts)


def _alone(step: Step) -> int:
    each = [len(output.row.program.calls) for output in step.outputs]
    return sum(each) + sum(len(seen.reading.program.calls) for seen in step.observed)
