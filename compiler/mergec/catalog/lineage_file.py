"""The lineage beside the weights of a merge: an in-toto statement with a provenance after SLSA.

A statement says how one child was made. The statements of its parents, where these were merged
too, stand in it beside each other and not in each other: a statement names those of its parents by
their digest, so that it is certain which are meant and none can be its own ancestor.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.quoted import quoted
from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import MergecError
from mergec.frozen import frozen

FILE_NAME = "lineage.json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:mergec:merge:1"
ANCESTORS = "mergec_ancestors"
"""The member of the predicate that holds the statements of ancestors, by their digests."""

HEADERS = "mergecHeaders"
"""The digest of a source: SHA-256 of the table of its files with their sizes and header digests."""

SHARD = "mergecShard"
"""The digest of a weight file: SHA-256 of the table of its header digest and tensor digests."""

MAX_BYTES = 64 << 20
"""The longest file that is read."""

# Statements do not nest; what a contract or a plugin says does not go deep.
_MAX_DEPTH = 64


class LineageProblem(Exception):
    """Why a file is no lineage; `str()` of it completes the sentence "the file ...".

    `absent` where there is no such file at all.
    """

    def __init__(self, text: str, *, absent: bool = False) -> None:
        super().__init__(text)
        self.absent = absent


@frozen
class Dependency:
    """A source of a merge. `lineage` is the digest of its own statement, if it had one.

    `omitted` says why that statement could not be read when the merge was made.
    """

    label: str
    ref: str
    rev: str | None
    commit: str | None
    licence: str | None
    digest: str
    tensors: int | None
    lineage: str | None
    omitted: str | None


@frozen
class Statement:
    """How one child was made. `data` has the shape that `read_lineage` checks, ancestors aside."""

    data: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical bytes: sorted keys, no spaces, UTF-8."""
        return table_digest(self.data)

    @property
    def size(self) -> int:
        """The number of its canonical bytes."""
        return len(_canonical(self.data))

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec: `name`, `text`, `set`, `imports`, and perhaps `without`."""
        return self._external("spec")

    @property
    def export(self) -> Mapping[str, Any]:
        """The export: `name`, `kind` and `folder`."""
        return self._external("export")

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that were published together."""
        return tuple(self.data["predicate"]["buildDefinition"]["externalParameters"]["folders"])

    @property
    def inner(self) -> Mapping[str, Any]:
        """What followed from the spec and its sources: plan, operators, seeds, plugins ..."""
        return cast(
            "Mapping[str, Any]", self.data["predicate"]["buildDefinition"]["internalParameters"]
        )

    @property
    def plan(self) -> str:
        """The hash of the plan."""
        return str(self.inner["plan"])

    @property
    def run(self) -> Mapping[str, Any]:
        """What the run was like: `backend`, `measures`, and perhaps `left_out`."""
        return cast("Mapping[str, Any]", self.data["predicate"]["runDetails"]["mergec_run"])

    @property
    def version(self) -> str:
        """The version of mergec that made it."""
        return str(self.data["predicate"]["runDetails"]["builder"]["version"]["mergec"])

    @property
    def tables(self) -> list[Mapping[str, Any]]:
        """The rows of the plan's `sources` table."""
        listed = self.data["predicate"]["buildDefinition"]["resolvedDependencies"]
        return [cast("Mapping[str, Any]", each["annotations"]) for each in listed]

    @property
    def sources(self) -> tuple[Dependency, ...]:
        """What was merged."""
        listed = self.data["predicate"]["buildDefinition"]["resolvedDependencies"]
        return tuple(map(_dependency, listed))

    @property
    def shards(self) -> Mapping[str, Mapping[str, Any]]:
        """The weight files: `size`, `header_sha256` and the digests of their `tensors`."""
        return {each["name"]: each["annotations"] for each in self._subjects(weights=True)}

    @property
    def tensors(self) -> Mapping[str, str | None]:
        """The SHA-256 of each tensor's bytes; None where none was taken."""
        return {
            name: sha for shard in self.shards.values() for name, sha in shard["tensors"].items()
        }

    @property
    def files(self) -> Mapping[str, str]:
        """The SHA-256 of each other file."""
        return {each["name"]: each["digest"]["sha256"] for each in self._subjects(weights=False)}

    def _external(self, member: str) -> Mapping[str, Any]:
        external = self.data["predicate"]["buildDefinition"]["externalParameters"]
        return cast("Mapping[str, Any]", external[member])

    def _subjects(self, *, weights: bool) -> Iterator[Mapping[str, Any]]:
        for each in cast("Sequence[Mapping[str, Any]]", self.data["subject"]):
            if ("sha256" not in each["digest"]) is weights:
                yield each


@frozen
class Lineage:
    """The statement of a child and those of its ancestors, as far as they were included."""

    statement: Statement
    ancestors: Mapping[str, Statement]


def read_lineage(path: Path, max_bytes: int = MAX_BYTES) -> Lineage:
    """The lineage in the file `path`; LineageProblem where there is none that mergec wrote."""
    try:
        with open_regular(path) as file:
            if file.size > max_bytes:
                raise LineageProblem(f"is {file.size:,} bytes long, more than {max_bytes:,}")
            raw = file.read(0, file.size)
    except MergecError as error:
        found, name = error.diagnostics[0], quoted(path)
        said = found.message.removeprefix(f"{name} ").replace(name, "it")
        raise LineageProblem(said, absent=found.code == "E701") from None
    return parse_lineage(raw)


def parse_lineage(raw: bytes) -> Lineage:
    """The bytes of a file as a lineage; LineageProblem if they are none."""
    try:
        known = parse_json(raw, max_depth=_MAX_DEPTH)
    except JsonProblem as problem:
        raise LineageProblem(str(problem)) from None
    return lineage_of(known)


def lineage_of(document: object) -> Lineage:
    """A parsed file as a lineage; LineageProblem if it is none, or not whole."""
    data = _table(document)
    if data.get("_type") != STATEMENT_TYPE or data.get("predicateType") != PREDICATE_TYPE:
        raise LineageProblem(f"is no in-toto statement with the predicate `{PREDICATE_TYPE}`")
    predicate = _table(data.get("predicate"))
    if _table(predicate.get("buildDefinition")).get("buildType") != BUILD_TYPE:
        raise LineageProblem(f"is not of the build type `{BUILD_TYPE}`")
    ancestors = predicate.get(ANCESTORS, {})
    if not isinstance(ancestors, dict):
        raise LineageProblem(f"has no table under `{ANCESTORS}`")
    own = {key: value for key, value in predicate.items() if key != ANCESTORS}
    statement = _statement({**data, "predicate": own})
    included: dict[str, Statement] = {}
    for digest, each in cast("dict[str, object]", ancestors).items():
        ancestor = _statement(each)
        if ancestor.digest != digest:
            raise LineageProblem("holds the statement of an ancestor that was changed later")
        included[digest] = ancestor
    return Lineage(statement, included)


def _statement(document: object) -> Statement:
    data = _table(document)
    predicate = _table(data.get("predicate"))
    definition, details = (_table(predicate.get(it)) for it in ("buildDefinition", "runDetails"))
    external, inner = (
        _table(definition.get(it)) for it in ("externalParameters", "internalParameters")
    )
    spec, export = (_table(external.get(it)) for it in ("spec", "export"))
    run, version = _table(details.get("mergec_run")), _table(details.get("builder")).get("version")
    backend = _table(run.get("backend"))
    texts = [spec.get("name"), spec.get("text"), export.get("name"), inner.get("plan")]
    texts += [backend.get("name"), backend.get("device"), _table(version).get("mergec")]
    sound = (
        all(isinstance(text, str) for text in texts)
        and all(_holds_texts(spec.get(key, {})) for key in ("set", "imports"))
        and _lists_texts(spec.get("without", []))
        and _lists_texts(external.get("folders"))
        and _all(data.get("subject"), _is_subject)
        and _all(definition.get("resolvedDependencies"), _is_dependency)
    )
    if not sound:
        raise LineageProblem("lacks members that a lineage has, or has them in another shape")
    return Statement(data)


def _is_subject(value: object) -> bool:
    subject = _table(value)
    digest, notes = _table(subject.get("digest")), _table(subject.get("annotations"))
    tensors = _holds_texts(notes.get("tensors"), or_none=True)
    weights = isinstance(notes.get("size"), int) and tensors
    known = isinstance(digest["sha256"], str) if "sha256" in digest else weights
    named = isinstance(subject.get("name"), str)
    return named and known and isinstance(subject.get("digest"), dict)


def _is_dependency(value: object) -> bool:
    dependency = _table(value)
    notes = dependency.get("annotations")
    named = all(isinstance(_table(notes).get(key), str) for key in ("label", "ref"))
    return named and _holds_texts(dependency.get("digest"))


def _dependency(value: Mapping[str, Any]) -> Dependency:
    notes = _table(value["annotations"])
    lineage = _table(notes.get("lineage"))
    rev, commit, licence = (_text(notes.get(key)) for key in ("rev", "commit", "licence"))
    tensors = notes.get("tensors")
    return Dependency(
        label=notes["label"],
        ref=notes["ref"],
        rev=rev,
        commit=commit,
        licence=licence,
        digest=_text(value["digest"].get(HEADERS)) or "",
        tensors=tensors if type(tensors) is int else None,
        lineage=_text(lineage.get("sha256")),
        omitted=_text(lineage.get("omitted")),
    )


def table_digest(table: object) -> str:
    """SHA-256 of a JSON value as canonical bytes: sorted keys, no spaces, UTF-8."""
    return hashlib.sha256(_canonical(table)).hexdigest()


def _canonical(table: object) -> bytes:
    text = json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="backslashreplace")


def _table(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _all(value: object, is_one: Callable[[object], bool]) -> bool:
    return isinstance(value, list) and all(map(is_one, cast("list[object]", value)))


def _lists_texts(value: object) -> bool:
    return _all(value, lambda each: isinstance(each, str))


def _holds_texts(table: object, *, or_none: bool = False) -> bool:
    if not isinstance(table, dict):
        return False
    values = cast("dict[str, object]", table).values()
    return all(isinstance(value, str) or (or_none and value is None) for value in values)
