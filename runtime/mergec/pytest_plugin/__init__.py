"""A pytest plugin: `pytest --mergec specs/` turns specs, and operators of your own, into tests.

Without `--mergec` it adds options to pytest and imports nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

__all__ = ["pytest_addoption", "pytest_configure"]


def pytest_addoption(parser: "pytest.Parser") -> None:
    """The options `--mergec`, `--mergec-plugin` and `--mergec-effort`, and what ini files say."""
    group = parser.getgroup("mergec", "merge specs")
    group.addoption(
        "--mergec",
        action="store_true",
        help="Collect `.merge` files: each is checked, its format too, planned and tried.",
    )
    group.addoption(
        "--mergec-plugin",
        action="append",
        default=[],
        metavar="FILE",
        help="Run this Python file, let specs call its operators, and try the laws they declare.",
    )
    group.addoption(
        "--mergec-effort",
        choices=["fast", "ci", "thorough"],
        default="fast",
        help="How much `mergec test` tries of each spec, and of each law. Default: fast.",
    )
    parser.addini("mergec_plugins", "Files as for --mergec-plugin.", type="paths", default=[])


def pytest_configure(config: "pytest.Config") -> None:
    """Take part in the session only if asked to."""
    if config.getoption("--mergec"):
        from mergec.pytest_plugin.collecting import Collecting

        config.pluginmanager.register(Collecting(config), "mergec-collecting")
