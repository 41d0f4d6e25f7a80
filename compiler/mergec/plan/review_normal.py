"""The normal form for reviewers: the stages that compute each tensor, numbers resolved."""

from collections import Counter
from collections.abc import Iterator, Sequence

from mergec.diagnostics.printable import escape
from mergec.plan.model import Plan, PlannedExport, Row
from mergec.plan.program import Program
from mergec.plan.review_expression import written_node

# Layers that differ by a number have programs of their own, which would fill screens.
_SHOWN_TENSORS = 3


def normal_forms(plan: Plan) -> str:
    """For each export every program that occurs and the tensors that it computes."""
    sections = [section for export in plan.exports for section in _of_export(plan, export)]
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _of_export(plan: Plan, export: PlannedExport) -> Iterator[list[str]]:
    groups: dict[str, list[Row]] = {}
    for row in export.rows:
        groups.setdefault(row.program.key, []).append(row)
    result = escape(export.decl.name)
    for rows in groups.values():
        program = rows[0].program
        lines = program_lines(program, input_names(plan, program), result)
        yield [f"{result}: {_tensors(rows)}", *lines]


def _tensors(rows: Sequence[Row]) -> str:
    names = [escape(row.tensor) for row in rows[:_SHOWN_TENSORS]]
    more = len(rows) - len(names)
    listed = ", ".join(names) + (f" and {more} more" if more else "")
    return f"{len(rows)} tensor{'s' * (len(rows) != 1)}, {listed}"


def input_names(plan: Plan, program: Program) -> list[str]:
    """What the spec calls the sources; several tensors of one are told apart by a number."""
    names = {s.decl.label: plan.names.get(s.decl.key, s.decl.label) for s in plan.sources}
    several = Counter(program.inputs)
    seen: Counter[str] = Counter()
    inputs: list[str] = []
    for label in program.inputs:
        seen[label] += 1
        number = f"#{seen[label]}" if several[label] > 1 else ""
        inputs.append(escape(names[label]) + number)
    return inputs


def program_lines(program: Program, inputs: list[str], result: str) -> Iterator[str]:
    """A line for each stage; the last is called `result`."""
    values = [*inputs]
    (last,) = program.results
    for number, call in enumerate(program.calls):
        operands = [values[i] for i in call.operands]
        name = result if len(values) == last else f"%{number}"
        values.append(name)
        yield f"  {name} = {written_node(call.stage, dict(call.params), operands)}"
    if last < len(inputs):
        yield f"  {result} = {inputs[last]}"
