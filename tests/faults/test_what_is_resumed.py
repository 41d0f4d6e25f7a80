"""What a resumed run believes, what it refuses, and what stays after a failure."""

import errno
import os
import re
import resource
import signal
from pathlib import Path

import pytest

from mergec.execute.fingerprint import differs
from mergec.shards import Files, journal, partials
from tests.faults.injected import (
    RESUME,
    RUN,
    SPEC,
    Case,
    after_claims,
    files_of,
    kill,
    left_over,
    messages,
    printed_codes,
    run_child,
    undisturbed,
)

OUT = Path("out")


def resumed(whole: Case) -> None:
    assert run_child(RESUME, undisturbed) == 0, messages()
    assert files_of(OUT) == whole
    assert left_over() == []


def journal_of(partial: Path) -> Path:
    return partial / journal.NAME


def test_the_same_bytes_and_fewer_steps(whole: Case, partial: Path) -> None:
    (found,) = partials(OUT)
    assert (found.path, len(found.read().lines)) == (partial, 1 + 3)
    verbose = tuple(word for word in RESUME if word != "-q")
    assert run_child(verbose, undisturbed) == 0
    assert "note: 3 tensors had been made by the run before" in messages()
    assert files_of(OUT) == whole


def test_bits_that_changed_on_the_disk(whole: Case, partial: Path) -> None:
    for shard in partial.glob("result/*/*.safetensors"):
        raw = bytearray(shard.read_bytes())
        for place in range(8, len(raw), 16):
            raw[place] ^= 1
        shard.write_bytes(raw)
    resumed(whole)


def test_lost_tensors_are_told(whole: Case, partial: Path) -> None:
    for shard in partial.glob("result/*/*.safetensors"):
        shard.write_bytes(bytes(10))
    verbose = tuple(word for word in RESUME if word != "-q")
    assert run_child(verbose, undisturbed) == 0
    assert printed_codes() == ["W851"]
    assert "3 tensors of the run before had other bytes" in messages()
    assert files_of(OUT) == whole


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_torn_end_of_the_journal(whole: Case, partial: Path, cut: int) -> None:
    raw = journal_of(partial).read_bytes().rstrip(b"\0")
    journal_of(partial).write_bytes(raw[:-cut] + b"rubbish\n\xff")
    resumed(whole)


def test_a_journal_that_changed_in_the_middle(whole: Case, partial: Path) -> None:
    first, second, third, *rest = journal_of(partial).read_bytes().split(b"\n")
    changed = third.replace(b"skill", b"skull")
    journal_of(partial).write_bytes(b"\n".join([first, second, changed, *rest]))
    (found,) = partials(OUT)
    assert len(found.read().lines) == 2
    resumed(whole)


def test_files_that_the_run_before_had_begun(whole: Case, partial: Path) -> None:
    (partial / "result" / "skill" / "README.md").write_text("half of a ca")
    (partial / "result" / "stray").write_text("")
    resumed(whole)


def test_another_spec(whole: Case, partial: Path) -> None:
    Path("spec.merge").write_text(SPEC.replace("0.3", "0.4"))
    assert run_child(RESUME, undisturbed) == 10
    assert printed_codes() == ["E851"]
    assert "the plan is another: the spec, its parameters or its passes changed" in messages()
    Path("spec.merge").write_text("# Said otherwise.\n" + SPEC)
    assert run_child(RESUME, undisturbed) == 0
    assert {**files_of(OUT), **{k: b"" for k in whole if k.endswith((".md", ".json"))}} == {
        **whole,
        **{k: b"" for k in whole if k.endswith((".md", ".json"))},
    }
    assert not partial.exists()


def test_a_source_of_the_same_header(whole: Case, partial: Path) -> None:
    weights = Path("code/model.safetensors")
    raw, before = weights.read_bytes(), weights.stat()
    weights.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    assert run_child(RESUME, undisturbed) == 10
    assert printed_codes() == ["E851"]
    assert "source `./code` changed" in messages()
    weights.write_bytes(raw)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    resumed(whole)


def test_other_arithmetic(partial: Path) -> None:
    (found,) = partials(OUT)
    before = found.header
    assert before is not None
    other = {"backend": "torch", "model": "Maker X1"}
    now = {**before, "tool": "9", "numbers": {**before["numbers"], **other}}
    (refused,) = differs(before, now, partial).diagnostics
    assert refused.code == "E851"
    assert refused.notes == (
        f"it was begun by mergec `{before['tool']}`, and this is `9`",
        "what computes: `backend` changed from `reference` to `torch`",
        "what computes: `model` changed from `None` to `Maker X1`",
    )


def test_the_name_was_taken_before_it_is_resumed(whole: Case, partial: Path) -> None:
    OUT.mkdir()
    assert run_child(RESUME, undisturbed) == 7
    assert printed_codes() == ["E801"]
    assert f"3 tensors are kept in {partial.name}" in messages()
    OUT.rmdir()
    resumed(whole)


def test_a_file_may_not_become_larger(whole: Case) -> None:
    """As where a limit is set for the user, which the system tells by an error of its own."""

    def limit(_number: int, name: str) -> None:
        if name == "mkdir":
            resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))

    assert whole
    assert run_child(RUN, limit) == 8
    assert left_over() == []


def test_a_run_that_lives(partial: Path) -> None:
    files = Files()
    descriptor = files.open(partial / ".mergec-lock", os.O_RDWR)
    assert files.lock(descriptor)
    for arguments in (RUN, RESUME):
        assert run_child(arguments, undisturbed) == 7
        assert printed_codes() == ["E850"]
        assert f"works in `{partial}`" in messages()
    assert run_child(("clean", "out", "--yes"), undisturbed) == 0
    assert "works in it" in messages()
    files.close(descriptor)
    assert partial.exists()


def test_nothing_to_resume(whole: Case) -> None:
    assert whole
    assert run_child(RESUME, undisturbed) == 7
    assert printed_codes() == ["E852"]
    assert run_child((*RESUME, "--verify", "none", "--no-digests"), undisturbed) == 2


def test_a_result_that_links_elsewhere_is_nothing_to_resume(whole: Case, partial: Path) -> None:
    (partial / "result").rename("elsewhere")
    (partial / "result").symlink_to(Path("elsewhere").absolute())
    before = files_of(Path("elsewhere"))
    assert run_child(RESUME, undisturbed) == 7
    assert run_child(("clean", "out", "--yes"), undisturbed) == 0
    assert files_of(Path("elsewhere")) == before
    assert whole


def test_a_wrong_result_is_removed(whole: Case, partial: Path) -> None:
    text = SPEC.replace("< 100", "< 0.001")
    Path("spec.merge").write_text(text)
    assert run_child(RUN, undisturbed) == 9
    assert printed_codes() == ["E816"]
    assert left_over() == [partial]
    assert "kept" not in messages()
    assert whole


def test_a_full_disk_says_how_to_go_on(whole: Case) -> None:
    def fail(name: str) -> None:
        if name == "pwrite":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert run_child(RUN, after_claims(2, fail)) == 8
    assert printed_codes() == ["E804"]
    (left,) = left_over()
    assert f"note: 2 tensors are kept in {left}\n" in messages()
    assert f"\nto go on: mergec {' '.join(RESUME)}\n" in messages()
    resumed(whole)


def test_what_is_whole_and_could_not_be_published_only_is(whole: Case) -> None:
    def fail(_number: int, name: str) -> None:
        if name == "_rename_new":
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    assert run_child(RUN, fail) == 8
    assert "8 tensors are kept in" in messages()
    resumed(whole)


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
def test_an_interrupted_run_says_how_to_go_on(
    whole: Case, number: signal.Signals, status: int, said: str
) -> None:
    told: list[str] = []

    def once(name: str) -> None:
        if not told:
            told.append(name)
            kill(number)(name)

    assert run_child(RUN, after_claims(2, once)) == status
    (left,) = left_over()
    first, state, command = messages().strip().splitlines()
    assert first == f"{said}; nothing was published"
    assert re.fullmatch(rf"[2-8] tensors are kept in {left}", state)
    assert command == f"to go on: mergec {' '.join(RESUME)}"
    resumed(whole)


def test_a_second_ctrl_c_ends_at_once(whole: Case) -> None:
    assert whole
    assert run_child(RUN, after_claims(2, kill(signal.SIGINT))) == 130
    assert "interrupted" not in messages()
    assert len(left_over()) == 1


def test_trouble_that_is_neither_of_a_source_nor_of_the_output(
    whole: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a module of Python's lies on a disk that fails."""

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "", "METADATA")

    with monkeypatch.context() as patch:
        patch.setattr("mergec.execute.run._add_companions", fail)
        assert run_child(RUN, undisturbed) == 8
    assert printed_codes() == ["E877"]
    assert "the system failed: input/output error at `METADATA`" in messages()
    assert "8 tensors are kept in" in messages()
    resumed(whole)
