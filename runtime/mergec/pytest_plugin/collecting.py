"""What a session with `--mergec` collects, and the operators that are there while it lasts."""

from contextlib import ExitStack
from pathlib import Path
from typing import cast, final

import pytest

from mergec.api import plugins
from mergec.diagnostics import MergecError, render_text
from mergec.ops import OPERATORS, Operator
from mergec.pytest_plugin.law_items import OperatorFile
from mergec.pytest_plugin.reported import made
from mergec.pytest_plugin.spec_items import SpecFile


@final
class Collecting:
    """The hooks of a session; operators of plugin files are loaded while it lasts."""

    def __init__(self, config: pytest.Config) -> None:
        given = cast("list[str]", config.getoption("--mergec-plugin"))
        listed = cast("list[Path]", config.getini("mergec_plugins"))
        here = config.invocation_params.dir
        files = dict.fromkeys([*(here / file for file in given), *listed])
        self._operators: dict[Path, list[Operator]] = {}
        self._loaded = ExitStack()
        try:
            self._loaded.enter_context(plugins(installed=True))
            for file in files:
                before = {*OPERATORS}
                self._loaded.enter_context(plugins([file], installed=True))
                new = (OPERATORS[name] for name in OPERATORS if name not in before)
                self._operators[file] = [*new]
        except MergecError as error:
            self._loaded.close()
            raise pytest.UsageError(render_text(error.diagnostics)) from None

    def pytest_unconfigure(self) -> None:
        """Operators of plugin files are gone after the session."""
        self._loaded.close()

    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        """Every `.merge` file below the paths that pytest was given."""
        if file_path.suffix != ".merge":
            return None
        return made(SpecFile, parent, path=file_path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """Operators come last, wherever their files lie; before `-k` and `-m` choose."""
        for file, operators in self._operators.items():
            collector = made(OperatorFile, session, path=file)
            collector.operators = operators
            report = session.ihook.pytest_make_collect_report(collector=collector)
            session.ihook.pytest_collectreport(report=report)  # so that they are counted
            items.extend(report.result)
