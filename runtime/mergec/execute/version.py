"""The version of mergec that is running."""

from mergec.plan.tool_version import tool_version

__all__ = ["tool_version"]
