"""The examples of the pages, run as a reader would run them.

    python -m docs.examples    # from the repository's root

writes into the pages what their commands print now; a test holds the pages to it.

These kinds of fenced block are examples; all others are left alone.

- `console`: lines after `$ ` are run by a shell; what they print must stand below them.
- `merge`: a spec, or statements of one. `merge NAME.merge` also writes it to that file.
- `python`: a program that ends well and prints nothing; `python NAME.py` writes it to that file.
- `yaml NAME.yml`: a recipe of another tool, which is written to that file.
- `json FILE` and `text FILE`: what stands in FILE, which a command above has written.

In what is printed `…` stands for anything within a line (times, memory), and a line of `…` alone
for any number of lines. The blocks of a page run from top to bottom in one folder. The sources in
it have the headers of those that `make demo` leaves, for the README, and are the toy family of the
tests for every other page, with four layers where ramps are shown and else with two; `./bare` lacks
the prefix `model.`, and `./missing` is not there. The page about vocabularies has models of a few
tokens. Adapters that a page names change the query and value projections of that family, at rank 2.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests import toy_family, toy_vocabularies

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "docs/language.md",
    "docs/library.md",
    "docs/checking.md",
    "docs/stores.md",
    "docs/compatibility.md",
    "docs/adapters.md",
    "docs/looking.md",
    "docs/import.md",
    "docs/migration.md",
    "docs/vocabularies.md",
    "docs/testing.md",
    "docs/plan.md",
    "docs/lock.md",
    "docs/numerics.md",
    "docs/laws.md",
    "docs/output.md",
    "docs/recovery.md",
    "docs/lineage.md",
    "docs/your-own-operator.md",
    "docs/exit-codes.md",
    "docs/machine.md",
    "grammar/README.md",
    "compiler/README.md",
    "runtime/README.md",
    "specs/README.md",
)

_LAYERS = {"docs/language.md": 4, "docs/migration.md": 4}
_FENCE = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANY = "…"
# What differs from run to run and from machine to machine.
_VARYING = (
    (
        re.compile(r"(?<=in )\d+\.\d s, peak memory [\d.]+ [KMG]iB of [\d.]+ [KMG]iB projected"),
        f"{_ANY} s, peak memory {_ANY} of {_ANY} projected",
    ),
    (re.compile(r"(?<=peak memory about )[\d.]+ [KMG]iB"), _ANY),
)
_TIERS = ("grammar", "compiler", "runtime")
_BUG = "Traceback (most recent call last)"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the rest of the line, and its text."""

    language: str
    argument: str
    text: str


@dataclass(frozen=True, slots=True)
class Shell:
    """A folder with sources, and a shell in it that knows the command `mergec`."""

    folder: Path
    bin: Path

    def run(self, command: str, status: int) -> tuple[str, int]:
        """What `command` prints, on either stream, and its exit status; `$?` is `status`."""
        done = subprocess.run(
            ["bash", "-c", f"(exit {status}); {command}"],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout, done.returncode

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(str(ROOT / tier) for tier in _TIERS),
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            # Whether this machine is calibrated must not be seen.
            "XDG_CACHE_HOME": str(self.bin / "cache"),
        }


def open_shell(folder: Path) -> Shell:
    """A shell in the existing `folder`; its commands stand in another folder beside it."""
    place = folder.with_name(f"{folder.name}-bin")
    place.mkdir()
    for name, module in (("mergec", " -m mergec.cli"), ("python", "")):
        command = place / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n')
        command.chmod(0o755)
    return Shell(folder, place)


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(*found.groups()) for found in _FENCE.finditer(page)]


def matches(documented: str, printed: str) -> bool:
    """Whether a page says what was printed, `…` standing for anything."""
    lines = [
        r"(?:.*\n)*?" if line == _ANY else ".*?".join(map(re.escape, line.split(_ANY))) + r"\n"
        for line in documented.splitlines()
    ]
    return re.fullmatch("".join(lines), printed) is not None


def actual(page: str, shell: Shell) -> Iterator[tuple[Block, Block]]:
    """Each example of a page that shows output, as written and as it comes out now.

    The two are equal where the page is right.
    """
    status = 0
    for block in blocks(page):
        name = block.argument
        if block.language in ("merge", "python", "yaml") and name:
            (shell.folder / name).write_text(block.text)
        elif block.language == "console":
            text = ""
            for command, documented in _commands(block.text):
                printed, status = shell.run(command, status)
                text += f"$ {command}\n" + _said(documented, printed)
            yield block, replace(block, text=text)
        elif block.language == "python":
            printed, status = shell.run(f"python - <<'END'\n{block.text}END", status)
            yield block, replace(block, text=printed) if status else block
        elif block.language in ("json", "text") and name:
            yield block, replace(block, text=_said(block.text, (shell.folder / name).read_text()))


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a `console` block, each with the lines below it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, documented = part.partition("\n")
        yield command, documented


def _said(documented: str, printed: str) -> str:
    printed = printed if not printed or printed.endswith("\n") else f"{printed}\n"
    if matches(documented, printed):
        return documented
    for pattern, masked in _VARYING:
        printed = pattern.sub(masked, printed)
    return printed


def lay_out(page: str, folder: Path) -> None:
    """Put the sources that the examples of `page` name into the existing `folder`."""
    if page == "README.md":
        _stand_ins(folder)
        return
    if page == "docs/vocabularies.md":
        toy_vocabularies.write_speakers(folder)
        return
    named = re.findall(r'model\("\./([\w-]+)"', (ROOT / page).read_text())
    layers = _LAYERS.get(page, toy_family.LAYERS)
    for name in sorted({*toy_family.MEMBERS, *named} - {"missing"}):
        tensors = toy_family.weights(name, layers)
        if name == "bare":
            tensors = {key.removeprefix("model."): tensor for key, tensor in tensors.items()}
        toy_family.write_member(folder / name, tensors, toy_family.config(name, layers))
    toy_family.write_adapters(folder, (ROOT / page).read_text(), layers)


def _stand_ins(folder: Path) -> None:
    """Sources whose headers, and so whose plan, are those of `build/demo/first`."""
    import torch

    from specs.demo.digits import LAYERS, SIZES, save_family
    from specs.demo.digits_demo import STAND_INS

    generator = torch.Generator().manual_seed(0)
    shapes = [
        (f"layers.{layer}.{part}", shape)
        for layer in range(LAYERS)
        for part, shape in (
            ("weight", (SIZES[layer + 1], SIZES[layer])),
            ("bias", (SIZES[layer + 1],)),
        )
    ]

    def drawn(scale: float) -> dict[str, torch.Tensor]:
        return {name: scale * torch.randn(*shape, generator=generator) for name, shape in shapes}

    # Relatives of one ancestor, as a run asks them to be.
    ancestor = drawn(1.0)
    family = {
        name: {tensor: ancestor[tensor] + step for tensor, step in drawn(0.1).items()}
        for name in STAND_INS
    }
    save_family(family, folder)


def main() -> None:
    """Write what the commands print now into every page."""
    for name in PAGES:
        path = ROOT / name
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "examples"
            folder.mkdir()
            lay_out(name, folder)
            page = path.read_text()
            for written, now in actual(page, open_shell(folder)):
                if _BUG in now.text:
                    raise SystemExit(f"{name}: mergec fails\n{now.text}")
                head = f"```{written.language} {written.argument}".rstrip()
                page = page.replace(f"{head}\n{written.text}```", f"{head}\n{now.text}```", 1)
            if page != path.read_text():
                path.write_text(page)
                print(f"rewrote {name}")


if __name__ == "__main__":
    main()
