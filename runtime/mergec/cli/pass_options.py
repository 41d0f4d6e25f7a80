"""Options that name passes. The names are looked up when one is given, and not to start."""

from collections.abc import Callable
from typing import Any

import click


def without_passes(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--without-pass`, which the command gets as `without`, a tuple of names."""
    return click.option(
        "--without-pass",
        "without",
        metavar="NAME",
        multiple=True,
        callback=_optional,
        help="Switch off this pass; `plan --passes` lists those that change no bit.",
    )(command)


def print_after(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--print-after`, which the command gets as `printed_after`, a tuple of names."""
    return click.option(
        "--print-after",
        "printed_after",
        metavar="PASS",
        multiple=True,
        callback=_known,
        help="Print the graphs that there are after this pass, instead of the plan.",
    )(command)


def _known(ctx: click.Context, param: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    if names:
        from mergec.passes import PIPELINE

        known = [each.name for each in PIPELINE]
        for name in names:
            if name not in known:
                raise click.BadParameter(_no_pass(name, known), ctx, param)
    return tuple(dict.fromkeys(names))


def _optional(
    ctx: click.Context, param: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    names = _known(ctx, param, names)
    if names:
        from mergec.passes import OPTIONAL

        for name in names:
            if name not in OPTIONAL:
                which = ", ".join(OPTIONAL)
                said = f"{name} is part of the normal form, which defines what a spec means"
                raise click.BadParameter(f"{said}; these can be switched off: {which}", ctx, param)
    return tuple(sorted(names))


def _no_pass(name: str, known: list[str]) -> str:
    return f"there is no pass {name!r}; the passes are {', '.join(known)}"
