"""`mergec lineage` of a child on a hub: one small file is fetched, within its limit."""

from pathlib import Path

import pytest

from tests.end_to_end.command_line import Mergec, refused
from tests.hub.at_loopback import toy
from tests.hub.loopback_hub import Blob, LoopbackHub, small


@pytest.fixture
def child(mergec: Mergec, hub: LoopbackHub) -> str:
    """A child that was published; what `mergec lineage` draws of it."""
    assert mergec("run", "spec.merge", "-o", "made").status == 0
    files = {"lineage.json": small(Path("made/lineage.json").read_text())}
    hub.commit("org/child", toy("base", **files))
    return mergec("lineage", "made").out


def test_its_lineage_is_fetched_alone(mergec: Mergec, hub: LoopbackHub, child: str) -> None:
    hub.sent.clear()
    found = mergec("lineage", "org/child@main")
    assert (found.status, found.err, found.out) == (0, "", child)
    assert [*hub.sent] == ["answers", "lineage.json"]


def test_without_a_revision_it_is_a_folder(mergec: Mergec, hub: LoopbackHub, child: str) -> None:
    found = mergec("lineage", "org/child")
    refused(found, "E822", 4)
    assert "as in `org/child@main`" in found.err
    assert not hub.sent


def test_a_model_that_was_not_merged(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    found = mergec("lineage", "org/base@main")
    refused(found, "E822", 4)
    assert "`org/base@main` has no `lineage.json`" in found.err


def test_a_file_that_is_too_large_is_not_fetched(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base", **{"lineage.json": Blob(b"{", (64 << 20) + 1)}))
    found = mergec("lineage", "org/base@main")
    refused(found, "E823", 4)
    assert "`lineage.json` of `org/base@main` is 67,108,865 bytes long" in found.err
    assert not hub.sent["lineage.json"]


def test_a_file_that_is_none(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base", **{"lineage.json": small("<html>")}))
    refused(mergec("lineage", "org/base@main"), "E823", 4)


def test_what_does_not_exist_and_offline(mergec: Mergec, hub: LoopbackHub, child: str) -> None:
    refused(mergec("lineage", "org/none@main"), "E723", 4)
    refused(mergec("lineage", "org/child@v9"), "E724", 4)
    refused(mergec("lineage", "org/child@main", "--offline"), "E727", 4)
    assert mergec("inspect", "org/child").status == 0  # which brings small files into the cache
    assert mergec("lineage", "org/child@main", "--offline").out == child
