"""Diagnostics as SARIF 2.1.0, the format that code scanners and their viewers exchange."""

import json
from collections.abc import Iterable
from pathlib import PurePath
from urllib.parse import quote

from mergec.diagnostics.codes import CODES
from mergec.diagnostics.diagnostic import Diagnostic, Fix, Label
from mergec.diagnostics.source_text import SourceText, Span

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_Json = dict[str, object]


def render_sarif(found: Iterable[tuple[str, Diagnostic]], version: str) -> str:
    """A log with one run of mergec `version`, ASCII only, ending with a newline.

    Each finding comes with the name of the spec that was checked: without a span, it belongs to
    that file as a whole. The rules are the codes found.
    """
    pairs = tuple(found)
    codes = sorted({each.code for _, each in pairs})
    driver = {"name": "mergec", "version": version, "rules": [_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "results": [_result(spec, each, codes.index(each.code)) for spec, each in pairs],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> _Json:
    row = CODES[code]
    return {
        "id": code,
        "name": row.slug,
        "shortDescription": _message(row.summary),
        "fullDescription": _message(row.explanation),
        "defaultConfiguration": {"level": "warning" if code.startswith("W") else "error"},
    }


def _result(spec: str, found: Diagnostic, rule: int) -> _Json:
    place: _Json = {"artifactLocation": _artifact(spec)}
    location: _Json = {"physicalLocation": place if found.span is None else _place(found.span)}
    if found.label:
        location["message"] = _message(found.label)
    result: _Json = {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": found.severity,
        "message": _message(found.in_full),
        "locations": [location],
    }
    if found.labels:
        result["relatedLocations"] = [_related(n, label) for n, label in enumerate(found.labels, 1)]
    # To write the file anew is nothing that a replacement can say.
    if found.fix is not None and (found.fix.replacement or found.fix.span.text):
        result["fixes"] = [_fix(found.fix)]
    return result


def _related(number: int, label: Label) -> _Json:
    shown: _Json = {"message": _message(label.text)} if label.text else {}
    return {"id": number, "physicalLocation": _place(label.span), **shown}


def _fix(fix: Fix) -> _Json:
    replacement = {
        "deletedRegion": _region(fix.span),
        "insertedContent": {"text": fix.replacement},
    }
    artifact = _artifact(fix.span.source.name)
    return {
        "artifactChanges": [{"artifactLocation": artifact, "replacements": [replacement]}],
        "properties": {"safe": fix.safe},
    }


def _place(span: Span) -> _Json:
    return {"artifactLocation": _artifact(span.source.name), "region": _region(span)}


def _region(span: Span) -> _Json:
    line, column = _position(span.source, span.start)
    end_line, end_column = _position(span.source, span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _position(source: SourceText, offset: int) -> tuple[int, int]:
    """Line and column, the column in UTF-16 code units: characters beyond the BMP count twice."""
    line, column = source.position(offset)
    before = source.text[offset - column + 1 : offset]
    return line, column + sum(char > "\uffff" for char in before)


def _artifact(name: str) -> _Json:
    """A relative path as a URI reference, an absolute one as a `file` URI."""
    path = PurePath(name)
    # A name that is no UTF-8 comes with surrogates in place of its bytes.
    encoded = quote(path.as_posix().encode("utf-8", "surrogateescape"))
    return {"uri": f"file://{encoded}" if path.is_absolute() else encoded}


def _message(text: str) -> _Json:
    """A message of SARIF, in which single braces would hold the number of an argument (§3.11.5)."""
    return {"text": text.replace("{", "{{").replace("}", "}}")}
