"""The version of mergec that is running."""

from functools import cache


@cache
def tool_version() -> str:
    """The installed version, or `unknown` when run from a source tree that is not installed."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and rarely asked

    try:
        return version("mergec")
    except PackageNotFoundError:
        return "unknown"
