"""The text of a spec as mergec writes specs, or what a spec of it would be refused for."""

import re
from collections.abc import Mapping
from pathlib import Path

from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, MergecError, SourceText, Span
from mergec.elaborate import Bundle, elaborate
from mergec.syntax import format_spec, parse_spec

_NAME = "the spec"
_WORD = re.compile(r"`(\w+)`")


def checked(text: str, places: Mapping[str, Span]) -> str:
    """The formatted text; E914 with its errors.

    `places` are those of the recipe that speak of a parameter, by the parameter's word.
    """
    parsed = parse_spec(SourceText(_NAME, text))
    errors = [found for found in parsed.diagnostics if found.severity == "error"]
    if errors:
        raise MergecError(_refused(found, places) for found in errors)
    spec = SourceText(_NAME, format_spec(parsed.spec))
    try:
        elaborate(parse_spec(spec).spec, Bundle(spec, Path()))
    except MergecError as error:
        raise MergecError(_refused(found, places) for found in error.diagnostics) from None
    return spec.text


def _refused(found: Diagnostic, places: Mapping[str, Span]) -> Diagnostic:
    """An error of the spec, at the place in the recipe that is likely to cause it."""
    notes = list(found.notes)
    spans = [each for each in (found.span, *(label.span for label in found.labels)) if each]
    written = [each for each in spans if each.source.name == _NAME]
    if written:  # else it is in a library, and was not called from the spec
        notes.insert(0, f"the spec would say {quoted(' '.join(written[0].text.split()))}")
    words = _WORD.findall(found.message)
    place = next((places[word] for word in words if word in places), None)
    message = f"the spec is refused: {found.message}"
    return Diagnostic("E914", message, place, notes=tuple(notes), help=found.help)
