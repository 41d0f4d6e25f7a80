"""What the card of a child says of licences: which it is under, and what the parents ask."""

import re
from collections.abc import Mapping, Sequence

from mergec.catalog import Licence
from mergec.catalog.licence_terms import terms_of
from mergec.catalog.licence_union import key_of, licence_finding
from mergec.diagnostics.printable import escape

# What the hub calls a licence that is stated nowhere, and one that no single identifier names.
_UNKNOWN, _OTHER = "unknown", "other"
_VERDICTS = {
    "same": "One licence",
    "union": "All of them bind the child",
    "conflict": "These licences are in conflict",
    "unclear": "It cannot be told",
}


def licence_members(parents: Mapping[str, Licence | None], files: Sequence[str]) -> dict[str, str]:
    """The members of the card's front matter; never a guess.

    One identifier if all parents state the same; else `other`, with a name if all are known and
    may stand together. A link to a file is kept if that is among `files`, those of the child.
    """
    licences = {key_of(licence): licence for licence in parents.values()}
    if len(licences) == 1:
        return _one(next(iter(licences.values())), files)
    members = {"license": _OTHER}
    if licence_finding(parents).verdict == "union":
        members["license_name"] = "-and-".join(_slug(key) for key in sorted(licences))
    return members


def _one(licence: Licence | None, files: Sequence[str]) -> dict[str, str]:
    if licence is None:
        return {"license": _UNKNOWN}
    if " " in licence.id:  # an expression, which the hub does not take
        return {"license": _OTHER, "license_name": _slug(licence.key)}
    members = {"license": licence.id.lower()}
    if licence.name is not None:
        members["license_name"] = licence.name
    link = licence.link
    if link is not None and (link in files or link.startswith("http")):
        members["license_link"] = link
    return members


def licence_section(parents: Mapping[str, Licence | None]) -> list[str]:
    """What each of the parents' licences asks, and what follows for the child."""
    finding = licence_finding(parents)
    keys = sorted({key_of(licence) for licence in parents.values()})
    asks = [(key, terms_of(key)) for key in keys]
    rows = [
        f"| `{escape(key)}` | {terms.family} | {'; '.join(terms.asks) or '–'} |"
        for key, terms in asks
    ]
    return [
        "## Licences",
        "",
        "| licence | kind | asks |",
        "| --- | --- | --- |",
        *rows,
        "",
        f"**{_VERDICTS[finding.verdict]}**: {'; '.join(finding.reasons)}.",
        "This is advice by a table of well-known licences; the licences themselves decide.",
    ]


def _slug(key: str) -> str:
    return re.sub("[^a-z0-9.-]+", "-", key)
