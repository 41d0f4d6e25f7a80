"""Source text, spans, messages and codes. Imports nothing of ours, so every floor may use it."""

from mergec.diagnostics.codes import CODES, Code
from mergec.diagnostics.diagnostic import (
    Diagnostic,
    Fix,
    Label,
    MergecError,
    fail,
    sort_by_position,
)
from mergec.diagnostics.explain import explain_code, find_code
from mergec.diagnostics.fixes import apply_fixes
from mergec.diagnostics.printable import escape
from mergec.diagnostics.render_github import render_github
from mergec.diagnostics.render_json import diagnostic_fields, render_json
from mergec.diagnostics.render_sarif import render_sarif
from mergec.diagnostics.render_text import render_text, summary_line
from mergec.diagnostics.source_text import SourceText, Span
from mergec.diagnostics.suggest import nearest, suggestion_help

__all__ = [
    "CODES",
    "Code",
    "Diagnostic",
    "Fix",
    "Label",
    "MergecError",
    "SourceText",
    "Span",
    "apply_fixes",
    "diagnostic_fields",
    "escape",
    "explain_code",
    "fail",
    "find_code",
    "nearest",
    "render_github",
    "render_json",
    "render_sarif",
    "render_text",
    "sort_by_position",
    "suggestion_help",
    "summary_line",
]
