"""The plan as a reviewer reads it: what is read, computed and written, and what it costs."""

import re
from collections import Counter
from collections.abc import Iterator

from mergec.catalog import Dtype
from mergec.diagnostics.printable import escape
from mergec.ir import Node, Value, print_decimal, print_value
from mergec.ops import numbers
from mergec.plan.budget import Budget
from mergec.plan.encode import plan_hash
from mergec.plan.model import Plan, PlanSource, Row
from mergec.plan.program import Program, schedule

_SYMBOLS = {"merge": "+", "cast": "~", "copy": "="}


def review(plan: Plan, budget: Budget) -> str:
    """The review text: one screen for most specs, the same wherever it is printed."""
    sections = (
        _head(plan),
        _sources(plan),
        _expression(plan),
        _sweeps(plan),
        _tensors(plan),
        _output(plan),
        _totals(plan, budget),
    )
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def amount(size: int, *, binary: bool = False) -> str:
    """A size for people: decimal units for files, binary ones for memory."""
    step, unit = (1024, "iB") if binary else (1000, "B")
    if size < step:
        return f"{size} B"
    value, prefixes = size / step, "KMGT"
    for prefix in prefixes:
        if value < step or prefix == prefixes[-1]:
            return f"{value:.1f} {prefix}{unit}"
        value /= step
    raise AssertionError("unreachable")


def _head(plan: Plan) -> list[str]:
    kind = "delta" if plan.export.delta else "model"
    how = " (implicit)" if plan.export.implicit else ""
    lines = [f"exports {escape(plan.export.name)}{how}, a {kind}"]
    return [*lines, *(f"  {escape(doc)}" for doc in plan.export.docs)]


def _sources(plan: Plan) -> list[str]:
    rows = [_source(plan, source) for source in plan.sources]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    lines = ["sources"]
    for *cells, note in rows:
        text = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append(f"  {text}  {note}".rstrip())
    return lines


def _source(plan: Plan, source: PlanSource) -> tuple[str, ...]:
    tensors = source.checkpoint.tensors.values()
    dtypes = ", ".join(sorted({entry.dtype.word for entry in tensors}))
    size = amount(sum(entry.nbytes for entry in tensors))
    notes = [f"! names matched by {source.rule}"] if source.rule else []
    if source.unused:
        notes.append(f"- {source.unused} tensors not used")
    label = escape(source.decl.label)
    ref = escape(source.decl.ref)
    rev = f"@{escape(source.decl.rev)}" if source.decl.rev else ""
    name = escape(plan.names.get(source.decl.key, label))
    label = "" if label == source.decl.ref else f"id={label}"
    count = f"{len(tensors)} tensors"
    return name, f"{ref}{rev}", label, count, dtypes, size, "  ".join(notes)


def _expression(plan: Plan) -> list[str]:
    """The graph as written, without its sources, with every parameter resolved."""
    names = {key: escape(name) for key, name in plan.names.items()}
    lines: list[str] = []
    for node in plan.written.nodes():
        if node.op == "source":
            names.setdefault(node.key, escape(str(node.param("label"))))
            continue
        names.setdefault(node.key, f"%{len(lines)}")
        operands = [names[key] for key in node.operands]
        said = _arithmetic(node, operands) or f"{node.op}({', '.join(operands)}{_params(node)})"
        lines.append(f"  {names[node.key]} = {said} : {node.type}")
    return ["as written", *lines] if lines else []


def _arithmetic(node: Node, operands: list[str]) -> str:
    """An affine node as it is written in a spec, such as `code - base`; empty for any other."""
    if node.op != "affine":
        return ""
    text = ""
    for part, operand in zip(numbers(node.param("coefficients"), 1), operands, strict=True):
        sign = "-" if part < 0 else "+"
        factor = "" if abs(part) == 1 else f"{print_decimal(abs(part))}*"
        text += f" {sign} {factor}{operand}"
    return text.removeprefix(" + ").lstrip().replace("- ", "-", text.startswith(" -"))


def _params(node: Node) -> str:
    shown = (f"{name}={_shown(value)}" for name, value in node.params if value is not None)
    return "".join(("; ", ", ".join(shown))) if node.params else ""


def _shown(value: Value) -> str:
    """As in a spec: decimals for numbers, bare words for words."""
    if isinstance(value, bool):
        return print_value(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(item) for item in value)}]"
    if isinstance(value, str):
        return escape(value).replace("\\u{1f}", " + ")
    return print_decimal(value) if value is not None else "none"  # type: ignore[arg-type]


def _sweeps(plan: Plan) -> list[str]:
    """What each pass over a tensor does, for the work dtypes that occur."""
    works = sorted({row.work for row in plan.rows if row.action == "merge"}, key=lambda d: d.rank)
    lines: list[str] = []
    for work in works:
        lines.append(f"sweeps over each tensor, computing in {work.word}")
        lines += [f"  {line}" for line in _sweep_lines(plan.program, work)]
    return lines


def _sweep_lines(program: Program, work: Dtype) -> Iterator[str]:
    steps = schedule(program, work)
    for sweep in range(steps.sweeps):
        observed = [
            call.stage
            for number, call in enumerate(program.calls)
            if steps.first[number] <= sweep < steps.ready[number]
        ]
        computed = [program.calls[number].stage for number in steps.needed[sweep]]
        parts = [f"compute {_counted(computed)}"] if computed else []
        parts += [f"collect statistics of {_counted(observed)}"] if observed else []
        parts += ["write"] if sweep == steps.sweeps - 1 else []
        yield f"{sweep + 1}  {'; '.join(parts)}"


def _counted(names: list[str]) -> str:
    return ", ".join(f"{n} × {name}" if n > 1 else name for name, n in Counter(names).items())


def _tensors(plan: Plan) -> list[str]:
    """One line for each kind of change; layers that differ only by number are one kind."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in plan.rows:
        name = re.sub(r"(?<=\.)\d+(?=\.)", "*", row.tensor)
        source = row.labels[0] if row.action != "merge" else ""
        stored = ",".join(entry.dtype.word for entry in row.entries)
        key = (row.action, name, _shape(row), row.dtype.word, row.exactness, source, stored)
        groups.setdefault(key, []).append(row)
    lines = ["tensors  (+ computed, ~ cast, = copied; class P is one digest everywhere)"]
    return lines + [_group(rows) for rows in groups.values()]


def _group(rows: list[Row]) -> str:
    row = rows[0]
    name = re.sub(r"(?<=\.)\d+(?=\.)", "*", row.tensor) if len(rows) > 1 else row.tensor
    how = f"class {row.exactness}" if row.action == "merge" else f"from {escape(row.labels[0])}"
    check = "  must be equal in all sources" if row.equal else ""
    return (
        f"  {_SYMBOLS[row.action]} {len(rows):4} × {_shape(row):<22} {escape(name)}  {how}{check}"
    )


def _shape(row: Row) -> str:
    return f"{row.dtype.word}[{','.join(map(str, row.shape))}]"


def _output(plan: Plan) -> list[str]:
    count = len(plan.layouts)
    shards = "1 file" if count == 1 else f"{count} files"
    lines = [
        "output",
        f"  {len(plan.rows)} tensors in {shards} of weights, {amount(plan.bytes_written)}",
    ]
    names = (["config.json"] if plan.config is not None else []) + [f.name for f in plan.files]
    if names:
        lines.append(f"  from {escape(plan.donor)}: {', '.join(map(escape, names))}")
    return lines


def _totals(plan: Plan, budget: Budget) -> list[str]:
    kinds = Counter(row.action for row in plan.rows)
    return [
        f"plan: {kinds['merge']} merged, {kinds['cast']} cast, {kinds['copy']} copied; "
        f"read {amount(plan.bytes_read)}, write {amount(plan.bytes_written)}; "
        f"peak memory about {amount(budget.peak, binary=True)}",
        f"hash: {plan_hash(plan)}",
    ]
