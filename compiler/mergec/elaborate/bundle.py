"""What is compiled: a spec with everything from outside that its meaning depends on."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from mergec.diagnostics import SourceText
from mergec.frozen import frozen


@frozen
class Setting:
    """A value for a `param`, given from outside.

    `text` is a literal of the language, or bare text for a parameter of type `text` or `model`.
    A relative path starts at `folder`: the shell's, or that of a parameter file; None stands for
    the folder of the spec.
    """

    text: str
    folder: Path | None = None


@frozen
class Bundle:
    """A spec, the folder that its references start at, and what it is given.

    `imports` holds the texts of the specs it uses, by path relative to `root` with forward slashes;
    None means that they are read from the disk. `without` names the passes that are switched off.
    `pins` are the commits to read of sources on a hub, by label, whatever their revisions lead to
    by now.
    """

    source: SourceText
    root: Path
    settings: Mapping[str, Setting] = field(default_factory=dict[str, Setting])
    imports: Mapping[str, str] | None = None
    without: tuple[str, ...] = ()
    pins: Mapping[str, str] = field(default_factory=dict[str, str])
