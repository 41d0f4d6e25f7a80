"""`mergec lock`, and runs, plans and checks beside a lock."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mergec.api import compile_spec, work
from mergec.api.lock_work import check_lock, lock_spec
from mergec.cli.main import run_command
from mergec.plan import Plan
from mergec.plan.lock import Lock
from mergec.shards import SourceReader
from mergec.shards.locked_weights import guard_readers
from mergec.shards.read_guard import ReadGuard
from tests.end_to_end.command_line import SPEC, Mergec, refused, write_spec
from tests.lineages import statement

SPEC_FILE = Path("spec.merge")
LOCK = Path("spec.merge.lock")
CODE = Path("code/model.safetensors")


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


def test_a_lock_says_what_the_sources_are(mergec: Mergec) -> None:
    outcome = mergec("lock", "spec.merge")
    assert (outcome.status, outcome.err, outcome.made) == (0, "", {"spec.merge.lock"})
    assert outcome.out == "wrote spec.merge.lock: 3 sources, 9 files, 1.8 KB\n"
    table = json.loads(LOCK.read_text())
    assert list(table["sources"]) == ["./base", "./code", "./math"]
    assert table["operators"] == {"affine": 1, "ties": 1}
    assert str(Path.cwd()) not in LOCK.read_text()
    again = mergec("lock", "spec.merge")
    assert again.out == "nothing to change in spec.merge.lock: 3 sources, 9 files, 1.8 KB\n"
    assert mergec("lock", "spec.merge", "--check").status == 0


def test_the_text_of_a_spec_is_not_in_its_lock(mergec: Mergec) -> None:
    mergec("lock", "spec.merge")
    before = LOCK.read_bytes()
    SPEC_FILE.write_text("# A comment.\n" + SPEC.replace("0.3", "0.4"))
    assert not lock_spec(SPEC_FILE).differs
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert LOCK.read_bytes() == before


def test_a_run_beside_a_lock_is_locked_and_its_lineage_says_so(mergec: Mergec) -> None:
    assert mergec("run", "spec.merge", "-o", "without").status == 0
    mergec("lock", "spec.merge")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert statement("out").inner["lock"] == lock_spec(SPEC_FILE).lock.digest
    assert mergec("run", "spec.merge", "--unlocked", "-o", "unlocked").status == 0
    assert "lock" not in statement("unlocked").inner
    made = (Path(name, "model.safetensors") for name in ("without", "out", "unlocked"))
    assert len({path.read_bytes() for path in made}) == 1
    assert mergec("verify", "out", "--replay", "full").status == 0


def test_what_is_to_be_locked_needs_a_lock(mergec: Mergec) -> None:
    refused(mergec("run", "spec.merge", "--locked", "-o", "out"), "E870", 10)
    refused(mergec("lock", "spec.merge", "--check"), "E870", 10)


def test_another_bit_in_the_weights(mergec: Mergec) -> None:
    mergec("lock", "spec.merge")
    flip(CODE)
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, "E873", 10)
    sha = json.loads(LOCK.read_text())["sources"]["./code"]["files"][CODE.name]["sha256"]
    assert f"`{CODE}` is not the file of" in outcome.err
    assert f"`{sha}` is locked" in outcome.err
    # Without hashing nobody can tell, and nobody says that it was looked at.
    assert mergec("plan", "spec.merge").status == 0
    checked = mergec("lock", "spec.merge", "--check")
    assert checked.status == 1
    assert checked.out.startswith("~ `model.safetensors` of `./code` has the SHA-256 `")
    assert mergec("run", "spec.merge", "--unlocked", "-o", "out").status == 0


def edit_config() -> None:
    Path("base/config.json").write_text('{"model_type": "toy", "note": 1}')


def add_tokenizer() -> None:
    Path("base/tokenizer.json").write_text("{}")


def swap_sources() -> None:
    Path("code").rename("other")
    Path("math").rename("code")
    Path("other").rename("math")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (edit_config, "~ `config.json` of `./base` has 32 bytes, and "),
        (add_tokenizer, "+ `tokenizer.json` of `./base`"),
    ],
)
def test_another_small_file(mergec: Mergec, change: Callable[[], None], told: str) -> None:
    mergec("lock", "spec.merge")
    change()
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, "E873", 10)
    assert told in outcome.err
    for command in (["plan"], ["check"]):
        outcome = mergec(*command, "spec.merge")
        assert (outcome.codes, outcome.status) == (["W871"], 0)
        assert told in outcome.err
    assert mergec("check", "spec.merge", "--spec-only").codes == []


def test_sources_that_changed_places(mergec: Mergec) -> None:
    mergec("lock", "spec.merge")
    swap_sources()
    refused(mergec("run", "spec.merge", "-o", "out"), "E873", 10)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (SPEC.replace("./math", "./instruct"), "+ source `./instruct`, model `./instruct`"),
        ('a = model("./base")\nb = model("./code")\nchild = linear(a, b)\n', "- source `./math`"),
        (SPEC.replace("ties(base, code, math; density=0.3)", "linear(base, code, math)"), "`ties`"),
    ],
)
def test_a_spec_that_asks_for_something_else(mergec: Mergec, spec: str, told: str) -> None:
    mergec("lock", "spec.merge")
    SPEC_FILE.write_text(spec)
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, "E872", 10)
    assert told in outcome.err
    assert mergec("run", "spec.merge", "--unlocked", "-o", "out").status == 0


def test_another_revision_of_an_operator(mergec: Mergec) -> None:
    mergec("lock", "spec.merge")
    table = json.loads(LOCK.read_text())
    table["operators"]["ties"] = 0
    LOCK.write_text(json.dumps(table))
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, "E872", 10)
    assert "operator `ties` has revision 1, and 0 is locked" in outcome.err


def test_a_broken_lock_stops_all_that_would_use_it(mergec: Mergec) -> None:
    LOCK.write_text("{}")
    for command in (["run", "-o", "out"], ["plan"], ["check"], ["lock"], ["lock", "--check"]):
        refused(mergec(command[0], "spec.merge", *command[1:]), "E871", 10)
    assert mergec("run", "spec.merge", "--unlocked", "-o", "out").status == 0


def test_locking_again_takes_what_is_there(mergec: Mergec) -> None:
    mergec("lock", "spec.merge")
    flip(CODE)
    edit_config()
    one = lock_spec(SPEC_FILE, upgrade=["code"])
    assert [change.text.split(" has ")[0] for change in one.changes] == [
        "`model.safetensors` of `./code`"
    ]
    assert one.before is not None
    assert one.lock.sources["./base"] == one.before.sources["./base"]
    assert len(lock_spec(SPEC_FILE).changes) == len(check_lock(SPEC_FILE).changes) == 2
    assert run_command(["lock", "spec.merge", "--upgrade", "code"]) == 0
    assert run_command(["lock", "spec.merge", "--check"]) == 1
    assert run_command(["lock", "spec.merge"]) == 0
    assert run_command(["lock", "spec.merge", "--check"]) == 0
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert mergec("lock", "spec.merge", "--upgrade", "nobody").status == 2


def test_a_file_alone_and_an_adapter(mergec: Mergec) -> None:
    write_spec(
        'a = model("./base/model.safetensors")', 'l = adapter("./lora")', "child = a + 0.5*l"
    )
    assert mergec("lock", "spec.merge").status == 0
    sources = json.loads(LOCK.read_text())["sources"]
    alone, lora = sources["./base/model.safetensors"], sources["./lora"]
    assert (alone["kind"], [*alone["files"]]) == ("model", ["model.safetensors"])
    assert lora["kind"] == "adapter"
    assert [*lora["files"]] == ["adapter_config.json", "adapter_model.safetensors"]
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    flip(Path("lora/adapter_model.safetensors"))
    refused(mergec("run", "spec.merge", "-o", "again"), "E873", 10)


def test_a_plan_is_run_by_the_lock_of_its_spec(mergec: Mergec) -> None:
    mergec("lock", "spec.merge")
    mergec("plan", "spec.merge", "-o", "child.json")
    assert mergec("run", "child.json", "-o", "out").status == 0
    flip(CODE)
    refused(mergec("run", "child.json", "-o", "again"), "E873", 10)


@pytest.mark.parametrize("backend", ["reference", "native"])
def test_all_bytes_that_a_run_reads_are_compared(
    mergec: Mergec, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    shutil.copytree("counting", "again")  # an integer tensor is copied, and compared between them
    write_spec('a = model("./counting")', 'b = model("./again")', "child = ties(a, b; density=0.5)")
    mergec("lock", "spec.merge")
    passed: list[int] = []
    feed = ReadGuard.feed

    def counted(self: ReadGuard, file: str, offset: int, data: memoryview) -> None:
        passed.append(len(data))
        feed(self, file, offset, data)

    monkeypatch.setattr(ReadGuard, "feed", counted)
    assert mergec("run", "spec.merge", "--backend", backend, "-o", "out").status == 0
    assert sum(passed) >= compile_spec(SPEC_FILE).plan.bytes_read > 0


Meddle = Callable[[], object]


def meddling(monkeypatch: pytest.MonkeyPatch, meddle: Meddle) -> None:
    """Something else happens to the files as soon as they were found to be the locked ones."""

    def guarded(
        plan: Plan, readers: Mapping[str, SourceReader], lock: Lock, *others: object, cached: bool
    ) -> None:
        guard_readers(plan, readers, lock, Path(LOCK), 1, cached=cached)
        meddle()

    monkeypatch.setattr(work, "guard_readers", guarded)


def written_in_place() -> None:
    status = CODE.stat()
    flip(CODE)
    os.utime(CODE, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_weights_that_are_written_to_during_the_run(
    mergec: Mergec, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_command(["lock", "spec.merge"])
    meddling(monkeypatch, written_in_place)
    status = run_command(["run", "spec.merge", "-o", "out"])
    assert status == 10
    assert not Path("out").exists()


def test_the_finding_names_file_tensor_and_digests(
    mergec: Mergec, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(["lock", "spec.merge"])
    meddling(monkeypatch, written_in_place)
    run_command(["run", "spec.merge", "-o", "out"])
    err = capsys.readouterr().err
    assert "error[E874]: the bytes of tensor `norm.weight` that were read from `code/model" in err
    assert "the SHA-256 should be `" in err


def replaced_by_the_same() -> None:
    beside = CODE.with_name("beside")
    beside.write_bytes(CODE.read_bytes())
    beside.replace(CODE)


@pytest.mark.parametrize("meddle", [replaced_by_the_same, lambda: os.utime(CODE)])
def test_the_same_bytes_in_a_file_that_was_touched(
    mergec: Mergec, monkeypatch: pytest.MonkeyPatch, meddle: Meddle
) -> None:
    run_command(["lock", "spec.merge"])
    meddling(monkeypatch, meddle)
    assert run_command(["run", "spec.merge", "-o", "out"]) == 0
