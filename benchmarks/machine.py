"""Facts about the machine and the software, so that a figure can be placed."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from benchmarks.peers import PEERS, peer_versions

_ROOT = Path(__file__).resolve().parent.parent
_PEER_PACKAGES = (*PEERS, "torch", "transformers", "safetensors")
_OUR_PACKAGES = ("mergec", "numpy", "ml_dtypes", "llvmlite", "torch", "jax")


def machine_facts(work: Path) -> dict[str, str]:
    """Processor, memory, disk; no paths, no host name. Records with others cannot be compared.

    work: folder whose file system takes the outputs.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory / 2**30:.1f} GiB",
        "file system": _file_system(work),
    }


def software_facts(peer_python: Path | None) -> dict[str, str]:
    """Kernel and versions, those of other tools too where their interpreter is given."""
    facts = {
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }
    for name in _OUR_PACKAGES:
        try:
            facts[f"our {name}"] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    if peer_python is not None:
        found = peer_versions(peer_python, _PEER_PACKAGES)
        facts |= {f"peers' {name}": version for name, version in found.items()}
    return facts


def commit() -> str:
    """Commit of this working tree, marked when tracked files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def code_digest() -> str:
    """Digest of all sources that a run can depend on, committed or not."""
    digest = hashlib.sha256()
    for tree in ("grammar", "compiler", "runtime"):
        for path in sorted((_ROOT / tree).rglob("*")):
            if path.is_file() and path.suffix not in (".pyc", ".nbi", ".nbc"):
                digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0")
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(work: Path) -> str:
    """Type of the file system that holds `work`: that of the longest mount point above it."""
    mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    pairs = [line.split()[1:3] for line in mounts]
    above = [(point, kind) for point, kind in pairs if work.resolve().is_relative_to(point)]
    return max(above, key=lambda mount: len(mount[0]))[1]
