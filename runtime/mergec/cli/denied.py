"""The option `--deny`: which warnings count as errors."""

from collections.abc import Iterable

import click

from mergec.diagnostics import CODES, escape, find_code, nearest, suggestion_help

_ALL = "warnings"
_WARNINGS = {code: row.slug for code, row in sorted(CODES.items()) if code.startswith("W")}


def denied_codes(
    ctx: click.Context, param: click.Parameter, values: Iterable[str]
) -> frozenset[str]:
    """The codes that `values` name: each a warning by code or slug, or `warnings` for all."""
    codes: set[str] = set()
    for value in values:
        row = find_code(value)
        if value == _ALL:
            codes.update(_WARNINGS)
        elif row is None:
            near = nearest(value, [_ALL, *_WARNINGS.values()])
            hint = f"did you mean `{near}`?" if near else suggestion_help(value, _WARNINGS, "codes")
            raise click.BadParameter(f"`{escape(value)}` is not a warning; {hint}", ctx, param)
        elif row.id not in _WARNINGS:
            hint = f"name a warning, such as `W201`, or all: `{_ALL}`"
            raise click.BadParameter(f"`{row.id}` is an error already; {hint}", ctx, param)
        else:
            codes.add(row.id)
    return frozenset(codes)
