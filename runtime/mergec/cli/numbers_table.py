"""The table of `mergec run --report`: what a run met and made that is not finite or too small."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mergec.execute.numbers import TensorNumbers

_HEAD = ("tensor", "source", "not finite there", "not finite in the result", "too small")


def print_numbers(numbers: "Sequence[TensorNumbers]") -> None:
    """One line for each tensor and source; a sentence where there is nothing to list."""
    import click

    from mergec.cli.tables import columns, show

    if not numbers:
        click.echo("every number that was read and written is finite, and none is too small")
        return
    show(columns(_HEAD, [row for found in numbers for row in _rows(found)]))


def _rows(found: "TensorNumbers") -> list[tuple[str, ...]]:
    name = f"{found.folder}/{found.tensor}" if found.folder else found.tensor
    sources = found.sources or (("", 0),)
    rows: list[tuple[str, ...]] = []
    for number, (label, count) in enumerate(sources):
        result = ("", "") if number else (f"{found.not_finite:,}", f"{found.underflow:,}")
        rows.append(("" if number else name, label, f"{count:,}" if label else "", *result))
    return rows
