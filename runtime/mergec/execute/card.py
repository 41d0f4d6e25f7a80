"""The model card of a child: parents, licences, the spec, the plan, and how to make it again.

Markdown in the hub's conventions. The same plan gives the same bytes: no dates, no machine.
"""

import re
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import yaml

from mergec.catalog import Licence
from mergec.diagnostics.printable import escape
from mergec.execute import plan_facts
from mergec.execute.card_licences import licence_members, licence_section
from mergec.execute.findings import Outcome
from mergec.execute.numbers_told import numbers_lines
from mergec.execute.origin import Origin
from mergec.plan import Plan
from mergec.plan.licences import parents_of
from mergec.plan.model import PlannedExport, PlanSource
from mergec.plan.review import amount

# Names of files that were left out; a folder may hold thousands.
_SHOWN = 20


def model_card(plan: Plan, export: PlannedExport, origin: Origin, outcome: Outcome) -> str:
    """README.md of one export."""
    labels = parents_of(export.decl, plan.written)
    sources = [source for source in plan.sources if source.decl.label in labels]
    licences = {source.decl.label: source.checkpoint.licence for source in sources}
    sections = [
        _front_matter(plan, export, sources),
        f"# {escape(export.decl.name)}",
        _what(export),
        "\n".join(_parents(sources)),
        "\n".join(licence_section(licences)),
        "\n".join(["## Plan", "", *_plan(plan, export, outcome)]),
        "\n".join([f"## Spec ({_code(origin.spec_name)})", "", *_block(origin.spec_text)]),
        *_settings(origin),
        *_imports(origin),
        *_left_out(plan, export),
        "\n".join(_reproduce(plan, origin)),
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(plan: Plan, export: PlannedExport, sources: Sequence[PlanSource]) -> str:
    licences: dict[str, Licence | None] = {it.decl.label: it.checkpoint.licence for it in sources}
    members: dict[str, Any] = {
        "base_model": _bases(export, sources),
        "base_model_relation": "adapter" if export.decl.is_adapter else "merge",
        **licence_members(licences, [small.target for small in export.files]),
        "tags": ["merge", "mergec"],
    }
    config = plan.checkpoints[export.donor].config or {}
    if export.config is not None and config.get("architectures") and config.get("model_type"):
        members["library_name"] = "transformers"
    text = yaml.safe_dump(members, sort_keys=True, allow_unicode=True)
    return f"---\n{text}---"


def _model(source: PlanSource) -> str:
    hub = source.checkpoint.hub
    return hub.repo if hub is not None else source.decl.ref


def _what(export: PlannedExport) -> str:
    if export.decl.delta:
        return "A delta between the models below, made by mergec. It is no model by itself."
    return "A merge of the models below, made by mergec."


def _parents(sources: Sequence[PlanSource]) -> Iterator[str]:
    yield from ("| source | reference | licence |", "| --- | --- | --- |")
    for source in sources:
        licence = _licence(source.checkpoint.licence)
        yield f"| {_code(source.decl.label)} | {_code(_reference(source))} | {licence} |"


def _bases(export: PlannedExport, sources: Sequence[PlanSource]) -> list[str]:
    """The parents; of an adapter the models that its own were trained on, if they say it."""
    adapters = (source.checkpoint.adapter for source in sources)
    stated = [each.base for each in adapters if each is not None and each.base is not None]
    if export.decl.is_adapter and stated:
        return [*dict.fromkeys(stated)]
    return [*dict.fromkeys(_model(source) for source in sources)]


def _reference(source: PlanSource) -> str:
    """A model on a hub with the commit that was read, so that the card names what was merged."""
    hub = source.checkpoint.hub
    return f"{source.decl.ref}@{hub.commit}" if hub is not None else source.decl.ref


def _licence(licence: Licence | None) -> str:
    """As it is stated; with its name where that is all that tells it."""
    if licence is None:
        return "not stated"
    where = {"card": "", "config": ", in config.json", "file": ", by its text"}[licence.stated_in]
    name = f" ({_code(licence.name)})" if licence.name is not None else ""
    return f"{_code(licence.spdx or licence.id)}{name}{where}"


def _plan(plan: Plan, export: PlannedExport, outcome: Outcome) -> Iterator[str]:
    rows = export.rows
    done = ", ".join(f"{count} {_DONE[action]}" for action, count in _actions(export).items())
    parameters = sum(prod(row.shape) for row in rows)
    dtypes = ", ".join(sorted({row.dtype.word for row in rows}))
    files = f"{len(export.layouts)} file{'s' * (len(export.layouts) != 1)}"
    yield f"- {len(rows)} tensors: {done}"
    yield f"- {parameters:,} parameters in {dtypes}, {amount(export.bytes_written)} in {files}"
    named = plan_facts.operators(plan).items()
    if named:
        yield f"- operators: {', '.join(f'`{name}` (revision {it})' for name, it in named)}"
    drawn = plan_facts.seeds(plan)
    if drawn:
        yield f"- seeds: {', '.join(map(str, drawn))}"
    if not export.decl.delta:
        yield f"- config and small files from {_code(export.donor)}"
    yield f"- plan `{outcome.plan_hash}`"
    yield from numbers_lines(plan.policy, outcome.numbers_of(export))


_DONE = {"merge": "merged", "cast": "cast", "copy": "copied"}


def _actions(export: PlannedExport) -> dict[str, int]:
    return plan_facts.actions(export.rows)


def _block(text: str, language: str = "merge") -> list[str]:
    # Longer than any run of tildes in the spec, so that nothing in it ends the block.
    fence = "~" * max(3, 1 + max(map(len, re.findall("~+", text)), default=0))
    return [f"{fence}{language}", text.rstrip("\n"), fence]


def _settings(origin: Origin) -> Iterator[str]:
    """The values that were given to parameters, if any were."""
    if origin.settings:
        given = sorted(origin.settings.items())
        lines = [f"{escape(name)} = {escape(text)}" for name, text in given]
        yield "\n".join(["Run with these parameters:", "", *_block("\n".join(lines))])


def _imports(origin: Origin) -> Iterator[str]:
    """The specs that are used, whose texts stand in the lineage."""
    if origin.imports:
        names = [f"- {_code(path)}" for path in sorted(origin.imports)]
        yield "\n".join(["It uses these specs, whose texts stand in `lineage.json`:", "", *names])


def _left_out(plan: Plan, export: PlannedExport) -> Iterator[str]:
    """The files of the donor that are not here."""
    names = () if export.decl.delta else plan.checkpoints[export.donor].other_files
    if names:
        shown = [_code(name) for name in names[:_SHOWN]]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        said = f"These files of {_code(export.donor)} were not copied: {', '.join(shown)}{more}."
        yield f"## Left out\n\n{said}"


def _reproduce(plan: Plan, origin: Origin) -> Iterator[str]:
    given = "".join(f" --set {name}=..." for name in sorted(origin.settings))
    yield from ("## Reproduce", "")
    yield "Beside the sources, with the spec above:"
    yield ""
    yield from _block(f"mergec run {escape(origin.spec_name)}{given} -o out", "console")
    yield ""
    yield "`mergec verify . --replay full` recomputes every tensor from the parents and compares"
    yield "bit for bit; `lineage.json` says what they were, and `mergec lineage .` draws it."


def _code(text: str) -> str:
    """Text between backticks, in a table or out of one: nothing in it ends either."""
    plain = escape(text).replace("`", "'").replace("|", "¦")
    return f"`{plain}`"
