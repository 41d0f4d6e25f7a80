"""The model card of a child: parents, licences, the spec, and how to make it again."""

import re

import yaml

from mergec.diagnostics.printable import escape
from mergec.execute.origin import Origin
from mergec.plan import Plan, plan_hash
from mergec.plan.model import PlannedExport, PlanSource

# What the hub calls a licence that is stated nowhere, and one that no single identifier names.
_UNKNOWN, _SEVERAL = "unknown", "other"


def model_card(plan: Plan, export: PlannedExport, origin: Origin) -> str:
    """README.md in the hub's conventions; the same plan gives the same bytes."""
    front = {
        "base_model": _bases(plan, export),
        "base_model_relation": "adapter" if export.decl.is_adapter else "merge",
        "license": _licence(plan),
        "tags": ["merge", "mergec"],
    }
    rows = [
        f"| `{escape(s.decl.label)}` | `{escape(_reference(s))}` "
        f"| {s.checkpoint.licence or 'not stated'} |"
        for s in plan.sources
    ]
    return "\n".join(
        [
            "---",
            yaml.safe_dump(front, sort_keys=True, allow_unicode=True).rstrip(),
            "---",
            "",
            f"# {escape(export.decl.name)}",
            "",
            "A merge of the models below, made by mergec.",
            "",
            "| source | reference | licence |",
            "| --- | --- | --- |",
            *rows,
            "",
            f"## Spec (`{escape(origin.spec_name)}`)",
            "",
            *_block(origin.spec_text),
            "",
            *_settings(origin),
            *_imports(origin),
            "## Reproduce",
            "",
            f"Plan `{plan_hash(plan)}`. `mergec verify . --replay full` recomputes every tensor",
            "from the parents and compares bit for bit; `lineage.json` says what they were.",
            "",
        ]
    )


def _bases(plan: Plan, export: PlannedExport) -> list[str]:
    """The parents; of an adapter the models that its own were trained on, if they say it."""
    adapters = (source.checkpoint.adapter for source in plan.sources)
    stated = [each.base for each in adapters if each is not None and each.base is not None]
    if export.decl.is_adapter and stated:
        return [*dict.fromkeys(stated)]
    return [source.decl.ref for source in plan.sources]


def _reference(source: PlanSource) -> str:
    """A model on a hub with the commit that was read, so that the card names what was merged."""
    hub = source.checkpoint.hub
    return f"{source.decl.ref}@{hub.commit}" if hub is not None else source.decl.ref


def _block(text: str) -> list[str]:
    # Longer than any run of tildes in the spec, so that nothing in it ends the block.
    fence = "~" * max(3, 1 + max(map(len, re.findall("~+", text)), default=0))
    return [f"{fence}merge", text.rstrip("\n"), fence]


def _settings(origin: Origin) -> list[str]:
    """The values that were given to parameters, if any were."""
    if not origin.settings:
        return []
    lines = [f"{escape(name)} = {escape(text)}" for name, text in sorted(origin.settings.items())]
    return ["Run with these parameters:", "", *_block("\n".join(lines)), ""]


def _imports(origin: Origin) -> list[str]:
    """The specs that are used, whose texts stand in the lineage."""
    if not origin.imports:
        return []
    names = [f"- `{escape(path)}`" for path in sorted(origin.imports)]
    return ["It uses these specs, whose texts stand in `lineage.json`:", "", *names, ""]


def _licence(plan: Plan) -> str:
    """One identifier if all parents state the same one; never a guess."""
    stated = {source.checkpoint.licence for source in plan.sources}
    if len(stated) > 1:
        return _SEVERAL
    return next(iter(stated)) or _UNKNOWN
