"""Specs to plans: what `mergec check`, `fmt` and `plan` do."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from mergec.catalog.json_text import JsonProblem, parse_json
from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import Diagnostic, MergecError, SourceText, escape, fail
from mergec.elaborate import Bundle, Setting
from mergec.frozen import frozen
from mergec.plan import (
    SCHEMA,
    Budget,
    Plan,
    check_bundle,
    compile_bundle,
    encode_plan,
    plan_hash,
    plan_member,
)
from mergec.plan.bind_programs import Watch
from mergec.plan.encode import pinned_commits
from mergec.plan.findings import Finding
from mergec.plan.projection import Rates
from mergec.plugin.registry import require_plugins
from mergec.syntax import format_spec, parse_spec, read_spec

_MAX_PLAN = 256 << 20


@frozen
class CompiledSpec:
    """A plan with the text it came from and the folder that its references start at.

    `settings` are the values that were given to its parameters, relative paths from that folder;
    `imports` the texts of the specs that it uses, by path from there; `without` names the passes
    that were switched off.
    """

    source: SourceText
    root: Path
    plan: Plan
    warnings: tuple[Diagnostic, ...]
    settings: Mapping[str, str]
    imports: Mapping[str, str]
    without: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The spec's file name, in characters that every text file can hold."""
        return escape(Path(self.source.name).name)


def check_spec(
    path: Path,
    *,
    spec_only: bool = False,
    settings: Mapping[str, Setting] | None = None,
    tell: Callable[[Sequence[Finding]], object] = lambda _: None,
    pins: Mapping[str, str] | None = None,
    look: Callable[[Plan], Sequence[Diagnostic]] = lambda _: (),
) -> tuple[Diagnostic, ...]:
    """The warnings about a spec; MergecError with all its errors.

    `settings` are values for its parameters. Reads the headers of its sources too, unless
    `spec_only`. Never reads a weight. `tell` gets the table of what is found about parents that
    meet, notes among it; `look` says more about the plan. `pins` are as in a bundle.
    """
    bundle = Bundle(read_spec(path, str(path)), path.parent, settings or {}, pins=pins or {})
    if spec_only:
        return check_bundle(bundle).warnings
    compiled = compile_bundle(bundle, tell=tell, sparing=True)
    return (*compiled.warnings, *look(compiled.plan))


def compile_spec(
    path: Path,
    *,
    settings: Mapping[str, Setting] | None = None,
    without: Sequence[str] = (),
    watch: Watch | None = None,
    pins: Mapping[str, str] | None = None,
) -> CompiledSpec:
    """The plan of the spec at `path`, its parameters set; MergecError with all errors found.

    `without` names passes to switch off; those that are the normal form run all the same. `watch`
    is told what the passes do. `pins` are as in a bundle.
    """
    source = read_spec(path, str(path))
    bundle = Bundle(source, path.parent, settings or {}, None, tuple(without), pins or {})
    return _compiled(bundle, bundle.source, watch)


def format_text(source: SourceText) -> str:
    """The canonical form of a spec; MergecError if it does not parse."""
    parsed = parse_spec(source)
    if any(found.severity == "error" for found in parsed.diagnostics):
        raise MergecError(parsed.diagnostics)
    return format_spec(parsed.spec)


def write_plan(compiled: CompiledSpec, budget: Budget, rates: Rates | None = None) -> str:
    """The text of a plan file, for `mergec run PLAN`.

    With the `rates` of this machine its estimate says how long a run takes.
    """
    return encode_plan(
        compiled.plan,
        budget,
        compiled.name,
        compiled.source.text,
        compiled.settings,
        compiled.imports,
        compiled.without,
        rates,
    )


def load_plan(path: Path) -> CompiledSpec:
    """Read a plan file and make its plan again from the sources beside it.

    Refuses with E604 what is no plan of this schema, and with E810, saying what changed, a plan
    that the sources there no longer lead to.
    """
    document = _read(path)
    spec = document["spec"]
    require_plugins(document["plan"].get("plugins"), f"`{escape(str(path))}`")
    source = SourceText(f"{path.name}: {spec['name']}", spec["text"])
    given = {name: Setting(text) for name, text in spec.get("set", {}).items()}
    without = tuple(spec.get("without", ()))
    pins = pinned_commits(document["plan"].get("sources"))
    bundle = Bundle(source, path.parent, given, spec.get("imports", {}), without, pins)
    try:
        compiled = _compiled(bundle, SourceText(spec["name"], spec["text"]))
    except MergecError as error:
        raise MergecError(_away(found, path) for found in error.diagnostics) from None
    now = json.loads(json.dumps(plan_member(compiled.plan)))
    if plan_hash(compiled.plan) != document["hash"] or document["plan"] != now:
        raise _differs(path, document["plan"], now)
    return compiled


def _compiled(bundle: Bundle, named: SourceText, watch: Watch | None = None) -> CompiledSpec:
    """`named` is the spec under the name that its results are to know it by."""
    found = compile_bundle(bundle, watch)
    return CompiledSpec(
        named,
        bundle.root,
        found.plan,
        found.warnings,
        found.settings,
        found.imports,
        found.without,
    )


def _read(path: Path) -> dict[str, Any]:
    with open_regular(path) as file:
        if file.size > _MAX_PLAN:
            raise _no_plan(path, "is larger than 256 MiB")
        raw = file.read(0, file.size)
    try:
        document = parse_json(raw, max_depth=32)
    except JsonProblem as problem:
        raise _no_plan(path, str(problem)) from None
    known = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    spec = known.get("spec")
    if known.get("schema") != SCHEMA:
        raise _no_plan(path, f"does not have the schema `{SCHEMA}`")
    whole = isinstance(known.get("plan"), dict) and isinstance(known.get("hash"), str)
    if not isinstance(spec, dict) or not whole:
        raise _no_plan(path, "lacks one of the members `plan`, `hash` and `spec`")
    texts = cast("dict[str, object]", spec)
    if not all(isinstance(texts.get(key), str) for key in ("name", "text")):
        raise _no_plan(path, "lacks the text of its spec")
    if not all(_holds_texts(texts.get(key, {})) for key in ("set", "imports")):
        raise _no_plan(path, "has other things than texts in `set` or `imports`")
    if not _lists_texts(texts.get("without", [])):
        raise _no_plan(path, "has other things than names in `without`")
    return known


def _lists_texts(value: object) -> bool:
    if not isinstance(value, list):
        return False
    return all(isinstance(each, str) for each in cast("list[object]", value))


def _holds_texts(table: object) -> bool:
    if not isinstance(table, dict):
        return False
    return all(isinstance(value, str) for value in cast("dict[str, object]", table).values())


def _no_plan(path: Path, why: str) -> MergecError:
    return fail(
        "E604",
        f"`{escape(str(path))}` {why}",
        help="make a plan with `mergec plan SPEC -o PLAN.json`",
    )


def _away(found: Diagnostic, path: Path) -> Diagnostic:
    """A source that is missing is told where it was looked for."""
    if found.code != "E701":
        return found
    where = f"`{escape(str(path.parent))}`, the folder of the plan"
    return replace(found, notes=(*found.notes, f"paths start at {where}"))


def _differs(path: Path, reviewed: dict[str, Any], now: dict[str, Any]) -> MergecError:
    """Name the parts of the plan that are not what was reviewed."""
    listed = reviewed.get("sources")
    before = cast("list[object]", listed) if isinstance(listed, list) else []
    changed = [
        f"source `{source['label']}` changed" for source in now["sources"] if source not in before
    ]
    others = sorted(key for key in {*now, *reviewed} if now.get(key) != reviewed.get(key))
    notes = changed or [f"`{key}` differs" for key in others]
    notes = notes or ["the file was edited: its hash is not that of its plan"]
    return fail(
        "E810",
        f"`{escape(str(path))}` is not the plan that its sources lead to now",
        notes=notes,
        help="run `mergec plan` again and review what changed",
    )
