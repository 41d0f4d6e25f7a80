"""The family of a merged checkpoint, from its lineage: what `mergec lineage` does."""

from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from mergec.catalog.lineage_file import (
    FILE_NAME,
    Dependency,
    Lineage,
    LineageProblem,
    Statement,
    read_lineage,
)
from mergec.catalog.quoted import quoted, several
from mergec.catalog.reference import split_revision
from mergec.catalog.remote_lineage import fetch_lineage
from mergec.diagnostics import MergecError, fail
from mergec.frozen import frozen


@frozen
class Member:
    """A model of a family. `key` tells it from the others of its family.

    `made` is how it was merged, None for one that was not, or of which that is not known; `omitted`
    then says why. `source` is how a child names it, None for the youngest. `parents` are the keys
    of its parents, by the labels that its spec gives them.
    """

    key: str
    source: Dependency | None
    made: Statement | None
    omitted: str | None
    parents: Mapping[str, str]

    @property
    def name(self) -> str:
        """What it was exported as, or how the spec of its child refers to it."""
        if self.made is not None:
            return str(self.made.export["name"])
        return self.source.ref if self.source is not None else ""


@frozen
class Family:
    """A child with all that went into it, each model once: the child first, then by generations."""

    members: Mapping[str, Member]

    @property
    def child(self) -> Member:
        """The youngest."""
        return next(iter(self.members.values()))


def read_family(folder: Path) -> Family:
    """The family of the checkpoint in `folder`; E822 and E823."""
    try:
        return family_of(read_lineage(folder / FILE_NAME))
    except LineageProblem as problem:
        if problem.absent:
            raise _absent(folder) from None
        raise _damaged(quoted(folder / FILE_NAME), problem) from None


def find_family(reference: str) -> Family:
    """The family of a folder, or of what a reference to a hub or a store names; E822 and E823.

    A folder may be written without `./`, so that of a model on a hub the revision must be stated,
    as in `org/name@main`. Of what lies elsewhere `lineage.json` alone is fetched; raises what
    opening a hub or a store does, too.
    """
    ref, revision = split_revision(reference)
    if revision is None and "://" not in ref:
        return read_family(Path(reference))
    try:
        return family_of(fetch_lineage(ref, revision))
    except LineageProblem as problem:
        if problem.absent:
            raise fail(
                "E822",
                f"{quoted(reference)} has no `{FILE_NAME}`",
                help="name the folder of one child as `mergec run` made it",
            ) from None
        raise _damaged(f"`{FILE_NAME}` of {quoted(reference)}", problem) from None


def family_of(lineage: Lineage) -> Family:
    """The members in a lineage. What two models were both made of is one member."""
    members: dict[str, Member] = {}
    digest = lineage.statement.digest
    waiting = deque([_merged(digest, None, lineage.statement)])
    while waiting:
        member = waiting.popleft()
        if member.key in members:
            continue
        members[member.key] = member
        waiting += _parents(member, lineage.ancestors)
    return Family(members)


def _merged(key: str, source: Dependency | None, made: Statement) -> Member:
    return Member(key, source, made, None, {each.label: _key(each) for each in made.sources})


def _parents(member: Member, known: Mapping[str, Statement]) -> Iterator[Member]:
    for source in member.made.sources if member.made is not None else ():
        made = known.get(source.lineage) if source.lineage is not None else None
        if made is not None:
            yield _merged(_key(source), source, made)
            continue
        why = "there was no room for it" if source.lineage is not None else None
        if source.omitted is not None:
            why = f"`{FILE_NAME}` {source.omitted}"
        yield Member(_key(source), source, None, why, {})


def _key(source: Dependency) -> str:
    """By how it was made, else by its commit, else by its headers and its reference."""
    if source.lineage is not None:
        return source.lineage
    return f"{source.ref}@{source.commit or source.digest}"


def _damaged(file: str, problem: LineageProblem) -> MergecError:
    return fail(
        "E823",
        f"{file} {problem}",
        help="take the file from where the checkpoint came from, or run the spec again",
    )


def _absent(folder: Path) -> MergecError:
    try:
        inner = sorted(each.parent for each in folder.glob(f"*/{FILE_NAME}"))
    except OSError:
        inner = []
    if inner:
        named = several([quoted(each) for each in inner])
        return fail(
            "E822",
            f"{quoted(folder)} holds several checkpoints: {named}",
            help=f"name one of them, as in `mergec lineage {inner[0]}`",
        )
    if not folder.exists():
        two = not folder.is_absolute() and len(folder.parts) == 2
        hub = f"; of a model on a hub name the revision, as in `{folder}@main`" if two else ""
        return fail("E822", f"{quoted(folder)} does not exist", help=f"correct the path{hub}")
    return fail(
        "E822",
        f"{quoted(folder)} has no `{FILE_NAME}`",
        help="name the folder that `mergec run -o` made",
    )
