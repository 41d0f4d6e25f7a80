"""Readers of files of a project: specs, models, results and what runs left, for a fuzzer."""

import contextlib
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

from mergec.api import compile_locked, compile_spec, execute, load_plan, lock_spec, write_plan
from mergec.api.inspection import inspect_checkpoint
from mergec.api.lineage import family_of
from mergec.api.specs import CompiledSpec
from mergec.catalog.lineage_file import LineageProblem, parse_lineage
from mergec.catalog.offline import offline_mode
from mergec.catalog.sample import ALL
from mergec.cli.main import run_command
from mergec.plan import DEFAULT_MEMORY, fit_budget
from mergec.plan.lock_file import read_lock
from mergec.shards import journal
from mergec.verify import State, Verdict
from mergec.verify.check import verify
from tests.catalog.safetensors_bytes import framed
from tests.faults.injected import (
    RUN,
    after_claims,
    each_step_claimed,
    files_of,
    kill,
    left_over,
    run_child,
    write_case,
)
from tests.fuzz import reader_targets
from tests.fuzz.reader_targets import Check, Target, understood
from tests.toy_checkpoints import write_family


class Home:
    """A folder with toy models, a spec over them, its lock and plan, and what it makes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        write_family(root)
        self.spec = root / "spec.merge"
        self.spec.write_text(
            'base = model("./base")\ncode = model("./code")\nmath = model("./math")\n'
            "child = ties(base, code, math; density=0.5)\n"
            'require norm(child - base) < 100, "it stays near"\n'
            "export child { shard = 0.05KB }\n"
        )
        lock = lock_spec(self.spec)
        lock.path.write_text(lock.lock.text)
        self.lock = lock.path
        self.made = root / "out"
        self.run(self.made)

    def compiled(self) -> CompiledSpec:
        """The plan of the spec."""
        return compile_spec(self.spec)

    def run(self, target: Path) -> None:
        """Merge with the reference backend."""
        execute(self.compiled(), target, backend="reference", threads=1)


def locks(home: Home) -> Target:
    """The lock of a spec, and the comparison of one that can be read with the sources."""

    def check(data: bytes) -> bool:
        home.lock.write_bytes(data)
        if not understood(lambda: read_lock(home.lock)):
            return False
        return understood(lambda: compile_locked(home.spec, must=True))

    return Target(check, [home.lock.read_bytes()])


def plans(home: Home) -> Target:
    """A plan file, which holds the spec that it was made from."""
    place = home.root / "plan.json"
    compiled = home.compiled()
    budget = fit_budget(compiled.plan, DEFAULT_MEMORY, 1, "reference")
    seed = write_plan(compiled, budget).encode()

    def check(data: bytes) -> bool:
        place.write_bytes(data)
        return understood(lambda: load_plan(place))

    return Target(check, [seed])


def lineages(home: Home) -> Target:
    """The lineage of a result: the family that it tells of, and the result's verification."""
    place = home.made / "lineage.json"

    def check(data: bytes) -> bool:
        place.write_bytes(data)
        with contextlib.suppress(LineageProblem):
            family_of(parse_lineage(data))
        verdicts: list[Verdict] = []
        judged = understood(lambda: verdicts.append(verify(home.made)))
        sound = judged and verdicts[0].state is State.VERIFIED
        if sound:  # then it says how its bytes were made, which is another text to understand
            understood(lambda: verify(home.made, ALL))
        return sound

    return Target(check, [place.read_bytes()])


def small_files(home: Home) -> Target:
    """Small files of a model and of an adapter; the first byte says which one it is."""
    model, adapter = home.root / "foreign", home.root / "lora"
    chosen = [
        *(model / name for name in ("config.json", "tokenizer.json", "tokenizer_config.json")),
        *(model / name for name in ("README.md", "LICENSE", "generation_config.json")),
        adapter / "adapter_config.json",
    ]
    before = [path.read_bytes() if path.exists() else b"{}" for path in chosen]
    seeds = [bytes([number]) + data for number, data in enumerate(before)]
    card = b"\x03---\nlicense: apache-2.0\nbase_model: [a, b]\ntags: &t\n  - x\n---\n\n# Card\n"
    return Target(_compiles(home, chosen), [*seeds, card], _behind_the_first, _behind_that_of)


def names(home: Home) -> Target:
    """Weights, whose names are planned with and whose bytes are merged; the first says of what."""
    chosen = [home.root / "foreign/model.safetensors", home.root / "lora/adapter_model.safetensors"]

    def opened(data: bytes) -> bytes:
        return data[9 : 9 + int.from_bytes(data[1:9], "little")]

    def sealed(text: bytes, before: bytes) -> bytes:
        return before[:1] + framed(text, before[9 + int.from_bytes(before[1:9], "little") :])

    seeds = [bytes([number]) + path.read_bytes() for number, path in enumerate(chosen)]
    return Target(_compiles(home, chosen, run=True), seeds, opened, sealed)


def _runs(compiled: CompiledSpec, out: Path) -> bool:
    """Whether a merge is made; one that is made verifies, and one that is not leaves nothing."""
    try:
        made = understood(lambda: execute(compiled, out, backend="reference", threads=1))
        assert made == out.exists()
        assert not made or verify(out, ALL, root=out.parent).state is State.VERIFIED
        return made
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _compiles(home: Home, chosen: Sequence[Path], *, run: bool = False) -> Check:
    """Puts the bytes behind the first into the file that it says; inspects, and plans a merge."""
    merges = {"foreign": "linear(model, other)", "lora": "other + model"}
    others = {"foreign": "spoken", "lora": "base"}
    settings = {"foreign": "{ tokenizer = union(model, other) }", "lora": "{ shard = 1GB }"}
    for name, merge in merges.items():
        (home.root / f"{name}.merge").write_text(
            f'other = model("./{others[name]}")\n'
            f'model = {"adapter" if name == "lora" else "model"}("./{name}")\n'
            f"child = {merge}\nexport child {settings[name]}\n"
        )

    def check(data: bytes) -> bool:
        path = chosen[(data[0] if data else 0) % len(chosen)]
        before = path.read_bytes() if path.exists() else None
        path.write_bytes(data[1:])
        try:
            read = understood(lambda: inspect_checkpoint(str(path.parent)))
            spec = home.root / f"{path.parent.name}.merge"
            planned = understood(lambda: compile_spec(spec))
            return planned and read and (not run or _runs(compile_spec(spec), home.root / "child"))
        finally:
            path.unlink() if before is None else path.write_bytes(before)

    return check


def _behind_the_first(data: bytes) -> bytes:
    return data[1:]


def _behind_that_of(text: bytes, before: bytes) -> bytes:
    return before[:1] + text


def resumes(home: Home) -> Target:
    """What a killed run left, with one of its files changed; the first byte says which one."""
    root = home.root / "resumed"
    root.mkdir()
    with contextlib.chdir(root):
        write_case(root)
        assert run_command((*RUN[:3], "undisturbed", *RUN[4:])) == 0
        with each_step_claimed():
            assert run_child(RUN, after_claims(3, kill(signal.SIGKILL))) == -signal.SIGKILL
        left = root / left_over()[0]
    made, kept, out = files_of(root / "undisturbed"), root / "kept", root / "out"
    left.rename(kept)
    names = sorted(files_of(kept))
    names.insert(0, names.pop(names.index(journal.NAME)))

    def check(data: bytes) -> bool:
        name = names[(data[0] if data else 0) % len(names)]
        shutil.copytree(kept, left)
        (left / name).write_bytes(data[1:])
        try:
            again = understood(
                lambda: execute(
                    compile_spec(root / "spec.merge"),
                    out,
                    backend="reference",
                    threads=1,
                    resume=True,
                )
            )
            assert again == out.exists()
            if again:
                assert files_of(out) == made
            return again
        finally:
            for folder in (out, *root.glob("out.mergec-partial-*")):
                shutil.rmtree(folder, ignore_errors=True)

    seeds = [bytes([n]) + (kept / name).read_bytes() for n, name in enumerate(names)]
    return Target(check, [*seeds, *[seeds[0]] * len(seeds)], _behind_the_first, _behind_that_of)


TARGETS: Mapping[str, Callable[[Home], Target]] = {
    "lock": locks,
    "plan": plans,
    "lineage": lineages,
    "small-files": small_files,
    "names": names,
    "resume": resumes,
}


@contextlib.contextmanager
def open_target(name: str) -> Generator[Target]:
    """A target by its name, with the files that it needs; no server is asked for anything."""
    if name in reader_targets.TARGETS:
        yield reader_targets.TARGETS[name]()
        return
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() else None
    with offline_mode(), tempfile.TemporaryDirectory(dir=place) as folder:
        yield TARGETS[name](Home(Path(folder)))
