"""Specs written out: what `mergec expand` does."""

from collections.abc import Mapping
from pathlib import Path

from mergec.api.specs import compile_spec
from mergec.diagnostics import Diagnostic, MergecError, SourceText
from mergec.elaborate import Bundle, Setting
from mergec.elaborate.print_spec import print_spec
from mergec.frozen import frozen
from mergec.passes import OPTIONAL
from mergec.plan import check_bundle
from mergec.plan.review_normal import normal_forms
from mergec.syntax import parse_spec, read_spec


@frozen
class Expansion:
    """The text, and the warnings about the spec that it was made from."""

    text: str
    warnings: tuple[Diagnostic, ...]


def expand_spec(path: Path, *, settings: Mapping[str, Setting] | None = None) -> Expansion:
    """The spec at `path` without macros, used specs, parameters and defaults; itself a spec.

    It compiles to the same graph beside the spec, whose references to sources it repeats. Looks at
    no source. MergecError with all errors of the spec, or E107 for one whose macros come to more
    than a spec may hold.
    """
    checked = check_bundle(Bundle(read_spec(path, str(path)), path.parent, settings or {}))
    text = print_spec(checked)
    found = parse_spec(SourceText(f"{path}, expanded", text)).diagnostics
    if any(each.severity == "error" for each in found):
        raise MergecError(found)
    return Expansion(text, checked.warnings)


def expand_to_normal_form(
    path: Path, *, settings: Mapping[str, Setting] | None = None
) -> Expansion:
    """For each export of a spec the stages that compute its tensors; reads the sources' headers."""
    compiled = compile_spec(path, settings=settings, without=OPTIONAL)
    return Expansion(normal_forms(compiled.plan), compiled.warnings)
