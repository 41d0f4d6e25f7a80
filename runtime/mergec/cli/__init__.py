"""The `mergec` command."""

from mergec.cli.main import main

__all__ = ["main"]
