"""Options that several commands share."""

import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([KMGT]?i?B)", re.ASCII)


class SizeType(click.ParamType[int]):
    """A size with its unit, such as `2GiB` (2³⁰ bytes each) or `500MB` (10⁶ each)."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The size in bytes."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value))
        if found is None or found[2] == "iB":
            self.fail(f"{value!r} is not a size with a unit, such as 2GiB or 500MB", param, ctx)
        step = 1024 if "i" in found[2] else 1000
        size = int(float(found[1]) * step ** "BKMGT".index(found[2][0]))
        if size < 1:
            self.fail(f"{value!r} is no memory at all", param, ctx)
        return size


def resources(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--backend`, `--memory` and `--threads`."""
    for option in (
        threads,
        click.option(
            "--memory",
            type=SizeType(),
            default="1GiB",
            show_default=True,
            help="Bound on the memory of the process.",
        ),
        computing,
    ):
        command = option(command)
    return command


def threads(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--threads`."""
    return click.option("--threads", type=click.IntRange(1, 256), help="Default: one a core.")(
        command
    )


def hash_cache(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--no-hash-cache`, of which the command gets `cached`."""
    return click.option(
        "--no-hash-cache",
        "cached",
        flag_value=False,
        default=True,
        help="Hash files of a lock again, also where their digest is known.",
    )(command)


def device(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--device`."""
    return click.option(
        "--device",
        type=click.Choice(["cpu", "cuda"]),
        default="cpu",
        show_default=True,
        help="Where torch or JAX computes.",
    )(command)


def computing(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--backend`, of which the command gets one name."""
    return click.option(
        "--backend",
        type=click.Choice(["native", "reference", "torch", "jax"]),
        default=_default_backend,
        show_default="native where llvmlite is installed, else reference",
        help="What computes: numpy, loops compiled by LLVM, torch or JAX.",
    )(command)


def _default_backend() -> str:
    from mergec.backends.registry import default_backend

    return default_backend()


def plugins(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--plugin` and `--no-plugins`: operators of others are there while the command runs."""

    @wraps(command)
    def with_plugins(*, plugin: tuple[Path, ...], no_plugins: bool, **others: Any) -> Any:
        from mergec.plugin.registry import plugins as loaded

        with loaded(plugin, installed=not no_plugins):
            return command(**others)

    for option in (
        click.option(
            "--no-plugins",
            is_flag=True,
            help="Leave plugins of installed distributions alone.",
        ),
        click.option(
            "--plugin",
            metavar="FILE",
            multiple=True,
            type=click.Path(path_type=Path),
            help="Run this Python file, and let specs call the operators that it declares.",
        ),
    ):
        with_plugins = option(with_plugins)
    return with_plugins


def reach(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--offline`: while the command runs, no hub and no store is asked for anything."""

    @wraps(command)
    def within(*, offline: bool, **others: Any) -> Any:
        from mergec.catalog.offline import offline_mode

        with offline_mode(offline=offline):
            return command(**others)

    return click.option(
        "--offline", is_flag=True, help="Ask no server: of models on a hub, read the cache."
    )(within)


def parameters(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--set` and `--params`, which the command gets as `settings`, a mapping of `Setting`."""

    @wraps(command)
    def with_settings(*, given: tuple[str, ...], file: Path | None, **others: Any) -> Any:
        if not given and file is None:
            return command(settings={}, **others)
        from mergec.cli.settings import read_settings

        return command(settings=read_settings(given, file), **others)

    for option in (
        click.option(
            "--params",
            "file",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Values for parameters of the spec, in TOML.",
        ),
        click.option(
            "--set",
            "given",
            metavar="NAME=VALUE",
            multiple=True,
            help="A value for a parameter of the spec; wins over --params.",
        ),
    ):
        with_settings = option(with_settings)
    return with_settings


def trying(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that search: what computes, how long, which examples, what is told.

    The command gets `backends`, a tuple of names that is empty for all, and `effort`, `seed`,
    `jobs`, `output_format` and `junit`.
    """
    for option in (
        click.option(
            "--junit",
            type=click.Path(path_type=Path),
            help="Write the outcome to this file too, in the XML that CI systems read.",
        ),
        click.option(
            "--output-format",
            type=click.Choice(["text", "json"]),
            default="text",
            help="How the outcome is printed.",
        ),
        click.option(
            "-j", "--jobs", type=click.IntRange(1, 256), help="Processes. Default: one a core."
        ),
        click.option(
            "--seed",
            type=click.IntRange(0),
            default=0,
            show_default=True,
            help="Which examples are tried.",
        ),
        click.option(
            "--effort",
            type=click.Choice(["fast", "ci", "thorough"]),
            default="fast",
            show_default=True,
            help="How many examples are tried.",
        ),
        click.option(
            "--backend",
            "backends",
            metavar="NAME[,NAME]",
            callback=_named,
            help="What computes. Default: every backend that is installed.",
        ),
    ):
        command = option(command)
    return command


def _named(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = (name.strip() for name in (value or "").split(","))
    return tuple(dict.fromkeys(name for name in names if name))
