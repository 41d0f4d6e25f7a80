"""Which plugins are there: registered for one command, asked for by name, recorded in plans."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mergec.diagnostics import MergecError, escape, fail
from mergec.ops import OPERATORS, STAGES, Operator, register, unregister
from mergec.syntax.scan import RESERVED as WORDS

if TYPE_CHECKING:  # what loads plugins is imported once there are any: `mergec check` is quick
    from mergec.plugin.plugin import Origin, Plugin

RESERVED = frozenset({*WORDS, "adapter", "as_model", "model", "ramp", "rename", "select", "stack"})
"""What a spec says otherwise than by calling an operator."""

_loaded: "dict[str, Plugin]" = {}
_installed = [False]  # whether entry points may be asked; one for all that is under way


@contextmanager
def plugins(files: Iterable[Path] = (), *, installed: bool = False) -> Generator[None]:
    """Inside, specs can call the operators of `files`, which are run now.

    With `installed`, an operator that nobody knows is looked for among the entry points of
    installed distributions, and loaded when it is named. Raises E606, E607, E818 and E819.
    """
    before, asked = dict(_loaded), _installed[0]
    try:
        _load(files)
        _installed[0] = installed
        yield
    finally:
        _installed[0] = asked
        for name in {*_loaded} - {*before}:
            unregister(name)
            del _loaded[name]


def load_for_good(files: Iterable[Path], *, installed: bool) -> None:
    """As `plugins`, in a process that has no other use; what is installed is loaded at once."""
    _load(files)
    _installed[0] = installed
    load_installed()


def find_operator(name: str) -> Operator | None:
    """The operator that a spec calls `name`: built in, of a plugin file, or installed."""
    known = OPERATORS.get(name)
    if known is not None or not _installed[0]:
        return known
    from mergec.plugin.load import find_installed

    plugin = find_installed(name)
    if plugin is None:
        return None
    _add(plugin)
    return plugin.operator


def load_installed() -> None:
    """Load whatever installed distributions offer, for a list of all operators."""
    from mergec.plugin.load import installed_names

    for name in installed_names() if _installed[0] else ():
        find_operator(name)


def find_plugin(name: str) -> "Plugin | None":
    """The plugin that the operator `name` comes from; None for a built-in one."""
    return _loaded.get(name)


def plugin_table(operators: Iterable[str]) -> list[dict[str, object]]:
    """What identifies the plugins of those `operators` that come from one, by name."""
    return [_loaded[name].identity for name in sorted({*operators} & {*_loaded})]


def plugin_lines(operators: Iterable[str]) -> list[str]:
    """The same for reviewers, one line each."""
    found = [_loaded[name] for name in sorted({*operators} & {*_loaded})]
    return [
        f"{each.operator.name}.{each.operator.revision}  from {each.origin}, "
        f"SHA-256 {each.origin.sha256[:16]}…"
        for each in found
    ]


def require_plugins(recorded: object, what: str) -> None:
    """Raise E810 unless each plugin that `what` was made with is there, byte for byte."""
    found: list[MergecError] = []
    for row in cast("Sequence[object]", recorded) if isinstance(recorded, list) else ():
        if isinstance(row, dict):
            wanted = cast("Mapping[str, Any]", row)
            name = str(wanted.get("operator"))
            operator = find_operator(name)
            here = _loaded.get(name)
            if operator is None or here is None:
                found.append(_absent(wanted, name, what))
            elif here.origin.sha256 != wanted.get("sha256"):
                found.append(_other(wanted, name, what, here.origin))
    if found:
        raise MergecError(diagnostic for error in found for diagnostic in error.diagnostics)


def _load(files: Iterable[Path]) -> None:
    for path in dict.fromkeys(files):
        from mergec.plugin.load import load_file

        for plugin in load_file(path):
            _add(plugin)


def _absent(wanted: Mapping[str, Any], name: str, what: str) -> MergecError:
    file, distribution = escape(str(wanted.get("file"))), wanted.get("distribution")
    hint = f"add `--plugin {file}`"
    if distribution is not None:
        hint = f"install `{escape(str(distribution))}` {escape(str(wanted.get('version')))}"
    return fail(
        "E810",
        f"{what} was made with the plugin operator `{escape(name)}`, which is not loaded",
        notes=(f"its source has the SHA-256 {escape(str(wanted.get('sha256')))}",),
        help=hint,
    )


def _other(wanted: Mapping[str, Any], name: str, what: str, here: "Origin") -> MergecError:
    digest = escape(str(wanted.get("sha256")))
    return fail(
        "E810",
        f"{what} was made with another version of the plugin operator `{escape(name)}`",
        notes=(
            f"the one it was made with has the SHA-256 {digest}",
            f"{here} has the SHA-256 {here.sha256}",
        ),
        help=f"give the `{escape(str(wanted.get('file')))}` that it was made with",
    )


def _add(plugin: "Plugin") -> None:
    name = plugin.operator.name
    if name in _loaded:
        other = _loaded[name].origin
        raise _taken(name, plugin, f"as {other} does", "rename one of the two, or give one alone")
    if name in OPERATORS or name in STAGES or name in RESERVED:
        raise _taken(name, plugin, "which mergec has already", "give it another name")
    register(plugin.operator, plugin.stage)
    _loaded[name] = plugin


def _taken(name: str, plugin: "Plugin", why: str, help: str) -> MergecError:
    return fail("E607", f"{plugin.origin} declares `{name}`, {why}", help=help)
