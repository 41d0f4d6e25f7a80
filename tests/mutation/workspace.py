"""The copy of the tree that mutmut works in.

mutmut knows one layout: sources under `src/`, named as they are imported. Ours is a namespace
package in three portions; in the copy they are one. mutmut also leaves decorated functions alone,
and every kernel is decorated, so in the copy a kernel is decorated at the end of its module instead
of above its `def`: `observe` and `apply` are what a mutation score is about.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORKSPACE = ROOT / "build" / "mutation"
OPS = Path("src", "mergec", "ops")
TIERS = ("grammar", "compiler", "runtime")

_DECORATED = re.compile(r"^    @untrapped\n(?=    def (\w+))", re.MULTILINE)
_CLASS = re.compile(r"^class (\w+)", re.MULTILINE)


def lay_out() -> None:
    """Bring the workspace up to date; what did not change keeps its time, and so its results."""
    present: set[Path] = set()
    for source, path in _files():
        present.add(path)
        _write(WORKSPACE / path, source)
    for folder in ("src", "tests", "specs"):
        for copy in (WORKSPACE / folder).rglob("*"):
            if copy.is_file() and copy.relative_to(WORKSPACE) not in present:
                copy.unlink()
                (WORKSPACE / "mutants" / copy.relative_to(WORKSPACE)).unlink(missing_ok=True)


def decorate_at_the_end(text: str) -> str:
    """The module with each `@untrapped` kernel wrapped by a line at its end."""
    moved: list[str] = []
    for found in _DECORATED.finditer(text):
        owner = _CLASS.findall(text, 0, found.start())[-1]
        moved.append(f'setattr({owner}, "{found[1]}", untrapped({owner}.{found[1]}))\n')
    return _DECORATED.sub("", text) + "".join(moved)


def _files() -> Iterator[tuple[Path, Path]]:
    """Every file that is needed, and its path in the workspace."""
    yield ROOT / "pyproject.toml", Path("pyproject.toml")
    portions = [(ROOT / tier / "mergec", Path("src", "mergec")) for tier in TIERS]
    for folder, target in (*portions, *((ROOT / x, Path(x)) for x in ("tests", "specs"))):
        for source in sorted(folder.rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                yield source, target / source.relative_to(folder)


def _write(copy: Path, source: Path) -> None:
    content = source.read_bytes()
    if copy.is_relative_to(WORKSPACE / OPS) and copy.suffix == ".py":
        content = decorate_at_the_end(content.decode()).encode()
    if copy.exists() and copy.read_bytes() == content:
        return
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(content)
    shutil.copystat(source, copy)
    copy.touch()
    # mutmut copies a file once; sources it notices to be newer, other files it does not.
    if copy.suffix != ".py":
        (WORKSPACE / "mutants" / copy.relative_to(WORKSPACE)).unlink(missing_ok=True)
