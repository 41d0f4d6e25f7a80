"""What a source reference is, by its syntax alone: nothing on the disk changes the answer.

A path begins with `./`, `../`, `/` or `~`; `org/name`, or `org/name@revision`, is a model on a hub;
`s3://bucket/prefix` and the like are places in a store.
"""

import re
from pathlib import Path

from mergec.catalog.quoted import quoted
from mergec.catalog.store_reference import SCHEMES, StoreReference, store_reference
from mergec.diagnostics import MergecError, fail
from mergec.frozen import frozen

# One letter or digit first: what is hidden, or could be an option, is no name on a hub. The rest
# are rules of hubs, for which their library would raise an exception.
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPO = re.compile(rf"(?!_)(?!.*(?:--|\.\.))(?!.*\.git$){_NAME}/{_NAME}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+/-]{0,254}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@frozen
class HubReference:
    """A model on a hub, and the branch, tag or commit that is asked for; None for the default."""

    repo: str
    revision: str | None

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}" if self.revision else self.repo


def split_revision(ref: str) -> tuple[str, str | None]:
    """A reference without its revision, and the revision if it is of a hub and has one.

    >>> split_revision("org/name@v1"), split_revision("./name@v1"), split_revision("org/name")
    (('org/name', 'v1'), ('./name@v1', None), ('org/name', None))
    """
    repo, at, revision = ref.partition("@")
    return (repo, revision) if at and not is_path(ref) and _REPO.fullmatch(repo) else (ref, None)


def is_commit(revision: str | None) -> bool:
    """Whether this is a whole commit hash, which always names the same files."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def is_path(ref: str) -> bool:
    """Whether a reference is a path."""
    return ref.startswith(("./", "../", "/", "~")) or ref in (".", "..")


def locate(ref: str, rev: str | None, root: Path) -> Path | HubReference | StoreReference:
    """Where a reference points: a path, relative ones from `root` on, on a hub, or in a store.

    E716 for anything else, E741 for what has a store's scheme and cannot be in one.
    """
    scheme = _SCHEME.match(ref)
    if scheme is not None and scheme[1].lower() in SCHEMES:
        return store_reference(ref, rev)
    if ref.startswith("~"):
        return _from_home(ref)
    if is_path(ref):
        return root / ref
    if not _REPO.fullmatch(ref):
        raise _unknown(ref)
    if rev is not None and not _is_revision(rev):
        raise fail(
            "E716",
            f"{quoted(rev)} cannot be a revision of {quoted(ref)}",
            help=f"name a branch, tag or commit, as in `{ref}@main`",
        )
    return HubReference(ref, rev)


def _from_home(ref: str) -> Path:
    try:
        return Path(ref).expanduser()
    except RuntimeError:
        raise fail(
            "E716",
            f"{quoted(ref)} begins with the home folder of somebody unknown here",
            help="write the whole path, or `~/` for your own home folder",
        ) from None


def _is_revision(rev: str) -> bool:
    # It becomes part of an address and of a path in the cache.
    parts = rev.split("/")
    return bool(_REVISION.fullmatch(rev)) and not any(part in ("", ".", "..") for part in parts)


def _unknown(ref: str) -> MergecError:
    scheme = _SCHEME.match(ref)
    if scheme is None:
        return fail(
            "E716",
            f"{quoted(ref)} is neither a path nor the name of a model on a hub",
            help=f'begin a path with `./`, as in `model("./{ref}")`; a hub\'s is `org/name`',
        )
    if scheme[1].lower() == "hf":
        plain = ref[scheme.end() :].removeprefix("models/")
        return fail(
            "E716",
            f"{quoted(ref)} is not how mergec writes a model on a hub",
            help=f'leave the scheme away, as in `model("{plain}")`',
        )
    return fail(
        "E716",
        f"{quoted(ref)} has a scheme that mergec does not know",
        help=f'copy it here and name its folder, as in `model("./{_last(ref)}")`',
    )


def _last(ref: str) -> str:
    return ref.rstrip("/").rsplit("/", 1)[-1]
