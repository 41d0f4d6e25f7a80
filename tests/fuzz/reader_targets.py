"""Readers of files that come from elsewhere, each with files to begin with, for a fuzzer.

`check` of a target returns whether bytes are accepted, and raises for whatever is neither a value
nor a diagnostic, and for what is accepted and should not be.
"""

import contextlib
import inspect
import json
import shutil
import signal
import tempfile
import zlib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, cast

import safetensors

from mergec.api import compile_locked, compile_spec, execute, load_plan, lock_spec, write_plan
from mergec.api.inspection import inspect_checkpoint
from mergec.api.lineage import family_of
from mergec.api.specs import CompiledSpec
from mergec.catalog.config import read_config
from mergec.catalog.folder import Opener, ReadableFile
from mergec.catalog.header import read_header
from mergec.catalog.index import read_index
from mergec.catalog.lineage_file import LineageProblem, parse_lineage
from mergec.catalog.offline import offline_mode
from mergec.catalog.sample import ALL
from mergec.cli.main import run_command
from mergec.diagnostics import MergecError, render_text
from mergec.plan import DEFAULT_MEMORY, fit_budget
from mergec.plan.lock_file import read_lock
from mergec.shards import journal
from mergec.shards.recovery import claimed_tensors
from mergec.verify import State, Verdict
from mergec.verify.check import verify
from tests.catalog.malformed_files import GOOD, ROWS
from tests.catalog.safetensors_bytes import file_of, framed
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
from tests.fuzz.byte_mutations import mutated
from tests.toy_checkpoints import write_family

_library: Any = safetensors  # whose functions have no types
_LONGEST_SEED = 1 << 13

Check = Callable[[bytes], bool]


@dataclass(frozen=True)
class Target:
    """A reader. `opened` is the text in a file that is worth changing, `sealed` a file of it.

    Without these a changed length or checksum would be all that a reader sees.
    """

    check: Check
    seeds: Sequence[bytes]
    opened: Callable[[bytes], bytes] = bytes
    sealed: Callable[[bytes, bytes], bytes] = lambda text, _: text

    def mutated(self, random: Random, data: bytes) -> bytes:
        """A change of a file, of its text more often than of the whole."""
        if random.random() < 0.25:
            return mutated(random, data, self.seeds)
        text = mutated(random, self.opened(data), [self.opened(random.choice(self.seeds))])
        return self.sealed(text, data)


@dataclass(frozen=True)
class _Bytes:
    """An open file that is no more than its bytes."""

    path: Path
    held: bytes

    @property
    def size(self) -> int:
        return len(self.held)

    def read(self, start: int, count: int) -> bytes:
        assert 0 <= start <= start + count <= len(self.held)
        return self.held[start : start + count]


def _opener(held: bytes) -> Opener:
    @contextlib.contextmanager
    def opened(path: Path) -> Generator[ReadableFile]:
        yield _Bytes(path, held)

    return opened


def _understood(read: Callable[[], object]) -> bool:
    """Whether `read` returns; it may refuse with findings that can be printed."""
    try:
        read()
    except MergecError as error:
        found = error.diagnostics
    else:
        return True
    assert any(each.severity == "error" for each in found)
    render_text(found)
    return False


def header() -> Target:
    """A header, and what the `safetensors` library makes of it: what we accept it accepts."""
    place = Path("model.safetensors")

    def check(data: bytes) -> bool:
        found: list[tuple[str, str, list[int], bytes]] = []

        def read() -> None:
            _, entries = read_header(place, opened=_opener(data))
            found.extend(
                (it.name, it.dtype.value, [*it.shape], data[it.start : it.start + it.nbytes])
                for it in entries
            )

        if not _understood(read):
            return False
        theirs = cast("list[tuple[str, Any]]", _library.deserialize(data))
        assert sorted(found) == sorted(
            (name, it["dtype"], it["shape"], bytes(it["data"])) for name, it in theirs
        )
        return True

    def opened(data: bytes) -> bytes:
        return data[8 : 8 + int.from_bytes(data[:8], "little")]

    def sealed(text: bytes, before: bytes) -> bytes:
        return framed(text, before[8 + int.from_bytes(before[:8], "little") :])

    sound = file_of(
        {"a": ("BF16", [2, 2], bytes(8)), "b": ("F4", [4], b"12"), "c": ("U8", [0, 3], b"")},
        {"format": "pt"},
    )
    malformed = [data for data, _, _ in ROWS.values() if len(data) < _LONGEST_SEED]
    return Target(check, [*[GOOD, sound] * len(malformed), *malformed], opened, sealed)


def index() -> Target:
    """The index of a checkpoint in several files."""
    written = {
        "metadata": {"total_size": 24},
        "weight_map": {f"layers.{n}.w": f"model-0000{n}-of-00002.safetensors" for n in (1, 2)},
    }
    seeds = [json.dumps(written).encode(), json.dumps({"weight_map": {}}).encode()]
    place = Path("model.safetensors.index.json")
    return Target(lambda data: _understood(lambda: read_index(place, _opener(data))), seeds)


def config() -> Target:
    """A config.json by itself."""
    seeds = [b'{"model_type":"llama","num_hidden_layers":2,"rope_scaling":{"factor":8.0}}']
    place = Path("config.json")
    return Target(lambda data: _understood(lambda: read_config(place, _opener(data))), seeds)


def journals() -> Target:
    """The journal of a run: what is taken from it was written so, line by line."""

    def check(data: bytes) -> bool:
        written = journal.read_journal(data)
        assert data[: written.end].count(b"\n") == len(written.lines)
        again = journal.read_journal(data[: written.end])
        assert again == written
        claimed_tensors(written.lines)
        return bool(written.lines)

    lines: list[object] = [
        {"journal": "mergec.journal/1", "tool": "0", "sources": {}},
        {"tensors": [["", "a", "0" * 64]], "readings": [[0, ["0x1p+0"], [1]]]},
        {"tensors": [["x", "b", "1" * 64]], "counts": [["x", "b", [["code", 1]], 1, 0]]},
    ]
    seed = seal_journal("\n".join(map(json.dumps, lines)).encode() + b"\n")
    return Target(check, [seed], open_journal, lambda text, _: seal_journal(text))


def open_journal(data: bytes) -> bytes:
    """The lines of a journal without their checksums."""
    return b"".join(line[9:] + b"\n" for line in data.split(b"\n")[:-1])


def seal_journal(text: bytes) -> bytes:
    """Lines with the checksums that they need to be believed."""
    checksum, sealed = 0, b""
    for line in text.split(b"\n")[:-1]:
        checksum = zlib.crc32(line, checksum)
        sealed += b"%08x %s\n" % (checksum, line)
    return sealed


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
        if not _understood(lambda: read_lock(home.lock)):
            return False
        return _understood(lambda: compile_locked(home.spec, must=True))

    return Target(check, [home.lock.read_bytes()])


def plans(home: Home) -> Target:
    """A plan file, which holds the spec that it was made from."""
    place = home.root / "plan.json"
    compiled = home.compiled()
    budget = fit_budget(compiled.plan, DEFAULT_MEMORY, 1, "reference")
    seed = write_plan(compiled, budget).encode()

    def check(data: bytes) -> bool:
        place.write_bytes(data)
        return _understood(lambda: load_plan(place))

    return Target(check, [seed])


def lineages(home: Home) -> Target:
    """The lineage of a result: the family that it tells of, and the result's verification."""
    place = home.made / "lineage.json"

    def check(data: bytes) -> bool:
        place.write_bytes(data)
        with contextlib.suppress(LineageProblem):
            family_of(parse_lineage(data))
        verdicts: list[Verdict] = []
        understood = _understood(lambda: verdicts.append(verify(home.made)))
        sound = understood and verdicts[0].state is State.VERIFIED
        if sound:  # then it says how its bytes were made, which is another text to understand
            _understood(lambda: verify(home.made, ALL))
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
        made = _understood(lambda: execute(compiled, out, backend="reference", threads=1))
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
            read = _understood(lambda: inspect_checkpoint(str(path.parent)))
            spec = home.root / f"{path.parent.name}.merge"
            planned = _understood(lambda: compile_spec(spec))
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
            again = _understood(
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


TARGETS: Mapping[str, Callable[[], Target] | Callable[[Home], Target]] = {
    "header": header,
    "index": index,
    "config": config,
    "journal": journals,
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
    made: Callable[..., Target] = TARGETS[name]
    memory = Path("/dev/shm")
    with (
        offline_mode(),
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
    ):
        needs_home = len(inspect.signature(made).parameters) > 0
        yield made(Home(Path(folder))) if needs_home else made()
