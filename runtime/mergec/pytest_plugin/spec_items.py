"""A spec as tests: it is checked, written as the formatter writes it, planned, and tried."""

import difflib
from collections.abc import Iterable, Sequence
from typing import cast

import pytest

from mergec.api import check_spec, compile_spec, format_text
from mergec.diagnostics import Diagnostic, MergecError, render_text
from mergec.pytest_plugin.reported import Failed, Item, effort_of, made
from mergec.syntax import parse_spec, read_spec
from mergec.syntax.nodes import Binding, Export

# A source is not there, or cannot be reached.
_ABSENT = frozenset({"E701", "E716", *(f"E{number}" for number in range(722, 729))})
_UNBOUND, _NO_EXPORT = "E221", "E213"
_LABOUR = pytest.StashKey[object]()


class SpecFile(pytest.File):
    """A `.merge` file."""

    def collect(self) -> Iterable[pytest.Item]:
        """Four items; the last two need the spec's sources."""
        kinds: Sequence[type[Item]] = (Check, Format, Plan, Try)
        for kind in kinds:
            yield made(kind, self, name=kind.label)


class Check(Item):
    """The spec has no mistakes; those that its sources show are found where they are there."""

    label = "check"

    def runtest(self) -> None:
        """As `mergec check`."""
        try:
            check_spec(self.path, spec_only=True)
        except MergecError as error:
            _skip_if_open(self, error)
            raise
        try:
            check_spec(self.path)
        except MergecError as error:
            if not _are_absent(error.diagnostics):
                raise


class Format(Item):
    """The spec is in its one canonical form."""

    label = "format"

    def runtest(self) -> None:
        """As `mergec fmt --check`."""
        source = read_spec(self.path, str(self.path))
        formatted = format_text(source)
        if formatted == source.text:
            return
        lines = difflib.unified_diff(
            source.text.splitlines(), formatted.splitlines(), "as written", "formatted", lineterm=""
        )
        raise Failed("\n".join((*lines, "", f"help: run `mergec fmt {self.path}`")))


class Plan(Item):
    """The spec compiles to a plan, if its sources are there."""

    label = "plan"

    def runtest(self) -> None:
        """As `mergec plan`."""
        try:
            compile_spec(self.path)
        except MergecError as error:
            _skip_if_open(self, error)
            _skip_if_absent(error)
            raise


class Try(Item):
    """Laws of the spec's operators hold, and its plan computes what it says."""

    label = "test"

    def runtest(self) -> None:
        """As `mergec test`."""
        from mergec.api.trials import try_spec
        from mergec.verify.trial import Labour
        from mergec.verify.trial.print_report import as_text

        labour = cast(Labour, self.config.stash.setdefault(_LABOUR, Labour()))
        try:
            report = try_spec(self.path, effort=effort_of(self.config), labour=labour)
        except MergecError as error:
            _skip_if_open(self, error)
            _skip_if_absent(error)
            raise
        if report.findings:
            raise Failed(f"{as_text(report)}\n{render_text(report.findings)}")


def _skip_if_open(item: Item, error: MergecError) -> None:
    """A recipe waits for its values, and a library for its users: neither can go further alone."""
    codes = {found.code for found in error.diagnostics if found.severity == "error"}
    if codes == {_UNBOUND}:
        pytest.skip(error.diagnostics[0].message)
    if codes == {_NO_EXPORT}:
        statements = parse_spec(read_spec(item.path, str(item.path))).spec.statements
        if not any(isinstance(statement, Binding | Export) for statement in statements):
            pytest.skip("a library, which exports nothing")


def _skip_if_absent(error: MergecError) -> None:
    if _are_absent(error.diagnostics):
        said = (each.message for each in error.diagnostics if each.code in _ABSENT)
        pytest.skip("; ".join(dict.fromkeys(said)))


def _are_absent(found: Iterable[Diagnostic]) -> bool:
    return {each.code for each in found if each.severity == "error"} <= _ABSENT
