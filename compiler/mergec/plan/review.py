"""The plan as a reviewer reads it: what is read, computed and written, and what it costs."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from mergec.catalog import Dtype
from mergec.diagnostics.printable import escape
from mergec.plan.budget import Budget
from mergec.plan.encode import plan_hash, used_operators
from mergec.plan.model import Plan, PlannedExport, PlanSource, Row
from mergec.plan.program import Program, schedule
from mergec.plan.projection import Rates
from mergec.plan.review_adapters import adapter_note, dropped_note
from mergec.plan.review_barriers import barrier_lines
from mergec.plan.review_estimate import estimate_lines
from mergec.plan.review_expression import expression_lines
from mergec.plan.review_settings import setting_lines
from mergec.plan.review_vocabulary import vocabulary_lines
from mergec.plan.steps import barrier_bytes
from mergec.plan.template import template_of
from mergec.plugin.registry import plugin_lines

_SYMBOLS = {"merge": "+", "cast": "~", "copy": "="}


def review(plan: Plan, budget: Budget, rates: Rates | None = None) -> str:
    """The review text: one screen for most specs, the same wherever it is printed.

    With the `rates` of this machine it says how long a run takes.
    """
    sections = [
        [line for export in plan.exports for line in _head(export)],
        _sources(plan),
        _parameters(plan),
        expression_lines(plan),
        _plugins(plan),
        setting_lines(plan),
        _contracts(plan),
        barrier_lines(plan),
    ]
    for export in plan.exports:
        sections.append(vocabulary_lines(export, _of(plan, export)))
        sections += [_sweeps(plan, export), _tensors(plan, export), _output(plan, export)]
    sections.append(_totals(plan, budget, rates))
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


def _head(export: PlannedExport) -> list[str]:
    decl = export.decl
    how = " (implicit)" if decl.implicit else ""
    article = "an" if decl.is_adapter else "a"
    lines = [f"exports {escape(decl.name)}{how}, {article} {export.kind}"]
    if decl.nonfinite != "error":
        lines.append(f"  ! NaN and infinities: nonfinite = {decl.nonfinite}")
    return [*lines, *(f"  {escape(doc)}" for doc in decl.docs)]


def _parameters(plan: Plan) -> list[str]:
    lines = [f"  {name} = {escape(text)}" for name, text in sorted(plan.parameters.items())]
    return ["parameters", *lines] if lines else []


def _plugins(plan: Plan) -> list[str]:
    lines = [f"  {escape(line)}" for line in plugin_lines(used_operators(plan))]
    return ["plugins", *lines] if lines else []


def _contracts(plan: Plan) -> list[str]:
    lines = [f"  {escape(c.text)}  ({escape(c.why)})" for c in plan.contracts]
    return ["required of the result, or nothing is published", *lines] if lines else []


def _of(plan: Plan, export: PlannedExport) -> str:
    """What tells the sections of several exports apart."""
    return f" of {escape(export.decl.name)}" if len(plan.exports) > 1 else ""


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
    family = source.architecture.family
    notes = [family if source.architecture.described else "roles inferred from names"]
    if source.checkpoint.adapter is not None:
        notes = [adapter_note(source.checkpoint)]
    notes += [f"! names matched by {source.rule}"] if source.rule else []
    if source.unused == len(tensors):
        notes.append("- no tensor used")
    elif source.unused:
        notes.append(f"- {source.unused} tensors not used")
    label = escape(source.decl.label)
    ref = escape(source.decl.ref)
    rev = f"@{escape(source.decl.rev)}" if source.decl.rev else ""
    hub = source.checkpoint.hub
    if hub is not None and hub.commit != source.decl.rev:
        notes.append(f"at commit {hub.commit[:12]}")
    name = escape(plan.names.get(source.decl.key, label))
    label = "" if label == source.decl.ref else f"id={label}"
    count = f"{len(tensors)} tensors"
    return name, f"{ref}{rev}", label, count, dtypes, size, "  ".join(notes)


def _sweeps(plan: Plan, export: PlannedExport) -> list[str]:
    """What each pass over a tensor does, for each program and work dtype that occurs."""
    kinds: dict[tuple[str, Dtype], Program] = {}
    count: Counter[tuple[str, Dtype]] = Counter()
    for row in export.rows:
        if row.action == "merge":
            kind = (template_of(row.program).key, row.work)
            kinds.setdefault(kind, row.program)
            count[kind] += 1
    lines: list[str] = []
    for (key, work), program in sorted(kinds.items(), key=lambda item: item[0][1].rank):
        which = f" ({count[key, work]} tensors)" if len(kinds) > 1 else ""
        lines.append(f"sweeps over each tensor{_of(plan, export)}, computing in {work.word}{which}")
        lines += [f"  {line}" for line in _sweep_lines(program, work)]
    return lines


def _sweep_lines(program: Program, work: Dtype) -> Iterator[str]:
    steps = schedule(program, work)
    calls: dict[str, int] = {}  # those of each stage, one bit a call
    observed: list[Counter[str]] = [Counter() for _ in range(steps.sweeps)]
    for number, call in enumerate(program.calls):
        calls[call.stage] = calls.get(call.stage, 0) | 1 << number
        for sweep in range(steps.first[number], min(steps.ready[number], steps.sweeps)):
            observed[sweep][call.stage] += 1
    for sweep, mask in enumerate(steps.needed.masks):
        here = {stage: mask & own for stage, own in calls.items() if mask & own}
        order = sorted(here, key=lambda stage: here[stage] & -here[stage])
        computed = {stage: here[stage].bit_count() for stage in order}
        parts = [f"compute {_counted(computed)}"] if computed else []
        parts += [f"collect statistics of {_counted(observed[sweep])}"] if observed[sweep] else []
        parts += ["write"] if sweep == steps.sweeps - 1 else []
        yield f"{sweep + 1}  {'; '.join(parts)}"


def _counted(names: Mapping[str, int]) -> str:
    return ", ".join(f"{n} × {name}" if n > 1 else name for name, n in names.items())


def _tensors(plan: Plan, export: PlannedExport) -> list[str]:
    """One line for each kind of change; layers that differ only by number are one kind."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in export.rows:
        name = re.sub(r"(?<=\.)\d+(?=\.)", "*", row.tensor)
        source = row.labels[0] if row.action != "merge" else ""
        stored = ",".join(entry.dtype.word for entry in row.entries)
        key = (row.action, name, _shape(row), row.dtype.word, row.exactness, source, stored)
        groups.setdefault(key, []).append(row)
    legend = "(+ computed, ~ cast, = copied; class P is one digest everywhere)"
    lines = [f"tensors{_of(plan, export)}  {legend}"]
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


def _output(plan: Plan, export: PlannedExport) -> list[str]:
    count = len(export.layouts)
    shards = "1 file" if count == 1 else f"{count} files"
    where = f"output {escape(export.folder)}/" if export.folder else "output"
    size = amount(export.bytes_written)
    lines = [where, f"  {len(export.rows)} tensors in {shards} of weights, {size}"]
    has_config = export.config is not None and not export.decl.is_adapter
    copied = [("config.json", export.donor)] if has_config else []
    copied += [
        (f"{file.name} as {file.renamed}" if file.renamed else file.name, file.source)
        for file in export.files
    ]
    if export.dropped:
        lines.append(f"  - {dropped_note(export)}")
    if export.made:
        lines.append(f"  made: {', '.join(escape(file.name) for file in export.made)}")
    for source in dict.fromkeys(source for _, source in copied):
        names = ", ".join(escape(name) for name, of in copied if of == source)
        lines.append(f"  from {escape(source)}: {names}")
    return lines


def _totals(plan: Plan, budget: Budget, rates: Rates | None) -> list[str]:
    kinds = Counter(row.action for row in plan.rows)
    first = f"{amount(barrier_bytes(plan))} for statistics, then " if plan.barriers else ""
    return [
        f"plan: {kinds['merge']} merged, {kinds['cast']} cast, {kinds['copy']} copied; "
        f"read {first}{amount(plan.bytes_read)}, write {amount(plan.bytes_written)}; "
        f"peak memory about {amount(budget.peak, binary=True)}",
        *estimate_lines(budget, rates),
        f"hash: {plan_hash(plan)}",
    ]
