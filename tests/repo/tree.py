"""The repository as the tests of the repository see it."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TIERS = tuple(ROOT / tier / "mergec" for tier in ("grammar", "compiler", "runtime"))

# Bottom to top. What stands up to `plan` works without any array library.
LIGHT_FLOORS = (
    *("frozen", "diagnostics", "syntax", "catalog", "ir", "ops", "plugin", "elaborate"),
    *("recipes", "resolve", "passes", "plan"),
)
FLOORS = (*LIGHT_FLOORS, "backends", "shards", "execute", "verify", "api", "cli", "pytest_plugin")


def floor_folders() -> dict[str, Path]:
    """The folder of each package under `mergec`, whatever is in it."""
    return {
        folder.name: folder
        for tier in TIERS
        for folder in sorted(tier.iterdir())
        if folder.is_dir() and folder.name != "__pycache__"
    }


def files(*patterns: str) -> list[Path]:
    """Files that are, or are about to be, under version control; ignored ones are not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {name for name in listed.stdout.split("\0") if name}
    return sorted(path for path in map(ROOT.joinpath, names) if path.is_file())
