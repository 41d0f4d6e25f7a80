"""`mergec lineage`."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import click

from mergec.cli.options import reach
from mergec.diagnostics import escape

if TYPE_CHECKING:
    from rich.tree import Tree

    from mergec.api.lineage import Family, Member
    from mergec.catalog.lineage_file import Dependency

SCHEMA = "mergec.family/1"
# Generations that are drawn; a terminal has no room for more.
_DEPTH = 24


@click.command()
@click.argument("reference", metavar="REF")
@click.option("--mermaid", "form", flag_value="mermaid", help="As a Mermaid flowchart.")
@click.option("--json", "form", flag_value="json", help="All members, for programs.")
@click.option("--cyclonedx", "form", flag_value="cyclonedx", help="As a CycloneDX 1.6 ML-BOM.")
@reach
def lineage(reference: str, form: str | None) -> None:
    """Draw the family tree of the merged checkpoint REF.

    REF is a folder, a model on a hub with its revision (`org/name@main`), or a place in a store.
    The tree is read from the `lineage.json` there alone: parents need not be at hand.
    """
    from mergec.api.lineage import find_family

    family = find_family(reference)
    if form == "json":
        click.echo(json.dumps(document(family), indent=1))
    elif form == "cyclonedx":
        from mergec.cli.cyclonedx import bill_of_materials

        click.echo(json.dumps(bill_of_materials(family), indent=1))
    elif form == "mermaid":
        from mergec.cli.family_chart import flowchart

        click.echo(flowchart(family), nl=False)
    else:
        from mergec.cli.tables import show

        show(_tree(family))


def document(family: "Family") -> dict[str, Any]:
    """The JSON of a family; docs/lineage.md says what its members mean."""
    return {
        "schema": SCHEMA,
        "child": family.child.key,
        "members": [_member(member) for member in family.members.values()],
    }


def _member(member: "Member") -> dict[str, Any]:
    source, made = member.source, member.made
    return {
        "key": member.key,
        "name": member.name,
        "reference": source.ref if source is not None else None,
        "commit": source.commit if source is not None else None,
        "licence": source.licence if source is not None else None,
        "version": made.version if made is not None else None,
        "spec": made.spec["name"] if made is not None else None,
        "plan": made.plan if made is not None else None,
        "operators": dict(_operators(member)) if made is not None else None,
        "omitted": member.omitted,
        "parents": dict(member.parents),
    }


def _tree(family: "Family") -> "Tree":
    """Each member once with its parents; where it comes again, it says so."""
    from rich.text import Text
    from rich.tree import Tree

    root = Tree(Text("\n".join(_told(family.child, None))))
    drawn = {family.child.key}
    waiting = [(root, family.child, 1)]
    while waiting:
        branch, member, depth = waiting.pop()
        for source in member.made.sources if member.made is not None else ():
            parent = family.members[member.parents[source.label]]
            again = parent.key in drawn and bool(parent.parents)
            deep = depth >= _DEPTH and bool(parent.parents)
            lines = [*_told(parent, source)]
            if again or deep:
                lines = [f"{lines[0]} ({'as above' if again else 'and so on'})"]
            twig = branch.add(Text("\n".join(lines)))
            if not again and not deep:
                drawn.add(parent.key)
                waiting.append((twig, parent, depth + 1))
    return root


def _told(member: "Member", source: "Dependency | None") -> Iterator[str]:
    """Its name, where it is, and below that how it was made."""
    made = member.made
    if source is None:
        yield escape(member.name)
    else:
        label = "" if source.label == source.ref else f"{escape(source.label)}  "
        commit = f" at commit {escape(source.commit[:12])}" if source.commit is not None else ""
        licence = escape(source.licence or "no licence stated")
        yield f"{label}{escape(source.ref)}{commit}, {licence}"
    if made is not None:
        named = ", ".join(f"{name}.{revision}" for name, revision in _operators(member))
        used = f" with {named}" if named else ""
        yield escape(f"merged by mergec {made.version}{used}, plan {made.plan[:12]}")
    elif member.omitted is not None:
        yield f"its lineage is left out: {escape(member.omitted)}"


def _operators(member: "Member") -> list[tuple[str, int]]:
    """The operators that the statement names, if it names them as they should be."""
    named: object = member.made.inner.get("operators") if member.made is not None else None
    known = cast("dict[str, object]", named) if isinstance(named, dict) else {}
    return [(name, it) for name, it in sorted(known.items()) if isinstance(it, int)]
