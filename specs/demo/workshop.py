"""A folder of parents in which the demo runs mergec, as a reader would from a shell."""

import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

SPECS = Path(__file__).parent
BUILD = SPECS.parent.parent / "build" / "demo"


class Workshop:
    """`build/demo/NAME` with the specs of `specs/demo/NAME` and, in `out`, what they make.

    Whatever an earlier run left there is removed.
    """

    def __init__(self, name: str, console: Console) -> None:
        self.folder = BUILD / name
        self.console = console
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.specs = sorted(path.stem for path in (SPECS / name).glob("*.merge"))
        for spec in self.specs:
            shutil.copy(SPECS / name / f"{spec}.merge", self.folder)

    def mergec(self, *arguments: str) -> None:
        """Run mergec in the folder, its output on our terminal; if it fails, so does the demo."""
        self.console.print(f"\n[dim]{self.folder.name}[/dim] $ mergec {' '.join(arguments)}")
        sys.stdout.flush()
        command = [sys.executable, "-m", "mergec.cli", *arguments]
        done = subprocess.run(command, cwd=self.folder, check=False)
        if done.returncode:
            raise SystemExit(done.returncode)

    def make(self, spec: str, out: str) -> Path:
        """The child of a spec, published and then recomputed from its lineage."""
        self.mergec("run", spec, "-o", out)
        self.mergec("verify", out, "--replay", "full")
        return self.folder / out
