"""Where the sources of a finished checkpoint are, if nobody says."""

import os
from collections.abc import Iterable
from pathlib import Path

_RELATIVE = ("./", "../")


def find_root(target: Path, references: Iterable[str]) -> Path:
    """The folder that a spec's relative references start at.

    The nearest of those that the checkpoint `target` lies in, and then of the working folder and
    those above it, where most of them lead somewhere. Other references lead to the same everywhere.
    """
    named = [reference for reference in references if reference.startswith(_RELATIVE)]
    inside, here = target.resolve(), Path.cwd().resolve()
    places = list(dict.fromkeys([*inside.parents, here, *here.parents]))
    found = [sum(os.path.exists(place / reference) for reference in named) for place in places]
    return places[found.index(max(found))]
