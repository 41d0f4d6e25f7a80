"""What the parts of the evaluator need of it."""

from contextlib import AbstractContextManager
from typing import Protocol

from mergec.elaborate.scope import Scope
from mergec.elaborate.values import Meaning
from mergec.elaborate.workspace import Workspace
from mergec.syntax.nodes import Expr

Operands = list[tuple[Expr, Meaning]]
"""Operands with their values, each with the text to underline."""


class Evaluating(Protocol):
    """Evaluates expressions in a scope."""

    @property
    def work(self) -> Workspace:
        """The graph and the findings."""
        ...

    @property
    def scope(self) -> Scope:
        """What names mean here."""
        ...

    def meaning(self, expr: Expr) -> Meaning:
        """What an expression stands for."""
        ...

    def within(self, scope: Scope) -> AbstractContextManager[None]:
        """Evaluate in another scope for a while."""
        ...
