"""The version of mergec that is running."""

from importlib.metadata import PackageNotFoundError, version


def tool_version() -> str:
    """The installed version, or `unknown` when run from a source tree that is not installed."""
    try:
        return version("mergec")
    except PackageNotFoundError:
        return "unknown"
