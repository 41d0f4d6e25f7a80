"""Items whose failures are told as `mergec` tells them, without a traceback."""

from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import pytest

from mergec.diagnostics import MergecError, render_text, summary_line

_Made = TypeVar("_Made", bound=pytest.Item | pytest.Collector)


def made(kind: type[_Made], parent: pytest.Collector, **given: Any) -> _Made:
    """A node below `parent`; pytest makes them by this method, whose types it leaves open."""
    make: Any = getattr(kind, "from_parent")  # noqa: B009
    return cast(_Made, make(parent, **given))


def effort_of(config: pytest.Config) -> Literal["fast", "ci", "thorough"]:
    """How much the session tries."""
    return cast(Literal["fast", "ci", "thorough"], config.getoption("--mergec-effort"))


class Failed(Exception):
    """What an item found wrong, in words that stand for themselves."""


class Item(pytest.Item):
    """One thing that is tried; `label` stands for it in the report of a failure."""

    label: str

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any, **__: Any) -> str:
        """Diagnostics as on the command line; what is neither is a bug, and has its traceback."""
        error = excinfo.value
        if isinstance(error, MergecError):
            return f"{render_text(error.diagnostics)}\n{summary_line(error.diagnostics)}"
        if isinstance(error, Failed):
            return str(error)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Which file, and what of it."""
        return self.path, None, f"{self.path.name}: {self.label}"
