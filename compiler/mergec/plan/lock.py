"""The lock of a spec: which bytes its sources are, as a file that is checked in beside it.

A lock is a view of the plan's sources: what their references led to, and the digests of all files
that mergec reads of them; beside that the revisions of the operators. It says nothing that the text
of the spec says, so that a comment or another order of lines leaves it as it is.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mergec.frozen import frozen
from mergec.plan.encode import used_operators
from mergec.plan.model import Plan
from mergec.plugin.registry import plugin_table

SCHEMA = "mergec.lock/1"
SUFFIX = ".lock"
CLASSES = "PMT"
"""Of exactness, from one digest on every backend to a tolerance."""

# Nodes that compute nothing, but say what is read of what.
_VIEWS = frozenset({"source", "select", "rename", "slice", "stack", "match"})
_RANGE = re.compile(r">=(\d{1,6})\.(\d{1,6}),<(\d{1,6})(?:\.(\d{1,6}))?", re.ASCII)


@frozen
class LockedFile:
    """One file of a source.

    `header` is the digest of the header of a file of weights. Of a file in a store `state` says
    which state of the object is meant, by its ETag, or without one by its time of change; `sha256`
    may then be None, and also where nobody has looked at the bytes yet.
    """

    size: int
    sha256: str | None
    header: str | None = None
    state: tuple[Literal["etag", "modified"], str] | None = None

    def table(self) -> dict[str, Any]:
        """As it stands in the lock."""
        return {
            "size": self.size,
            **({"sha256": self.sha256} if self.sha256 is not None else {}),
            **({"header_sha256": self.header} if self.header is not None else {}),
            **({self.state[0]: self.state[1]} if self.state is not None else {}),
        }


@frozen
class LockedSource:
    """What a reference led to: files by name, and the commit of a model on a hub."""

    ref: str
    rev: str | None
    kind: Literal["model", "adapter"]
    commit: str | None
    files: Mapping[str, LockedFile]

    def table(self) -> dict[str, Any]:
        """As it stands in the lock."""
        return {
            "ref": self.ref,
            "rev": self.rev,
            "kind": self.kind,
            **({"commit": self.commit} if self.commit is not None else {}),
            "files": {name: file.table() for name, file in self.files.items()},
        }


@frozen
class Lock:
    """Everything a lock says.

    `tool` is the range of versions that it is for; `exactness` the weakest class of any tensor, in
    which backends may differ as far as the class allows; `plugins` what identifies those in use.
    """

    tool: str
    operators: Mapping[str, int]
    plugins: Sequence[Mapping[str, Any]]
    exactness: str
    sources: Mapping[str, LockedSource]

    @property
    def text(self) -> str:
        """The file: sorted, in ASCII, ended by a line feed; the same for the same lock."""
        table = {
            "schema": SCHEMA,
            "mergec": self.tool,
            "operators": dict(self.operators),
            **({"plugins": [dict(each) for each in self.plugins]} if self.plugins else {}),
            "numbers": {"class": self.exactness},
            "sources": {label: source.table() for label, source in self.sources.items()},
        }
        return json.dumps(table, indent=1, sort_keys=True) + "\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the file as mergec writes it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def lock_of(plan: Plan, tool: str, sources: Mapping[str, LockedSource]) -> Lock:
    """The lock of a plan; `tool` is the version of mergec that makes it."""
    return Lock(
        tool=tool_range(tool),
        operators=operators(plan),
        plugins=plugin_table(used_operators(plan)),
        exactness=max((row.exactness for row in plan.rows), key=CLASSES.index, default="P"),
        sources=sources,
    )


def operators(plan: Plan) -> dict[str, int]:
    """The revision of each operator that the spec leads to, by its name; sorted."""
    nodes = plan.written.nodes()
    return dict(sorted((node.op, node.revision) for node in nodes if node.op not in _VIEWS))


def tool_range(version: str) -> str:
    """The versions that understand a lock of this one; `*` for one that is not known.

    >>> tool_range("0.3.1"), tool_range("2.4.0"), tool_range("unknown")
    ('>=0.3,<0.4', '>=2.4,<3', '*')
    """
    found = re.match(r"(\d{1,6})\.(\d{1,6})", version, re.ASCII)
    if found is None:
        return "*"
    major, minor = int(found[1]), int(found[2])
    return f">={major}.{minor},<{f'0.{minor + 1}' if major == 0 else major + 1}"


def is_range(text: str) -> bool:
    """Whether this can be the `mergec` member of a lock."""
    return text == "*" or _RANGE.fullmatch(text) is not None


def is_within(text: str, version: str) -> bool:
    """Whether a range holds a version; a version that is not known is in each."""
    bounds = _RANGE.fullmatch(text)
    found = re.match(r"(\d{1,6})\.(\d{1,6})", version, re.ASCII)
    if bounds is None or found is None:
        return True
    here = int(found[1]), int(found[2])
    low, high = (int(bounds[1]), int(bounds[2])), (int(bounds[3]), int(bounds[4] or 0))
    return low <= here < high
