"""Frozen dataclasses that are made quickly: a program makes its hundreds of them when it starts."""

from mergec.frozen.make import frozen

__all__ = ["frozen"]
