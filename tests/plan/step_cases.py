"""Plans put together by hand, for the tests of what a run computes together."""

from collections.abc import Sequence
from fractions import Fraction

from mergec.catalog import Dtype, TensorEntry, TensorName
from mergec.diagnostics import SourceText, Span
from mergec.elaborate import Contract, ExportDecl
from mergec.ir import Fact, Graph, GraphBuilder, NodeKey, Value
from mergec.ops import STAGES
from mergec.plan import Plan, Program, Row, StageCall, schedule
from mergec.plan.layout import OutputTensor, lay_out
from mergec.plan.model import PlannedExport, PlanSource, Reading
from mergec.plan.program import recoding
from mergec.plan.steps import Step

SPEC = SourceText("case.merge", "nothing\n")
NOWHERE = Span(SPEC, 0, 7)


def entry(name: str, numel: int = 8, dtype: Dtype = Dtype.BF16) -> TensorEntry:
    """A tensor in a file that nobody opens."""
    return TensorEntry(TensorName(name), dtype, (numel,), "", 0, numel * dtype.bits // 8)


def call(stage: str, operands: Sequence[int], **params: Value) -> StageCall:
    """A stage applied to values; its node is of no interest."""
    given = tuple(sorted(params.items()))
    return StageCall(NodeKey(""), stage, STAGES[stage].revision, tuple(operands), given)


def delta(of: int = 1, base: int = 0) -> StageCall:
    """`of - base`."""
    return call("affine", (of, base), coefficients=(Fraction(1), Fraction(-1)))


def added(base: int, of: int, scale: Fraction = Fraction(1)) -> StageCall:
    """`base + scale*of`."""
    return call("affine", (base, of), coefficients=(Fraction(1), scale))


def trimmed(of: int, density: Fraction = Fraction(1, 2)) -> StageCall:
    """The largest entries."""
    return call("trim", (of,), density=density)


def dropped(of: int, origin: str | None = None, rescale: str = "inv") -> StageCall:
    """Random entries."""
    params: dict[str, Value] = {
        "density": Fraction(1, 2), "label": "code", "rescale": rescale, "role": "dare", "seed": 0
    }  # fmt: skip
    if origin is not None:
        params["origin"] = origin
    return call("drop", (of,), **params)


def row(
    tensor: str,
    read: Sequence[tuple[str, TensorEntry]],
    calls: Sequence[StageCall] = (),
    *,
    dtype: Dtype | None = None,
    origins: Sequence[tuple[str, str]] = (),
    work: Dtype = Dtype.F32,
) -> Row:
    """The row whose result is the last call, or a cast of the one tensor that is read."""
    labels, entries = tuple(label for label, _ in read), tuple(entry for _, entry in read)
    program = Program(labels, tuple(calls), (len(read) + len(calls) - 1,))
    return Row(
        tensor=tensor,
        shape=entries[0].shape,
        dtype=dtype or entries[0].dtype,
        action="merge" if calls else "cast",
        program=program,
        labels=labels,
        entries=entries,
        equal=(),
        origins=tuple((NodeKey(key), name) for key, name in origins),
        work=work,
        exactness="M",
        sweeps=schedule(program, work).sweeps,
    )


def copied(tensor: str, label: str, source: TensorEntry) -> Row:
    """The row that takes a tensor's bytes."""
    return Row(
        tensor, source.shape, source.dtype, "copy", recoding(label), (label,), (source,), (), (),
        source.dtype, "P", 1,
    )  # fmt: skip


def reading(
    tensor: str,
    read: Sequence[tuple[str, TensorEntry]],
    calls: Sequence[StageCall],
    results: Sequence[int],
    *,
    measure: int = 0,
    work: Dtype = Dtype.F32,
) -> Reading:
    """A tensor's part in a measure of values of a program."""
    labels, entries = tuple(label for label, _ in read), tuple(entry for _, entry in read)
    program = Program(labels, tuple(calls), tuple(results))
    return Reading(measure, tensor, program, labels, entries, (), work, entries[0].shape)


def plan_of(
    *exports: Sequence[Row],
    readings: Sequence[Reading] = (),
    measures: Sequence[Fact] = (),
    contracts: Sequence[Contract] = (),
    sources: Sequence[PlanSource] = (),
) -> Plan:
    """A plan with one export for each group of rows, called `e0`, `e1` and so on."""
    return Plan(
        edition=1,
        parameters={},
        sources=tuple(sources),
        names={},
        written=_nothing(),
        exports=tuple(_export(f"e{n}", rows, len(exports)) for n, rows in enumerate(exports)),
        contracts=tuple(contracts),
        measures=tuple(measures),
        readings=tuple(readings),
        settings=(),
    )


def expression(program: Program, sites: Sequence[str], read: Sequence[object], index: int) -> str:
    """What a value of a program is, written out: equal texts are equal computations."""
    if index < len(program.inputs):
        return f"<{program.inputs[index]} {read[index]}>"
    number = index - len(program.inputs)
    made = program.calls[number]
    operands = ", ".join(expression(program, sites, read, i) for i in made.operands)
    return f"{made.stage}@{sites[number]}({operands}; {made.params})"


def result_of(step: Step, result: int) -> str:
    """What a result of a step is, written out."""
    index = step.program.results[result]
    return expression(step.program, step.sites, step.entries, index)


def _export(name: str, rows: Sequence[Row], exports: int) -> PlannedExport:
    outputs = [OutputTensor(r.tensor, r.dtype, r.shape) for r in rows]
    decl = ExportDecl(
        name=name,
        node=NodeKey(name),
        donor="base",
        delta=False,
        implicit=False,
        dtype=None,
        shard_bytes=1 << 30,
        tokenizer=None,
        docs=(),
        span=NOWHERE,
    )
    folder = name if exports > 1 else ""
    layouts = lay_out(outputs, 1 << 30, {})
    return PlannedExport(decl, folder, "base", tuple(rows), layouts, None, ())


def _nothing() -> Graph:
    return GraphBuilder().finish({})
