"""NaN and infinities in sources: refused, computed with, or taken from the base, and told."""

import json
from pathlib import Path
from typing import Any

import pytest

from mergec.backends.registry import installed_backends
from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.toy_checkpoints import weights

TENSOR = "layers.0.mlp.weight"
MERGES = {
    "linear": "base + 0.75*(bad - base) + 0.1*(math - base)",
    "ties": "ties(base, bad, math; density=0.5)",
    "dare": "base + 0.5*dare(bad - base; density=0.5) + 0.25*(math - base)",
}
SOURCES = ('base = model("./base")', 'bad = model("./bad")', 'math = model("./math")')


def spoiled(*patterns: int) -> None:
    """`code` as `bad`, with bit patterns of bf16 at the start of one tensor."""
    table = weights("code")
    dtype, shape, data = table[TENSOR]
    odd = b"".join(pattern.to_bytes(2, "little") for pattern in patterns)
    Path("bad").mkdir(exist_ok=True)
    odd_table = {**table, TENSOR: (dtype, shape, odd + data[len(odd) :])}
    Path("bad/model.safetensors").write_bytes(file_of(odd_table))


def spec(child: str, policy: str) -> None:
    write_spec(*SOURCES, f"child = {child}", f"export child {{ nonfinite = {policy} }}")


def test_by_default_and_by_name_they_are_refused(mergec: Mergec) -> None:
    spoiled(0x7FC0, 0xFF80)
    spec(MERGES["linear"], "error")
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, "E805", 9)
    assert outcome.err.endswith("nothing was written to out\n")


@pytest.mark.parametrize("name", MERGES)
def test_what_propagates_is_the_same_on_all_backends(mergec: Mergec, name: str) -> None:
    spoiled(0x7FC1, 0xFFC0, 0x7F80, 0xFF80, 0x7F81)
    spec(MERGES[name], "propagate")
    made: dict[str, tuple[bytes, Any]] = {}
    for backend in installed_backends():
        outcome = mergec("run", "spec.merge", "-o", backend, "--backend", backend)
        assert (outcome.status, outcome.codes) == (0, ["W804"]), outcome.err
        lineage = json.loads(Path(backend, "lineage.json").read_text())
        counted = lineage["predicate"]["runDetails"]["mergec_run"]["counted"]
        made[backend] = (Path(backend, "model.safetensors").read_bytes(), counted)
        assert [(it["tensor"], it["sources"]) for it in counted] == [(TENSOR, {"./bad": 5})]
    assert all(found == made["reference"] for found in made.values())
    assert mergec("verify", "reference", "--replay", "full").status == 0


@pytest.mark.parametrize("name", MERGES)
def test_the_base_stands_in_their_place(mergec: Mergec, name: str) -> None:
    spoiled(0x7FC1, 0xFF80)
    spec(MERGES[name], "base")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert mergec("verify", "out", "--replay", "full").status == 0
    base = weights("base")[TENSOR][2]
    first, second = (int.from_bytes(base[at : at + 2], "little") for at in (0, 2))
    spoiled(first, second)
    write_spec(*SOURCES, f"child = {MERGES[name]}")
    assert mergec("run", "spec.merge", "-o", "mended").status == 0
    found, wanted = (Path(each, "model.safetensors").read_bytes() for each in ("out", "mended"))
    assert found == wanted


def test_the_base_itself_must_be_finite(mergec: Mergec) -> None:
    spoiled(0x7FC0)
    write_spec(*SOURCES, "child = ties(bad, base, math)", "export child { nonfinite = base }")
    refused(mergec("run", "spec.merge", "-o", "out"), "E805", 9)


@pytest.mark.parametrize(
    ("child", "said"),
    [
        ("linear(base, bad, math)", "`child` has no base"),
        ("base + 0.5*(bad - base) + 0.5*(bad - math)", "has several bases"),
        ("ties(linear(base, math), bad)", "the base of `child` is not a source but computed"),
    ],
)
def test_there_must_be_one_base(mergec: Mergec, child: str, said: str) -> None:
    spoiled()
    spec(child, "base")
    outcome = mergec("plan", "spec.merge")
    assert (outcome.codes[-1], outcome.status) == ("E824", 3)
    assert said in outcome.err


def test_exports_agree(mergec: Mergec) -> None:
    write_spec(
        'base = model("./base")',
        'code = model("./code")',
        'export linear(base, code) as "one" { nonfinite = propagate }',
        'export linear(base, code; weights=[1, 2]) as "two"',
    )
    refused(mergec("plan", "spec.merge"), "E825", 3)


def test_the_report_the_card_and_the_plan_say_it(mergec: Mergec) -> None:
    spoiled(0x7FC0, 0x7F80)
    spec(MERGES["ties"], "base")
    assert "nonfinite = base" in mergec("plan", "spec.merge").out
    outcome = mergec("run", "spec.merge", "-o", "out", "--report")
    table = outcome.out.splitlines()[-2:]
    assert table[0].split() == [
        *("tensor", "source", "not", "finite", "there"),
        *("not", "finite", "in", "the", "result", "too", "small"),
    ]
    assert table[1].split() == [TENSOR, "./bad", "2", "0", "0"]
    line = "- 2 values of `./bad` are NaN or infinite; those of `./base` stand in their place"
    assert line in Path("out/README.md").read_text().splitlines()


def test_what_is_too_small_is_counted_and_much_of_it_warned_of(mergec: Mergec) -> None:
    """Bf16 numbers far below what f16 holds, zeros aside."""
    spoiled(0x0001, 0x8080, 0x0000, 0x8000, 0x3300)
    write_spec('bad = model("./bad")', "export bad { dtype = f16 }")
    outcome = mergec("run", "spec.merge", "-o", "out", "--output-format", "json")
    (counted,) = json.loads(outcome.out)["numbers"]
    assert (counted["tensor"], counted["underflow"]) == (TENSOR, 3)
    assert outcome.codes == ["W805"]


def test_what_is_only_copied_keeps_its_bytes(mergec: Mergec) -> None:
    spoiled(0x7F81, 0xFFC3, 0x7F80)
    write_spec('bad = model("./bad")', "export bad")
    outcome = mergec("run", "spec.merge", "-o", "out", "--report")
    assert (outcome.status, outcome.codes) == (0, ["W804"])
    assert "they were copied as they are" in outcome.err
    assert outcome.out.splitlines()[-1].split() == [TENSOR, "./bad", "3", "3", "0"]
    read, written = (Path(name, "model.safetensors").read_bytes() for name in ("bad", "out"))
    data = weights("code")[TENSOR][2][6:]
    assert data in read
    assert b"\x81\x7f\xc3\xff\x80\x7f" + data in written
