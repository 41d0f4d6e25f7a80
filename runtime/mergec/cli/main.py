"""The command group, and the one place where errors become exit statuses.

A command is imported when it is called and imports what it needs when it runs, so that
`mergec --version` starts in a blink and `check` never pays for an array library.
"""

import contextlib
import errno
import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from types import FrameType
from typing import Any, NoReturn, TextIO

import click

# The module of each command, which has its name there.
_MODULES = {
    "advise": "advising",
    "calibrate": "calibrating",
    "check": "checking",
    "clean": "cleaning",
    "compare": "comparing",
    "doctor": "doctoring",
    "expand": "expanding",
    "explain": "explaining",
    "export": "exporting",
    "fmt": "checking",
    "import": "importing",
    "inspect": "inspecting",
    "laws": "laws_command",
    "lineage": "tracing",
    "lock": "locking",
    "ops": "explaining",
    "plan": "planning",
    "run": "running",
    "test": "testing",
    "verify": "verifying",
}
_NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
# What a machine says that is in trouble or out of something, about whichever file it was asked for.
_WITHOUT = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM, errno.EINTR)
_TROUBLE = (*_NOT_WRITTEN, *_WITHOUT)
_stopped: list[BaseException] = []  # what signals raised here, the first one first
_INTERRUPTED, _HUNG_UP, _TERMINATED, _BUG = 130, 129, 143, 70


class _Terminated(BaseException):
    """SIGTERM or SIGHUP, turned into an exception so that everything is cleaned up."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _ReaderGone(BaseException):
    """Whoever read our output has seen enough; click would make an exit status of its own."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help."""
        return [*_MODULES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with this name, imported now."""
        module = _MODULES.get(cmd_name)
        if module is None:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command = getattr(import_module(f"mergec.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the command line, which a run that is interrupted says how to repeat."""
        ctx.meta["mergec.arguments"] = [*args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; raises _ReaderGone for a closed standard output."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderGone from error


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from mergec.cli.version import tool_version

        click.echo(f"mergec {tool_version()}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Compile merge specs: say how several neural networks become one, review it, run it."""


def main() -> NoReturn:
    """Run the command line and exit with the documented status (docs/exit-codes.md)."""
    # A plan is a million small objects that all stay: looking through them again and again for
    # cycles would be a third of the time that planning takes.
    gc.set_threshold(100_000, 50, 100)
    # Steps run side by side already. Threads of numpy's own would wait for work in busy loops from
    # its import on: a tenth of a second on two cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _claim_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)
    # A shell starts background jobs with SIGINT ignored, and they stay so.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _terminate)
    # A locale never turns a report into an exception.
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
    status = run_command()
    # Not sys.exit: worker threads that still compute must not hold an interrupted process.
    _flush_quietly()
    os._exit(status)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, by default that of the process; returns the exit status.

    Whatever is raised ends here: errors are printed, and an exception that is none is a bug report.
    """
    try:
        status: int | None = cli(arguments, prog_name="mergec", standalone_mode=False)
        _flush(sys.stdout)
    except BaseException as error:
        # A compiled module that is being imported may turn a signal into an ImportError.
        ended = _stopped[0] if _stopped else error
        status = _status(ended)
        _tell_state(ended, status)
        return status
    _tell_state(None, 0)
    return status or 0


def _status(error: BaseException) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        error.show()
        return 2
    if isinstance(error, _Terminated):
        _say("\n".join(("terminated; nothing was published", *_notes(error))))
        return error.status
    if isinstance(error, KeyboardInterrupt | click.Abort):
        _say("\n".join(("interrupted; nothing was published", *_notes(error))))
        return _INTERRUPTED
    if isinstance(error, BrokenPipeError | _ReaderGone):
        # What is still on its way must not raise again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return _failed(error)


def _notes(error: BaseException) -> Sequence[str]:
    """What a command added to what ended it."""
    found: Sequence[str] = getattr(error, "__notes__", ())
    return found


def _tell_state(error: BaseException | None, status: int) -> None:
    """What a run left behind; every other command leaves nothing, and has not loaded this."""
    found = sys.modules.get("mergec.cli.run_state")
    if found is not None:
        found.tell(error, status)


def _failed(error: BaseException) -> int:
    """The status of what is told as a diagnostic, or as our mistake."""
    from mergec.cli.printing import print_diagnostics
    from mergec.diagnostics import MergecError, fail

    if isinstance(error, MergecError):
        print_diagnostics(error.diagnostics)
        return error.exit
    if isinstance(error, MemoryError):
        return _failed(_no_memory(error))
    if isinstance(error, OSError) and error.filename is None and error.errno in _NOT_WRITTEN:
        reason = os.strerror(error.errno or 0).lower()
        return _failed(fail("E803", f"standard output cannot be written: {reason}"))
    if isinstance(error, OSError) and error.errno in _TROUBLE:
        return _failed(_in_trouble(error))
    return _report_bug(error)


def _no_memory(error: BaseException) -> BaseException:
    from mergec.diagnostics import fail

    hint = "give less with `--memory 512MiB`"
    return fail("E814", "memory ran out", notes=_notes(error), help=hint)


def _in_trouble(error: OSError) -> BaseException:
    """What no part of mergec asked for by itself: a module of Python's, say, that is now loaded."""
    from mergec.catalog.quoted import quoted
    from mergec.diagnostics import fail

    reason = os.strerror(error.errno or 0).lower()
    about = f" at {quoted(error.filename)}" if error.filename else ""
    return fail(
        "E877",
        f"the system failed: {reason}{about}",
        notes=_notes(error),
        help="look at the disk, the limits and the permissions of this machine, then run again",
    )


def _report_bug(error: BaseException) -> int:
    """What escaped is our mistake, and says so."""
    from mergec.cli.internal_error import report

    click.echo(report(error), err=True)
    return _BUG


def _say(line: str) -> None:
    """Say that nothing was published, unless it was."""
    found = sys.modules.get("mergec.cli.run_state")
    if found is None or not found.is_published():
        with contextlib.suppress(OSError):
            click.echo(line, err=True)


def _terminate(number: int, _frame: FrameType | None) -> None:
    if _stopped:
        # What is asked to stop is at it. Who presses Ctrl-C twice does not want to wait for that.
        if number == signal.SIGINT and isinstance(_stopped[0], KeyboardInterrupt):
            os._exit(_INTERRUPTED)
        return
    if number == signal.SIGINT:
        stop: BaseException = KeyboardInterrupt()
    else:
        stop = _Terminated(_HUNG_UP if number == signal.SIGHUP else _TERMINATED)
    _stopped.append(stop)
    raise stop


def _claim_streams() -> None:
    """Of a closed standard stream, no file of ours may take the number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _flush_quietly() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            _flush(stream)


def _flush(stream: TextIO | None) -> None:
    """A process may be started without standard streams."""
    if stream is not None:
        stream.flush()
