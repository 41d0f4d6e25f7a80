"""A family as a CycloneDX 1.6 bill of materials for machine learning.

The same lineage gives the same document: no time, and a serial number made from its digest.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from mergec.catalog.licence_ids import spdx_expression
from mergec.cli.version import tool_version

if TYPE_CHECKING:
    from mergec.api.lineage import Family, Member

_MODEL = "machine-learning-model"


def bill_of_materials(family: "Family") -> dict[str, Any]:
    """The document of the child, with every other member as a component."""
    names = {key: _reference(number) for number, key in enumerate(family.members)}
    child, *others = family.members.values()
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'mergec:{child.key}')}",
        "version": 1,
        "metadata": {
            "tools": {
                "components": [{"type": "application", "name": "mergec", "version": tool_version()}]
            },
            "component": {**_component(child, family, names), "components": [*_files(child)]},
        },
        "components": [_component(member, family, names) for member in others],
        "dependencies": [
            {
                "ref": names[key],
                "dependsOn": sorted({names[parent] for parent in member.parents.values()}),
            }
            for key, member in family.members.items()
        ],
    }


def _reference(number: int) -> str:
    return "child" if number == 0 else f"model-{number}"


def _component(member: "Member", family: "Family", names: Mapping[str, str]) -> dict[str, Any]:
    known: dict[str, Any] = {"bom-ref": names[member.key], **_named(member)}
    if licences := _licences(member):
        known["licenses"] = licences
    source = member.source
    if source is not None and source.commit is not None:
        known["purl"] = f"pkg:huggingface/{source.ref.partition('@')[0]}@{source.commit}"
    if member.parents:
        parents = sorted(set(member.parents.values()), key=lambda key: names[key])
        known["pedigree"] = {"ancestors": [_named(family.members[key]) for key in parents]}
    if properties := [*_properties(member)]:
        known["properties"] = properties
    return known


def _named(member: "Member") -> dict[str, Any]:
    known: dict[str, Any] = {"type": _MODEL, "name": member.name}
    if member.made is not None:
        known["version"] = member.made.plan
    elif member.source is not None and member.source.commit is not None:
        known["version"] = member.source.commit
    return known


def _licences(member: "Member") -> list[dict[str, Any]]:
    """As it was stated when it was merged; of the child itself its card says it."""
    stated = member.source.licence if member.source is not None else None
    if stated is None:
        return []
    spdx = spdx_expression(stated)
    if spdx is None:
        return [{"license": {"name": stated}}]
    return [{"expression": spdx}] if " " in spdx else [{"license": {"id": spdx}}]


def _properties(member: "Member") -> Iterator[dict[str, str]]:
    if member.made is not None:
        yield {"name": "mergec:lineage", "value": member.key}
        yield {"name": "mergec:plan", "value": member.made.plan}
        yield {"name": "mergec:version", "value": member.made.version}
    if member.source is not None:
        yield {"name": "mergec:reference", "value": member.source.ref}
        yield {"name": "mergec:headers", "value": member.source.digest}
    if member.omitted is not None:
        yield {"name": "mergec:omitted", "value": member.omitted}


def _files(child: "Member") -> Iterator[dict[str, Any]]:
    """The files of the child whose digests are known; the weights are known tensor by tensor."""
    for name, digest in sorted(child.made.files.items()) if child.made is not None else ():
        yield {
            "type": "file",
            "name": name,
            "hashes": [{"alg": "SHA-256", "content": digest}],
        }
