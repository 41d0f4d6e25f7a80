"""`mergec lineage` of a child in an object store or on a web server."""

from pathlib import Path

import pytest

from tests.end_to_end.command_line import Mergec, refused
from tests.hub.at_loopback import toy
from tests.hub.loopback_hub import Blob, small
from tests.stores.loopback_s3 import LoopbackS3
from tests.stores.loopback_web import LoopbackWeb


@pytest.fixture
def lineage(mergec: Mergec) -> Blob:
    assert mergec("run", "spec.merge", "-o", "made").status == 0
    return small(Path("made/lineage.json").read_text())


def test_in_a_bucket(mergec: Mergec, s3: LoopbackS3, lineage: Blob) -> None:
    s3.bucket("models")
    s3.put("models/child", {"lineage.json": lineage})
    s3.put("models/base", toy("base"))
    drawn = mergec("lineage", "made").out
    found = mergec("lineage", "s3://models/child")
    assert (found.status, found.err, found.out) == (0, "", drawn)
    refused(mergec("lineage", "s3://models/base"), "E822", 4)
    refused(mergec("lineage", "s3://models/child", "--offline"), "E746", 4)


def test_on_a_web_server_one_file_is_asked_for(
    mergec: Mergec, web: LoopbackWeb, stores: Path, lineage: Blob
) -> None:
    web.put("child", {**toy("base"), "lineage.json": lineage})
    drawn = mergec("lineage", "made").out
    assert mergec("lineage", f"{web.address}/child/").out == drawn
    assert {each.path for each in web.asked} == {"/child/lineage.json"}
    assert not stores.exists()


def test_what_is_no_lineage(mergec: Mergec, web: LoopbackWeb) -> None:
    web.put("large", {"lineage.json": Blob(b"{", (64 << 20) + 1)})
    refused(mergec("lineage", f"{web.address}/large/"), "E823", 4)
    assert not web.ranges("lineage.json")
    web.put("empty", {"lineage.json": small("")})
    refused(mergec("lineage", f"{web.address}/empty/"), "E823", 4)
    web.page = b"<!doctype html><title>not found</title>"
    refused(mergec("lineage", f"{web.address}/page/"), "E744", 4)
    refused(mergec("lineage", f"{web.address}/page/model.safetensors"), "E822", 4)


def test_nothing_secret_is_repeated(mergec: Mergec) -> None:
    found = mergec("lineage", "https://models.example/code?X-Amz-Signature=0f3a")
    refused(found, "E741", 4)
    assert "0f3a" not in found.err
