"""What is said of an exception that is our mistake: what it is and where."""

import os
import traceback
from pathlib import Path

from mergec.diagnostics import escape

WHOLE = "MERGEC_TRACEBACK"
# An exception may quote what it is about, such as an array of weights.
_LONGEST = 200
_MOST_PLACES = 6
_ROOT = Path(__file__).parents[2]


def report(error: BaseException) -> str:
    """One paragraph; with `MERGEC_TRACEBACK` set the traceback of Python before it."""
    whole = "".join(traceback.format_exception(error)) + "\n" if os.environ.get(WHOLE) else ""
    said = escape(str(error).partition("\n")[0][:_LONGEST])
    places = [_place(frame) for frame in traceback.extract_tb(error.__traceback__)]
    where = ", called from ".join(places[: -_MOST_PLACES - 1 : -1]) or "an unknown place"
    name = type(error).__name__
    return (
        f"{whole}internal error: {f'{name}: {said}' if said else name}, at {where}\n"
        "this is a bug in mergec, not in your spec; please report it with the lines above, the "
        f"spec, and the output of `mergec --version`; `{WHOLE}=1` before the command says more"
    )


def _place(frame: traceback.FrameSummary) -> str:
    """File and line of a frame; no path of this machine."""
    path = Path(frame.filename)
    within = path.is_relative_to(_ROOT)
    return f"{path.relative_to(_ROOT) if within else path.name}:{frame.lineno}"
