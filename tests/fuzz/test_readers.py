"""Files that come from elsewhere, changed at random: each is understood or refused with reasons.

`make faults` has a fuzzer look for such changes, guided by what code they reach.
"""

from collections.abc import Generator
from random import Random

import pytest

from tests.catalog.safetensors_bytes import framed
from tests.faults.tally import tally
from tests.fuzz import project_targets, reader_targets, readers
from tests.fuzz.byte_mutations import mutated, tokens
from tests.fuzz.project_targets import open_target
from tests.fuzz.reader_targets import Target

COUNTS = {
    "header": 600,
    "index": 300,
    "config": 300,
    "journal": 300,
    "lock": 100,
    "plan": 40,
    "lineage": 60,
    "small-files": 20,
    "names": 30,
    "resume": 10,
}


@pytest.fixture(params=COUNTS)
def target(request: pytest.FixtureRequest) -> Generator[tuple[str, Target]]:
    with open_target(request.param) as opened:
        yield request.param, opened


def test_changed_files_are_understood_or_refused(target: tuple[str, Target]) -> None:
    name, reader = target
    random = Random(7)
    assert reader.check(reader.seeds[0])
    for _ in range(COUNTS[name]):
        reader.check(reader.mutated(random, random.choice(reader.seeds)))
    tally(f"fuzz {name}", executions=COUNTS[name])


def test_all_targets_are_tried() -> None:
    assert [*COUNTS] == [*readers.NAMES] == [*reader_targets.TARGETS, *project_targets.TARGETS]


def test_tokens_are_all_of_a_text() -> None:
    random, text = Random(3), b'{"a\\"b": [1, -2.5e3, null], "\xff'
    for _ in range(200):
        assert b"".join(tokens(text)) == text
        text = mutated(random, text, [b'{"c": {}}'])[:400]


def test_what_breaks_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that reads something else than we do, and a reader that throws."""

    def reads_nothing(_: object) -> list[object]:
        return []

    def throws(*_: object) -> object:
        raise RecursionError

    with open_target("header") as target:
        good = framed('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1")
        assert target.check(good)
        monkeypatch.setattr("safetensors.deserialize", reads_nothing)
        with pytest.raises(AssertionError):
            target.check(good)
    with open_target("index") as target:
        monkeypatch.setattr("tests.fuzz.reader_targets.read_index", throws)
        with pytest.raises(RecursionError):
            target.check(b"{}")
