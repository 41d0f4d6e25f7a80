"""One run in a process of its own, and the digest of what it made.

`python -m tests.faults.one_digest OUT BACKEND THREADS MEMORY TIMES`, where a spec is. MEMORY
is `least`, what the smallest blocks take, `some` or `default`. If TIMES is 2, the run is killed in
the middle, and the second one goes on with it. Prints the digests of all files and of the weights.
"""

import hashlib
import json
import os
import signal
import sys
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from mergec.api import compile_spec, execute
from mergec.api.specs import CompiledSpec
from mergec.backends import Backend, get_backend
from mergec.diagnostics import MergecError
from mergec.plan import DEFAULT_MEMORY, fit_budget

_STEP = 4 << 20


def chosen(name: str, device: str = "cpu") -> Backend:
    """The backend; `native` for the processor that LLVM_CPU names."""
    cpu = os.environ.get("LLVM_CPU")
    if name != "native" or not cpu:
        return get_backend(name, device)
    from mergec.backends.native import NativeBackend
    from mergec.backends.native.engine import Engine

    return NativeBackend(Engine(cpu))


def least(compiled: CompiledSpec, backend: str, threads: int) -> int:
    """About the smallest memory that is enough for that many threads."""
    for memory in count(_STEP, _STEP):
        try:
            if fit_budget(compiled.plan, memory, threads, backend).threads == threads:
                return memory
        except MergecError:
            continue
    raise AssertionError("there is always a next number")


def die_in_the_middle() -> None:
    """After the second step that is claimed."""
    journal: Any = import_module("mergec.shards.journal")
    append = journal.Journal.append
    claims = count(1)

    def last(*arguments: object) -> None:
        append(*arguments)
        if next(claims) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    journal._BYTES = 1
    journal.Journal.append = last


def digest(files: list[Path]) -> str:
    """Of the names and bytes of files."""
    return hashlib.sha256(
        b"".join(str(file).encode() + b"\0" + file.read_bytes() for file in sorted(files))
    ).hexdigest()


if __name__ == "__main__":
    out, backend, threads, memory, times = sys.argv[1:]
    work: Any = import_module("mergec.api.work")
    work.get_backend = chosen
    compiled = compile_spec(Path("spec.merge"))
    assert {row.exactness for export in compiled.plan.exports for row in export.rows} == {"P"}
    smallest = least(compiled, backend, int(threads))
    limit = {"least": smallest, "some": smallest + (16 << 20), "default": DEFAULT_MEMORY}[memory]
    resume = times == "2"
    if resume and os.fork() == 0:
        die_in_the_middle()
        execute(compiled, Path(out), backend=backend, memory=limit, threads=int(threads))
    if resume:
        assert os.waitstatus_to_exitcode(os.wait()[1]) == -signal.SIGKILL
    report = execute(
        compiled, Path(out), backend=backend, memory=limit, threads=int(threads), resume=resume
    )
    assert (report.resumed > 0) == resume
    os.chdir(out)
    made = [path for path in Path().rglob("*") if path.is_file()]
    weights = [path for path in made if path.suffix == ".safetensors"]
    print(json.dumps({"all": digest(made), "weights": digest(weights)}))
