"""Small file systems that are really full, on which a run of some size stops and goes on."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.catalog.safetensors_bytes import Tensor
from tests.faults.injected import Before, each_step_claimed
from tests.toy_checkpoints import write_checkpoint

SPEC = """\
base = model("./base")
code = model("./code")
child = base + 0.5*(code - base)
export child { shard = 70KB }
"""
TENSORS = 8
_VALUES = 16 << 10
_FILLER, _STEP = "filler", 4096


def write_larger_case(folder: Path) -> None:
    """Two sources of half a megabyte."""
    for place, name in enumerate(("base", "code")):
        values = [bytes([n + place, 0x3F]) * _VALUES for n in range(TENSORS)]
        tensors: dict[str, Tensor] = {
            f"layers.{n}.weight": ("BF16", [_VALUES], value) for n, value in enumerate(values)
        }
        write_checkpoint(folder / name, tensors)
    (folder / "spec.merge").write_text(SPEC)


@contextlib.contextmanager
def small_tmpfs(disk: Path, options: str) -> Generator[None]:
    """A file system in memory."""
    with _mounted(disk, ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]):
        yield


@contextlib.contextmanager
def small_ext4(disk: Path) -> Generator[None]:
    """A file system in a file, of 8 MB."""
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("mkfs.ext4 is not installed")
    image = disk.with_name("image")
    with image.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True, capture_output=True)
    with _mounted(disk, ["mount", "-o", "loop", str(image), str(disk)]):
        yield
    image.unlink()


@contextlib.contextmanager
def _mounted(disk: Path, command: list[str]) -> Generator[None]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk takes the superuser")
    disk.mkdir()
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this system does not let the superuser mount a small disk")
    before = Path.cwd()
    os.chdir(disk)
    try:
        write_larger_case(disk)
        # What a run prints and counts lies elsewhere.
        for name in ("messages", "calls"):
            Path(name).symlink_to(disk.with_name(name))
            disk.with_name(name).touch()
        with each_step_claimed():
            yield
    finally:
        os.chdir(before)
        subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path = Path()) -> None:
    """Someone else takes all the space that is left."""
    with contextlib.suppress(OSError), (disk / _FILLER).open("ab", buffering=0) as file:
        while True:
            file.write(b"\1" * _STEP)


def fill_with_files(disk: Path = Path()) -> None:
    """Someone else takes all the inodes that are left."""
    (disk / _FILLER).mkdir()
    with contextlib.suppress(OSError):
        for number in range(1 << 20):
            (disk / _FILLER / str(number)).touch()


def free(disk: Path = Path()) -> None:
    """What was taken is given back."""
    filler = disk / _FILLER
    if filler.is_dir():
        shutil.rmtree(filler)
    else:
        filler.unlink()


def when_claimed(count: int, happens: Callable[[], None]) -> Before:
    """Once that many steps are claimed, something happens."""
    from tests.faults.injected import after_claims

    done: list[str] = []

    def once(name: str) -> None:
        if not done:
            done.append(name)
            happens()

    return after_claims(count, once)
