"""Load plugins: a file that the command line names, or what an installed distribution offers.

Loading runs the author's Python. So it happens for a file that was named by `--plugin`, or for an
entry point of an installed distribution, and never because of a spec alone.
"""

import hashlib
import itertools
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import MergecError, SourceText, Span, escape, fail
from mergec.plugin.declare import Declared, declared_in
from mergec.plugin.plugin import Origin, Plugin, make_plugin
from mergec.plugin.record import Refusal
from mergec.plugin.stage import one_line

if TYPE_CHECKING:  # imported where it is needed: `mergec check` is quick
    from importlib.metadata import EntryPoint

GROUP = "mergec.operators"
"""The group of entry points: each is named as its operator, and refers to a module."""

_MAX_FILE = 1 << 20
_numbers = itertools.count()


def load_file(path: Path) -> list[Plugin]:
    """The operators of a plugin file, which is run.

    Raises E606 for a file that cannot be run, and what `make_plugin` raises.
    """
    raw = _read(path)
    source = _decoded(path, raw)
    module = ModuleType(f"mergec_plugin_{next(_numbers)}")
    module.__file__ = str(path)
    # Dataclasses look their module up there.
    sys.modules[module.__name__] = module
    try:
        code = compile(source.text, str(path), "exec", dont_inherit=True)
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
        sys.modules.pop(module.__name__, None)
        raise _broken(source, error) from None
    declared = declared_in(module.__dict__)
    origin = Origin(hashlib.sha256(raw).hexdigest(), path.name)
    return [_made(each, origin, source) for each in _some(declared, source)]


def find_installed(name: str) -> Plugin | None:
    """The plugin of an installed distribution that offers the operator `name`, if any."""
    from importlib.metadata import entry_points

    offered = entry_points(group=GROUP, name=name)
    if len(offered) > 1:
        named = " and ".join(sorted(f"`{_distribution(each)[0]}`" for each in offered))
        raise fail(
            "E607",
            f"{named} both offer the operator `{escape(name)}`",
            help="uninstall one of them, or add `--no-plugins`",
        )
    return _load_entry(next(iter(offered))) if offered else None


def installed_names() -> list[str]:
    """The names of all operators that installed distributions offer."""
    from importlib.metadata import entry_points

    return sorted({each.name for each in entry_points(group=GROUP)})


def _load_entry(entry: "EntryPoint") -> Plugin:
    distribution, version = _distribution(entry)
    where = f"`{distribution}` {version}"
    try:
        module = entry.load()
    except (Exception, SystemExit) as error:
        if isinstance(error, Refusal):
            raise fail("E607", f"{error.message} in {where}", help=error.help) from None
        raise fail(
            "E606",
            f"the plugin {where} cannot be imported: {one_line(error)}",
            help="upgrade or uninstall it, or add `--no-plugins`",
        ) from None
    namespace: Any = getattr(module, "__dict__", {})
    declared = [each for each in declared_in(dict(namespace)) if each.name == entry.name]
    file = getattr(module, "__file__", None)
    if not isinstance(module, ModuleType) or not declared or file is None:
        raise fail(
            "E607",
            f"`{entry.value}` of {where} is no module with the operator `{escape(entry.name)}`",
            help=f"let the entry point `{escape(entry.name)}` refer to the module that declares it",
        )
    raw = _read(Path(file))
    digest = hashlib.sha256(raw).hexdigest()
    origin = Origin(digest, Path(file).name, distribution, version)
    return _made(declared[0], origin, None)


def _distribution(entry: "EntryPoint") -> tuple[str, str]:
    if entry.dist is None:
        return "unknown", "unknown"
    return entry.dist.name, entry.dist.version


def _read(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            if file.size <= _MAX_FILE:
                return file.read(0, file.size)
    except MergecError as error:
        said = error.diagnostics[0]
        hint = "name a Python file, as in `--plugin my_operator.py`"
        raise fail("E606", f"no plugin: {said.message}", help=hint) from None
    raise fail(
        "E606",
        f"the plugin `{escape(str(path))}` is larger than 1 MiB",
        help="name a Python file that declares operators",
    )


def _decoded(path: Path, raw: bytes) -> SourceText:
    try:
        return SourceText(str(path), raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise fail(
            "E606",
            f"the plugin `{escape(str(path))}` is not text in UTF-8",
            help="name a Python file that declares operators",
        ) from None


def _some(declared: list[Declared], source: SourceText) -> list[Declared]:
    if declared:
        return declared
    raise fail(
        "E607",
        f"the plugin `{escape(source.name)}` declares no operator",
        help='put `@operator(name="...", ...)` from `mergec.plugin` above a function',
    )


def _made(declared: Declared, origin: Origin, source: SourceText | None) -> Plugin:
    try:
        return make_plugin(declared, origin)
    except MergecError as error:
        [found] = error.diagnostics
        span = _line(source, _place(declared, source, error)) if source else None
        raise fail(found.code, found.message, span, notes=found.notes, help=found.help) from None


def _place(declared: Declared, source: SourceText, error: MergecError) -> int | None:
    """The line of the kernel that raised what `error` tells, or that of its declaration."""
    code = getattr(declared.kernel, "__code__", None)
    raised = error.__context__
    return (_raised_in(source, raised) if raised else None) or (code and code.co_firstlineno)


def _broken(source: SourceText, error: BaseException) -> MergecError:
    """What went wrong when a file was run, and in which line."""
    if isinstance(error, MergecError):
        return error
    line = _raised_in(source, error)
    span = _line(source, line)
    name = escape(source.name)
    if isinstance(error, Refusal):
        return fail(error.code, error.message, span, help=error.help)
    if isinstance(error, SyntaxError):
        message = f"the plugin `{name}` is not Python: {escape(error.msg or 'invalid syntax')}"
        return fail("E606", message, span, help="correct the line")
    message = f"the plugin `{name}` raised {one_line(error)} while it was loaded"
    return fail("E606", message, span, help=f"correct it until `python {name}` runs")


def _raised_in(source: SourceText, error: BaseException) -> int | None:
    """The last line of the file on the way to where `error` was raised."""
    if isinstance(error, SyntaxError) and error.filename == source.name:
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == source.name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _line(source: SourceText, number: int | None) -> Span | None:
    """A line's text, or nothing for a line that is not there."""
    if number is None or number < 1:
        return None
    text = source.line(number)
    before = sum(len(line) + 1 for line in source.text.split("\n")[: number - 1])
    stripped = text.strip()
    if not stripped:
        return None
    start = before + text.index(stripped)
    return Span(source, start, start + len(stripped))
