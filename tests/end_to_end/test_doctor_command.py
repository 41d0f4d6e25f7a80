"""`mergec doctor`: facts of this machine, and advice that follows from them alone."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from mergec.api import doctor
from mergec.api.doctor import EXTRAS, Cache, Facts, advice, as_document
from mergec.execute.machine_memory import MemoryLimit
from mergec.shards.probe import Abilities
from tests.end_to_end.command_line import ROOT, Mergec

ABLE = Abilities(True, True, True, True, True, True)
FACTS = Facts(
    mergec="1",
    python="3.11",
    system="Linux",
    libraries={"numpy": "2"},
    extras=dict.fromkeys(EXTRAS, "1"),
    backends={"reference": None, "native": None},
    cuda=None,
    memory=(MemoryLimit("the machine", 8 << 30, 4 << 30),),
    cache=Cache("/cache", 0, 0, trusted=True),
    folder="out",
    abilities=ABLE,
    folder_fault="",
    open_files=1024,
    logins={"hub": True},
    calibrated=("native",),
)


def test_nothing_to_mend() -> None:
    assert advice(FACTS) == ()
    assert as_document(FACTS, ())["exit"] == 0


@pytest.mark.parametrize(
    ("facts", "problem", "said"),
    [
        (replace(FACTS, backends={"native": "it flushes"}), True, "use another with `--backend`"),
        (replace(FACTS, abilities=None, folder_fault="no"), True, "`out` cannot be written to: no"),
        (
            replace(FACTS, abilities=replace(ABLE, rename_without_replacing=False)),
            False,
            "cannot rename without replacing",
        ),
        (replace(FACTS, open_files=64), False, "ulimit -n 256"),
        (replace(FACTS, memory=(MemoryLimit("x", 1 << 29, None),)), False, "512 MiB of memory"),
        (replace(FACTS, extras={"native": None}), False, 'pip install "mergec[native]"'),
        (replace(FACTS, cache=replace(FACTS.cache, trusted=False)), False, "chmod go-w"),
        (replace(FACTS, calibrated=()), False, "mergec calibrate"),
    ],
)
def test_each_lack_has_its_advice(facts: Facts, problem: bool, said: str) -> None:
    (found,) = advice(facts)
    assert found.problem is problem
    assert said in f"{found.what}; {found.do}"


def test_problems_come_first() -> None:
    found = advice(replace(FACTS, calibrated=(), backends={"jax": "no"}))
    assert [each.problem for each in found] == [True, False]


def test_every_extra_is_looked_for() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert EXTRAS.keys() == tomllib.load(file)["project"]["optional-dependencies"].keys()


def test_the_command_tells_no_secret(mergec: Mergec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed_backends", lambda: ("reference",))
    monkeypatch.setattr(doctor, "_cuda", lambda: None)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "secret")
    text, data = mergec("doctor"), mergec("doctor", "--output-format", "json")
    for outcome in (text, data):
        assert (outcome.status, outcome.err, outcome.made) == (0, "", set())
        assert "secret" not in outcome.out
    document = json.loads(data.out)
    assert document["logins"]["hub"] is document["logins"]["s3"] is True
    assert document["abilities"]["sync"] is True
    assert document["backends"] == {"reference": None}


def test_a_folder_that_is_not_there(mergec: Mergec, monkeypatch: pytest.MonkeyPatch) -> None:
    def examined(_: Path) -> Facts:
        return replace(FACTS, abilities=None)

    monkeypatch.setattr(doctor, "examine", examined)
    outcome = mergec("doctor", "--folder", str(Path("nowhere")))
    assert outcome.status == 1
    assert outcome.out.splitlines()[-1].startswith("problem: ")
