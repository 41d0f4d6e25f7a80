"""Facts about the machine and the software, so that a figure can be placed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

_PEER_PACKAGES = ("mergekit", "torch", "transformers", "safetensors")
_OUR_PACKAGES = ("mergec", "numpy", "ml_dtypes", "torch")


def machine_facts(work: Path, peer_python: Path | None) -> dict[str, str]:
    """What to print beside a result: processor, memory, disk, versions; no paths, no host name.

    work: folder whose file system takes the outputs.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    facts = {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory / 2**30:.1f} GiB",
        "file system": _file_system(work),
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "revision of mergec": _revision(),
    }
    facts |= {f"our {name}": version for name, version in _versions(_OUR_PACKAGES).items()}
    if peer_python is not None:
        facts |= {
            f"peer's {name}": version for name, version in _peer_versions(peer_python).items()
        }
    return facts


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(work: Path) -> str:
    """Type of the file system that holds `work`: that of the longest mount point above it."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [(point, kind) for point, kind in mounts if work.resolve().is_relative_to(point)]
    return max(above, key=lambda mount: len(mount[0]))[1]


def _revision() -> str:
    """Commit of this working tree, marked when tracked files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _peer_versions(python: Path) -> dict[str, str]:
    program = (
        "import json, sys; from importlib.metadata import version; "
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    answer = subprocess.run(
        [python, "-c", program, *_PEER_PACKAGES], capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(answer.stdout)
    return found
