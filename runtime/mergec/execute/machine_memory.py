"""How much memory this process may use, by everyone who has a say in it."""

import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mergec.frozen import frozen

_SMALL = 1 << 20  # of a file in /proc or of a control group
_NONE = 1 << 60  # version 1 of control groups says "no limit" by a number beyond all memory


@frozen
class MemoryLimit:
    """`limit` bytes in all by `who`, of which `free` are left; None where that is not told.

    What this process holds already is free to it: what it needs in all is compared with this.
    """

    who: str
    limit: int | None
    free: int | None

    @property
    def room(self) -> int:
        """What can be had at most."""
        return min(each for each in (self.limit, self.free) if each is not None)


def memory_limits(root: Path = Path("/")) -> list[MemoryLimit]:
    """The machine's, the control groups' and the process's own, as far as there are any.

    `root` is where `proc` and `sys` are.
    """
    return [*_machine(root), *_groups(root), *_process()]


def tightest(limits: list[MemoryLimit]) -> MemoryLimit | None:
    """The one that leaves the least."""
    return min(limits, key=lambda limit: limit.room, default=None)


def _machine(root: Path) -> Iterator[MemoryLimit]:
    sizes: dict[str, int] = {}
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, said = line.partition(":")
        words = said.split()
        if words and words[0].isdigit():
            sizes[name] = int(words[0]) << 10
    if "MemTotal" in sizes:
        available = sizes.get("MemAvailable")
        free = None if available is None else available + _held(root)
        yield MemoryLimit("the machine", sizes["MemTotal"], free)


def _groups(root: Path) -> Iterator[MemoryLimit]:
    """Those of the process and all above it; both versions may be mounted."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, kinds, path = [*line.split(":", 2), "", ""][:3]
        if number == "0" and not kinds:
            mount, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "")
        elif "memory" in kinds.split(","):
            mount = root / "sys/fs/cgroup/memory"
            names = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        # In a container the path may be one outside of it; what is mounted is then the group's own.
        for depth in range(len(parts), -1, -1):
            yield from _group(mount.joinpath(*parts[:depth]), names, _held(root))


def _group(folder: Path, names: tuple[str, str, str], held: int) -> Iterator[MemoryLimit]:
    said = _text(folder / names[0]).strip()
    if not said.isdigit() or int(said) >= _NONE:
        return
    used = _text(folder / names[1]).strip()
    limit, free = int(said), None
    if used.isdigit():
        statistics = (line.split() for line in _text(folder / "memory.stat").splitlines())
        # What the system keeps of files counts as used, and is given back when it is needed.
        files = {f"{names[2]}{kind}_file" for kind in ("active", "inactive")}
        cached = sum(int(line[1]) for line in statistics if len(line) == 2 and line[0] in files)
        free = max(0, limit - max(0, int(used) - cached - held))
    yield MemoryLimit("a control group", limit, free)


def _held(root: Path) -> int:
    """What this process holds that no file gives back."""
    for line in _text(root / "proc/self/status").splitlines():
        name, _, said = line.partition(":")
        if name == "RssAnon":
            return int(said.split()[0]) << 10
    return 0


def _process() -> Iterator[MemoryLimit]:
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        yield MemoryLimit("RLIMIT_AS", soft, None)


def _text(path: Path) -> str:
    with suppress(OSError, ValueError), path.open("rb") as file:
        return file.read(_SMALL).decode("ascii", "replace")
    return ""
