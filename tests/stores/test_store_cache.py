"""The cache of small files: bounded, tidied by age, and never anybody else's files."""

import os
import time
from pathlib import Path

import pytest

from mergec.catalog import store_cache_size
from mergec.catalog.store_cache_size import clean_cache
from tests.end_to_end.command_line import Mergec
from tests.hub.at_loopback import toy
from tests.hub.loopback_hub import small
from tests.stores.loopback_web import LoopbackWeb

DAY = 24 * 3600
_AGES = (("a", 3), ("b", 5), ("c", 2))


def aged(folder: Path, days: float, size: int = 10) -> Path:
    """A folder of the cache that was last used so many days ago."""
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_bytes(bytes(size))
    when = time.time() - days * DAY
    os.utime(folder, (when, when))
    return folder


def states(folder: Path) -> set[Path]:
    return {path for path in folder.iterdir() if len(path.name) == 40}


def test_cleaning_removes_what_was_not_used_for_a_day(stores: Path) -> None:
    assert clean_cache().folders == 0
    old, new = aged(stores / ("a" * 40), 2), aged(stores / ("b" * 40), 0.5)
    left = aged(stores / f".gone-{'c' * 40}", 0)
    mine = aged(stores / "mine", 9)
    (stores / ("d" * 40)).symlink_to(mine)
    cleaned = clean_cache()
    assert (cleaned.folders, cleaned.nbytes) == (1, 10)
    assert not old.exists()
    assert not left.exists()
    assert new.exists()
    assert (mine / "tokenizer.json").exists()


def test_the_command_removes_it_and_says_how_much(mergec: Mergec, stores: Path) -> None:
    old = aged(stores / ("a" * 40), 2)
    outcome = mergec("clean", "--cache")
    assert (outcome.status, outcome.out) == (0, "removed small files of 1 state of stores, 10 B\n")
    assert not old.exists()
    assert mergec("clean").status == 2


def test_above_its_bound_what_was_used_longest_ago_goes(
    mergec: Mergec, web: LoopbackWeb, stores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_cache_size, "MAX_BYTES", 250)
    folders = [aged(stores / (letter * 40), days, 100) for letter, days in _AGES]
    web.put("base", {**toy("base"), "tokenizer.json": small("{}")})
    assert mergec("inspect", f"{web.address}/base").status == 0
    assert [folder.exists() for folder in folders] == [True, False, True]
    used = states(stores) - {*folders}
    assert len(used) == 1
    # A second look brings nothing, and looks at nothing else.
    monkeypatch.setattr(store_cache_size, "MAX_BYTES", 0)
    assert mergec("inspect", f"{web.address}/base").status == 0
    assert folders[0].exists()


def test_a_look_counts_as_use(mergec: Mergec, web: LoopbackWeb, stores: Path) -> None:
    web.put("base", toy("base"))
    assert mergec("inspect", f"{web.address}/base").status == 0
    (folder,) = states(stores)
    long_ago = time.time() - 9 * DAY
    os.utime(folder, (long_ago, long_ago))
    assert mergec("inspect", f"{web.address}/base").status == 0
    assert clean_cache().folders == 0
