"""What is fetched is on the disk before it has its name, which says after a power failure too what
is in it.
"""

import os
from pathlib import Path

import pytest

from tests.end_to_end.command_line import Mergec, write_spec
from tests.hub.at_loopback import toy
from tests.hub.loopback_hub import LoopbackHub, small
from tests.stores.loopback_web import LoopbackWeb


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was given its name by now, and was synced before."""
    synced: set[int] = set()
    found: list[Path] = []
    fsync, replace = os.fsync, os.replace

    def syncing(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def replacing(one: str | Path, other: str | Path) -> None:
        if os.stat(one).st_ino in synced:
            found.append(Path(other))
        replace(one, other)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", replacing)
    return found


def test_weights_of_a_hub(mergec: Mergec, hub: LoopbackHub, named: list[Path]) -> None:
    hub.commit("org/base", toy("base"))
    write_spec('a = model("org/base")', "child = linear(a, a)")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert any(path.parent.name == "blobs" for path in named)


def test_small_files_of_a_store(
    mergec: Mergec, web: LoopbackWeb, stores: Path, named: list[Path]
) -> None:
    web.put("base", {**toy("base"), "tokenizer.json": small("{}")})
    assert mergec("inspect", f"{web.address}/base").status == 0
    assert any(path.is_relative_to(stores) for path in named)
