"""Every exit status of docs/exit-codes.md is one that commands really end with."""

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mergec.diagnostics import CODES
from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import ROOT, Mergec, write_spec
from tests.toy_checkpoints import weights

RUN = ("run", "spec.merge", "-o", "out")
Patch = pytest.MonkeyPatch


def nothing(_: Patch) -> None:
    return


def spec(*lines: str) -> Callable[[Patch], None]:
    return lambda _: write_spec(*lines)


def untidy(_: Patch) -> None:
    Path("spec.merge").write_text('a=model( "./base" )\n')


def pickled(_: Patch) -> None:
    Path("code/model.safetensors").rename("code/pytorch_model.bin")


def not_a_number(_: Patch) -> None:
    table = weights("code")
    dtype, shape, data = table["norm.weight"]
    odd = {**table, "norm.weight": (dtype, shape, b"\xc0\x7f" + data[2:])}
    Path("code/model.safetensors").write_bytes(file_of(odd))


def not_read(patch: Patch) -> None:
    def broken(*_: Any) -> Any:
        raise OSError(5, "Input/output error")

    patch.setattr("os.preadv", broken)


def not_as_recorded(_: Patch) -> None:
    Path("spec.merge").rename("made.merge")
    main = importlib.import_module("mergec.cli.main")
    assert main.run_command(["run", "made.merge", "-o", "made", "-q"]) == 0
    weights = Path("made/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x55")


def sources_gone(_: Patch) -> None:
    main = importlib.import_module("mergec.cli.main")
    assert main.run_command(["run", "spec.merge", "-o", "made", "-q"]) == 0
    Path("code").rename("moved")


def fused(patch: Patch) -> None:
    module = importlib.import_module("mergec.backends.self_test")

    def other(_: object) -> str:
        return "other"

    patch.setitem(module._CLAIMS, "reduce", (other, "2.0"))


def defect(patch: Patch) -> None:
    def bug(*_: Any, **__: Any) -> Any:
        raise AssertionError("found in a test")

    patch.setattr("mergec.api.locking.compile_locked", bug)


def ends_with(error: BaseException) -> Callable[[Patch], None]:
    def prepare(patch: Patch) -> None:
        def stop(*_: Any, **__: Any) -> Any:
            raise error

        patch.setattr("mergec.api.locking.compile_locked", stop)

    return prepare


def terminated(status: int) -> BaseException:
    main: Any = importlib.import_module("mergec.cli.main")
    error: BaseException = main._Terminated(status)
    return error


SHAPES = spec('a = model("./base")', 'b = model("./wide")', "child = linear(a, b)")
# Of each status one way to it: what is prepared, and the command.
WAYS: dict[int, tuple[Callable[[Patch], None], tuple[str, ...]]] = {
    0: (nothing, RUN),
    1: (untidy, ("fmt", "--check", "spec.merge")),
    2: (nothing, ("run", "--no-such-option")),
    3: (spec("child = "), RUN),
    4: (spec('child = linear(model("./nowhere"), model("./base"))'), RUN),
    5: (SHAPES, RUN),
    6: (nothing, (*RUN, "--memory", "1B")),
    7: (nothing, ("run", "spec.merge", "-o", "base")),
    8: (not_read, (*RUN, "--backend", "reference")),
    9: (not_a_number, RUN),
    10: (not_as_recorded, ("verify", "made")),
    12: (pickled, RUN),
    13: (fused, (*RUN, "--backend", "reference")),
    14: (sources_gone, ("verify", "made", "--replay", "full")),
    70: (defect, RUN),
    129: (ends_with(terminated(129)), RUN),
    130: (ends_with(KeyboardInterrupt()), RUN),
    141: (ends_with(BrokenPipeError()), RUN),
    143: (ends_with(terminated(143)), RUN),
}


def documented() -> set[int]:
    page = (ROOT / "docs" / "exit-codes.md").read_text("utf-8")
    cells = re.findall(r"^\| ([\d, ]+) \|", page, re.MULTILINE)
    return {int(status) for cell in cells for status in cell.split(",")}


def test_the_page_has_every_status_and_no_other() -> None:
    assert documented() == WAYS.keys()
    assert {code.exit for name, code in CODES.items() if name.startswith("E")} <= documented()


@pytest.mark.parametrize("status", [each for each in WAYS if each not in (70, 141)])
def test_commands_end_with_it(mergec: Mergec, monkeypatch: Patch, status: int) -> None:
    prepare, command = WAYS[status]
    prepare(monkeypatch)
    assert mergec(*command).status == status


@pytest.mark.parametrize("status", [70, 141])
def test_commands_end_with_it_however_it_is_said(
    tmp_path: Path, monkeypatch: Patch, capfd: pytest.CaptureFixture[str], status: int
) -> None:
    """What is said is no diagnostic, or standard output is given away."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.merge").write_text("")
    prepare, command = WAYS[status]
    prepare(monkeypatch)

    def kept(*_: int) -> int:
        return 0

    monkeypatch.setattr("os.dup2", kept)
    main = importlib.import_module("mergec.cli.main")
    assert main.run_command([*command]) == status
    assert ("this is a bug in mergec" in capfd.readouterr().err) == (status == 70)
