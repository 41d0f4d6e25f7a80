"""An operator file as tests: one for each law that its operators declare."""

import shlex
from collections.abc import Iterable, Sequence

import pytest

from mergec.ops import Law, Operator
from mergec.pytest_plugin.reported import Failed, Item, effort_of, made


class OperatorFile(pytest.File):
    """A plugin file, which is loaded already; `operators` are those that it declares."""

    operators: Sequence[Operator]

    def collect(self) -> Iterable[pytest.Item]:
        """One item for each law."""
        for operator in self.operators:
            for law in operator.laws:
                item = made(LawItem, self, name=f"{operator.name}::{law.label}")
                item.operator, item.law, item.label = operator, law, item.name
                yield item


class LawItem(Item):
    """An operator obeys one of its laws on every backend that is installed."""

    operator: Operator
    law: Law

    def runtest(self) -> None:
        """As `mergec laws`."""
        from mergec.backends import installed_backends
        from mergec.verify.law_report import counterexample
        from mergec.verify.law_runs import run_laws

        effort, laws = effort_of(self.config), [(self.operator, self.law)]
        for result in run_laws(laws, installed_backends(), effort=effort):
            if result.broken is not None:
                # The operator is there only with its file.
                named = f"mergec laws --plugin {shlex.quote(self.path.name)} "
                text = counterexample(result, effort, 0)
                raise Failed(text.replace("mergec laws ", named))
