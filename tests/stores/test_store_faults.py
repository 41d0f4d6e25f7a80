"""What can be wrong with a store, or on the way there; each at its place in the spec."""

import json
from pathlib import Path

import pytest

from mergec.api import compile_spec, execute
from mergec.catalog.store import MOST_OBJECTS
from mergec.diagnostics import MergecError
from tests.end_to_end.command_line import Mergec, Outcome, refused, write_spec
from tests.hub.at_loopback import sharded, toy, vast
from tests.hub.loopback_hub import Blob, small, whole
from tests.stores.loopback_s3 import LoopbackS3
from tests.stores.loopback_web import Fault, LoopbackWeb
from tests.toy_checkpoints import weights

WEIGHTS = "m/model.safetensors"


@pytest.fixture(autouse=True)
def spec(mergec: Mergec, web: LoopbackWeb) -> None:
    web.put("m", toy("code"))
    write_spec('a = model("./base")', f'b = model("{web.address}/m/")', "child = linear(a, b)")


def told(outcome: Outcome, code: str, *words: str, status: int = 4) -> None:
    """Refused with one finding at the second source, and a way on."""
    refused(outcome, code, status)
    assert "--> spec.merge:2:5" in outcome.err
    assert "= help: " in outcome.err
    for each in words:
        assert each in outcome.err


@pytest.mark.parametrize("fault", ["cut", "busy", "limited"])
def test_what_passes_is_tried_again(mergec: Mergec, web: LoopbackWeb, fault: Fault) -> None:
    web.faults[WEIGHTS] = [fault] * 3
    web.faults["config.json"] = [fault]
    outcome = mergec("check", "spec.merge")
    assert (outcome.status, outcome.err) == (0, "")
    assert web.faults[WEIGHTS] == []


def test_what_breaks_off_is_taken_up_where_it_ended(
    mergec: Mergec, web: LoopbackWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergec.catalog.store._CHUNK", 1)
    web.faults[WEIGHTS] = ["cut", "cut"]
    assert mergec("check", "spec.merge").status == 0
    size = web.files[f"/{WEIGHTS}"].size
    first, second = size // 2, (size // 2 + size) // 2
    assert web.ranges(WEIGHTS) == [f"bytes={at}-{size - 1}" for at in (0, first, second)]
    assert web.sent[f"/{WEIGHTS}"] == size


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("cut", "E744", "the connection broke off for `model.safetensors`"),
        ("busy", "E744", "status 503"),
        ("limited", "E744", "status 429"),
        ("denied", "E742", "may not be read"),
        ("circle", "E744", "from address to address without end"),
        ("ranges ignored", "E748", "bytes that were asked for"),
        ("wrong range", "E748", "bytes that were asked for"),
        ("compressed", "E748", "compresses what it sends"),
    ],
)
def test_what_does_not_pass(
    mergec: Mergec, web: LoopbackWeb, fault: Fault, code: str, words: str
) -> None:
    web.faults[WEIGHTS] = [fault] * 99
    told(mergec("check", "spec.merge"), code, words)
    assert len(web.faults[WEIGHTS]) >= 95 - 10 * (fault == "circle")


def test_a_server_without_ranges_is_not_read_into_memory(mergec: Mergec, web: LoopbackWeb) -> None:
    web.put("m", {"model.safetensors": vast(tensors=4, elements=100_000_000)})
    web.faults[WEIGHTS] = ["ranges ignored"]
    told(mergec("check", "spec.merge"), "E748")
    # What was not sent is not in memory. Some was on its way when the connection was closed.
    assert web.sent[f"/{WEIGHTS}"] < 64 << 20


@pytest.mark.parametrize("fault", ["cut", "gone", "busy"])
def test_weights_that_break_off_for_good_leave_nothing(
    mergec: Mergec, web: LoopbackWeb, tmp_path: Path, fault: Fault
) -> None:
    compiled = compile_spec(Path("spec.merge"))
    web.faults[WEIGHTS] = [fault] * 99
    with pytest.raises(MergecError) as caught:
        execute(compiled, tmp_path / "out")
    (found,) = caught.value.diagnostics
    assert found.code == ("E745" if fault == "gone" else "E744")
    assert "`model.safetensors`" in found.message
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


@pytest.mark.parametrize("tags", ["strong", "weak"])
@pytest.mark.parametrize("what", ["bytes", "size", "header"])
def test_weights_that_are_written_again(web: LoopbackWeb, tags: str, what: str) -> None:
    web.tags = "strong" if tags == "strong" else "weak"
    compiled = compile_spec(Path("spec.merge"))
    other = toy("math")["model.safetensors"]
    if what != "bytes":
        other = Blob(other.head.replace(b"pt", b"tf"), other.size + (what == "size"), apart=True)
    web.put("m", {"model.safetensors": other})
    web.written += 5 if what == "bytes" else 0
    with pytest.raises(MergecError) as caught:
        execute(compiled, Path("out"))
    assert [found.code for found in caught.value.diagnostics] == ["E745"]
    assert not Path("out").exists()


def test_a_web_page_in_place_of_every_file(mergec: Mergec, web: LoopbackWeb) -> None:
    web.page = b"<!DOCTYPE html><html><title>Log in</title></html>"
    told(mergec("check", "spec.merge"), "E744", "a web page in place of")
    web.files.clear()
    told(mergec("check", "spec.merge"), "E744", "a web page in place of")


def test_nothing_is_there(mergec: Mergec, web: LoopbackWeb) -> None:
    web.files.clear()
    told(mergec("check", "spec.merge"), "E743", "neither `model.safetensors` nor")


def test_everything_is_forbidden(mergec: Mergec, web: LoopbackWeb) -> None:
    write_spec(
        'a = model("./base")',
        f'b = model("{web.address}/m/model.safetensors")',
        "child = linear(a, b)",
    )
    web.faults[WEIGHTS] = ["denied"]
    told(mergec("check", "spec.merge"), "E742")


@pytest.mark.parametrize("word", [2**63 + 1, 2**64 - 1, 25_000_001])
def test_a_header_of_impossible_length(mergec: Mergec, web: LoopbackWeb, word: int) -> None:
    head = word.to_bytes(8, "little") + b"{}"
    web.put("m", {"model.safetensors": Blob(head, 50_000_000)})
    told(mergec("check", "spec.merge"), "E708")
    assert web.sent[f"/{WEIGHTS}"] == 32 << 10


def test_a_file_without_a_byte(mergec: Mergec, web: LoopbackWeb) -> None:
    web.put("m", {"model.safetensors": Blob(b"", 0)})
    told(mergec("check", "spec.merge"), "E703")


@pytest.mark.parametrize(
    "name", ["../secret.safetensors", "/x.safetensors", "..%2fx.safetensors", "a\\x.safetensors"]
)
def test_an_index_that_leads_outside(mergec: Mergec, web: LoopbackWeb, name: str) -> None:
    del web.files[f"/{WEIGHTS}"]
    web.put("m", {"model.safetensors.index.json": small(json.dumps({"weight_map": {"x": name}}))})
    told(mergec("check", "spec.merge"), "E712", status=12)
    assert not any("secret" in each.path or "x.safe" in each.path for each in web.asked)


@pytest.mark.slow
def test_a_thousand_shards_and_those_that_are_missing(mergec: Mergec, web: LoopbackWeb) -> None:
    del web.files[f"/{WEIGHTS}"]
    many = {f"layers.{n}.weight": weights("code")["norm.weight"] for n in range(1000)}
    files = sharded(many, 1000)
    web.put("m", files)
    write_spec(f'a = model("{web.address}/m/")', "child = linear(a, a)")
    assert mergec("check", "spec.merge").status == 0
    assert len(web.ranges(".safetensors")) == 1000
    for name in sorted(files)[:3]:
        del web.files[f"/m/{name}"]
    outcome = mergec("check", "spec.merge")
    assert (outcome.codes[0], outcome.status) == ("E711", 4)
    assert "3 shards" in outcome.err


def test_small_files_that_fill_the_disk(mergec: Mergec, web: LoopbackWeb) -> None:
    names = ("tokenizer.json", "vocab.json", "merges.txt")
    web.put("m", {name: Blob(b"{", 200 << 20) for name in names})
    told(mergec("check", "spec.merge"), "E747", "629,145,")
    assert not any(each.range for each in web.asked)


def test_names_that_are_no_names_of_files(mergec: Mergec, s3: LoopbackS3) -> None:
    s3.bucket("models")
    odd = {"tokenizer\u202e.json": small("{}"), ".tokenizer.json": small("{}")}
    s3.put("models/m", toy("code") | odd)
    write_spec('a = model("s3://models/m")', 'b = model("./base")', "child = linear(a, b)")
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.status, outcome.err) == (0, "")
    assert [each for each in outcome.made if "tokenizer" in each] == ["out/tokenizer.json"]


def test_a_folder_with_more_objects_than_a_checkpoint_has(
    mergec: Mergec, s3: LoopbackS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_OBJECTS == 100_000
    monkeypatch.setattr("mergec.catalog.store.MOST_OBJECTS", 3)
    s3.bucket("models")
    s3.put("models/m", toy("code"))
    write_spec('a = model("./base")', 'b = model("s3://models/m")', "child = linear(a, b)")
    told(mergec("check", "spec.merge"), "E747")


def test_a_cache_that_cannot_be_written(mergec: Mergec, web: LoopbackWeb, stores: Path) -> None:
    stores.parent.mkdir()
    stores.write_text("a file in its place")
    told(mergec("check", "spec.merge"), "E715", status=8)


def test_a_second_look_reads_the_header_that_was_planned(mergec: Mergec, web: LoopbackWeb) -> None:
    web.tags = "none"
    compiled = compile_spec(Path("spec.merge"))
    head = whole(toy("code")["model.safetensors"].head.replace(b"norm", b"mron"))
    web.put("m", {"model.safetensors": head})
    with pytest.raises(MergecError, match="its header is another"):
        execute(compiled, Path("out"))
