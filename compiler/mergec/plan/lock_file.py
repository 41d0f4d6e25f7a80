"""The reader of locks, which come from elsewhere: strict, so that nothing weaker passes for one."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.quoted import quoted
from mergec.catalog.reference import is_commit
from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import MergecError, escape, fail
from mergec.plan.lock import SCHEMA, SUFFIX, Lock, LockedFile, LockedSource, is_range

_LARGEST = 16 << 20
_MAX_DEPTH = 16
_LONGEST = 4096
_HEX = re.compile(r"[0-9a-f]{64}")
_FILE_MEMBERS = {"size", "sha256", "header_sha256", "etag", "modified"}


def read_lock(path: Path) -> Lock:
    """The lock in the file `path`.

    E871 for what is none: not JSON, too large, of another schema, with members that are unknown,
    missing or of another shape; E701, E702, E715 for a file that cannot be read.
    """
    with open_regular(path) as file:
        if file.size > _LARGEST:
            raise _no_lock(path, f"is larger than {_LARGEST >> 20} MiB")
        raw = file.read(0, file.size)
    try:
        return _lock(_table(parse_json(raw, max_depth=_MAX_DEPTH), "the whole"))
    except JsonProblem as problem:
        raise _no_lock(path, str(problem)) from None
    except _OddError as odd:
        raise _no_lock(path, str(odd)) from None


class _OddError(Exception):
    """Why a text is no lock; `str()` of it completes the sentence "the file ..."."""


def _lock(table: Mapping[str, Any]) -> Lock:
    if table.get("schema") != SCHEMA:
        raise _OddError(f"does not have the schema `{SCHEMA}`")
    _members(
        table, {"schema", "mergec", "operators", "numbers", "sources"}, {"plugins"}, "the whole"
    )
    tool = table["mergec"]
    if not isinstance(tool, str) or not is_range(tool):
        raise _OddError("has something else than a range of versions in `mergec`")
    operators = _table(table["operators"], "`operators`")
    if not all(_is_count(revision) for revision in operators.values()):
        raise _OddError("has something else than whole numbers in `operators`")
    numbers = _table(table["numbers"], "`numbers`")
    _members(numbers, {"class"}, set(), "`numbers`")
    if numbers["class"] not in ("P", "M", "T"):
        raise _OddError("has something else than P, M or T in `numbers`")
    plugins = table.get("plugins", [])
    if not isinstance(plugins, list):
        raise _OddError("has something else than a list in `plugins`")
    return Lock(
        tool,
        operators,
        [_table(each, "`plugins`") for each in cast("list[object]", plugins)],
        numbers["class"],
        {
            label: _source(_table(each, quoted(label)), label)
            for label, each in _table(table["sources"], "`sources`").items()
        },
    )


def _source(table: Mapping[str, Any], label: str) -> LockedSource:
    what = f"the source {quoted(label)}"
    _members(table, {"ref", "rev", "kind", "files"}, {"commit"}, what)
    ref, rev, kind, commit = (table.get(name) for name in ("ref", "rev", "kind", "commit"))
    if not _is_text(ref) or not (rev is None or _is_text(rev)) or kind not in ("model", "adapter"):
        raise _OddError(f"does not say what {what} is")
    if not (commit is None or (isinstance(commit, str) and is_commit(commit))):
        raise _OddError(f"has something else than a commit in {what}")
    files = _table(table["files"], what)
    found = {name: _file(_table(each, what), name) for name, each in files.items()}
    return LockedSource(cast("str", ref), rev, kind, commit, found)


def _file(table: Mapping[str, Any], name: str) -> LockedFile:
    what = f"the file {quoted(name)}"
    unknown = sorted({*table} - _FILE_MEMBERS)
    if unknown:
        raise _OddError(f"has {quoted(unknown[0])} in {what}, which is no digest that mergec knows")
    size, sha256, header = (table.get(key) for key in ("size", "sha256", "header_sha256"))
    if not _is_count(size):
        raise _OddError(f"has something else than a number of bytes in {what}")
    for digest in (sha256, header):
        if digest is not None and not (isinstance(digest, str) and _HEX.fullmatch(digest)):
            raise _OddError(f"has something else than a SHA-256 in {what}")
    etag, modified = table.get("etag"), table.get("modified")
    states = [each for each in (etag, modified) if each is not None]
    if len(states) > 1 or not all(map(_is_text, states)) or not (states or sha256):
        raise _OddError(f"does not say by what {what} is known: by `sha256`, `etag` or `modified`")
    state = ("etag", etag) if etag is not None else ("modified", modified) if states else None
    return LockedFile(cast("int", size), sha256, header, cast("Any", state))


def _members(table: Mapping[str, Any], needed: set[str], allowed: set[str], what: str) -> None:
    if missing := sorted(needed - {*table}):
        raise _OddError(f"lacks `{missing[0]}` in {what}")
    if unknown := sorted({*table} - needed - allowed):
        raise _OddError(f"has {quoted(unknown[0])} in {what}, which mergec does not know")


def _table(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _OddError(f"has something else than an object in {what}")
    return cast("dict[str, Any]", value)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _no_lock(path: Path, why: str) -> MergecError:
    spec = escape(path.name.removesuffix(SUFFIX))
    return fail(
        "E871",
        f"{quoted(path)} is no lock that mergec can use: it {why}",
        help=(
            "take the file from version control",
            f"or make it anew: remove it and run `mergec lock {spec}`",
        ),
    )
