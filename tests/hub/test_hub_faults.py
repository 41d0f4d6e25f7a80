"""What can be wrong with a model on a hub, or on the way there; each at its place in the spec."""

import os
import re
import signal
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from mergec.api import compile_spec
from mergec.diagnostics import MergecError
from mergec.shards.fetch import absent_files, fetch
from tests.end_to_end.command_line import Mergec, Outcome, refused, write_spec
from tests.hub.at_loopback import sharded, toy
from tests.hub.loopback_hub import Blob, Fault, LoopbackHub, small
from tests.toy_checkpoints import weights

BUSY: list[Fault] = ["busy"] * 99
CUT: list[Fault] = ["cut"] * 99


@pytest.fixture(autouse=True)
def spec(mergec: Mergec) -> None:
    write_spec('a = model("org/base")', 'b = model("org/code")', "child = linear(a, b)")


def told(outcome: Outcome, code: str, *words: str) -> None:
    """Refused with one finding at the second source, and a way on."""
    refused(outcome, code, 4)
    assert "--> spec.merge:2:5" in outcome.err
    assert "= help: " in outcome.err
    for each in words:
        assert each in outcome.err


def test_a_model_that_is_missing_or_private(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    told(mergec("check", "spec.merge"), "E723", "`org/code`", "hf auth login")


def test_with_a_token_a_missing_model_is_as_missing(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.commit("org/base", toy("base"))
    told(mergec("check", "spec.merge"), "E723", "`org/code`")


def test_a_revision_that_is_missing(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    write_spec('a = model("org/base")', 'b = model("org/code@v9")', "child = linear(a, b)")
    told(mergec("check", "spec.merge"), "E724", "no revision `v9`")


@pytest.mark.parametrize("token", [None, "hf_secret"])
def test_a_gated_model(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    hub.models["org/code"].gated = True
    told(mergec("check", "spec.merge"), "E725", "accept the terms")


def test_a_gated_model_of_weights_alone(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", {"model.safetensors": toy("code")["model.safetensors"]})
    hub.models["org/code"].gated = True
    told(mergec("check", "spec.merge"), "E725")


def test_a_header_that_breaks_off_twice_is_read_the_third_time(
    mergec: Mergec, hub: LoopbackHub
) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    hub.faults["model.safetensors"] = ["cut", "busy"]
    outcome = mergec("check", "spec.merge")
    assert (outcome.status, outcome.err) == (0, "")


def test_a_header_that_always_breaks_off(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", sharded(weights("base"), 1))
    hub.commit("org/code", toy("code"))
    hub.faults["model.safetensors"] = [*CUT]
    told(mergec("check", "spec.merge"), "E726", "broke off for `model.safetensors`", "try again")
    assert len([each for each in hub.asked("model.safetensors") if each.apart]) == 3


def test_a_hub_that_is_busy_for_a_moment(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    hub.faults["/api/models/org/code"] = ["busy", "busy"]
    assert mergec("check", "spec.merge").status == 0
    assert hub.faults["/api/models/org/code"] == []


def test_a_hub_that_is_busy_for_long(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    hub.faults["/api/models/org/code"] = [*BUSY]
    told(mergec("check", "spec.merge"), "E726", "status 503")
    assert len(hub.faults["/api/models/org/code"]) == len(BUSY) - 3


def test_a_hub_that_is_not_there(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of an address, the host alone is repeated.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://user:secret@127.0.0.1:1")
    write_spec('a = model("./base")', 'b = model("org/code")', "child = linear(a, b)")
    outcome = mergec("check", "spec.merge")
    told(outcome, "E726", "no connection could be made", "the hub is `127.0.0.1`")
    assert "secret" not in outcome.err


def test_weights_that_break_off_are_taken_up_where_they_ended(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergec.catalog.hub_download._PIECE", 16)
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    assert mergec("check", "spec.merge").status == 0
    hub.requests.clear()
    hub.faults["model.safetensors"] = ["ranges ignored", "ranges ignored", "cut"]
    outcome = mergec("run", "spec.merge", "-o", "out")  # the headers first, then weights
    assert outcome.status == 0, outcome.err
    ranges = [each.range for each in hub.asked("model.safetensors") if each.apart]
    resumed = [each for each in ranges if each and re.fullmatch(r"bytes=[1-9]\d*-", each)]
    assert len(resumed) == 1


def test_weights_that_never_come_leave_nothing_and_the_next_run_goes_on(
    mergec: Mergec, hub: LoopbackHub, tmp_path: Path
) -> None:
    hub.commit("org/base", {"config.json": small("{}")} | sharded(weights("base"), 2))
    hub.commit("org/code", {"config.json": small("{}")} | sharded(weights("code"), 3))
    assert mergec("plan", "spec.merge", "-o", "plan.json").status == 0
    hub.faults["model-00003-of-00003.safetensors"] = ["ranges ignored", *BUSY]
    outcome = mergec("run", "plan.json", "-o", "out")
    assert (outcome.codes, outcome.status) == (["E726"], 4), outcome.err
    assert "spec.merge:2:5" in outcome.err
    assert not Path("out").exists()
    assert not [name for name in outcome.made if "partial" in name]
    hub.faults.clear()
    hub.requests.clear()
    assert mergec("run", "plan.json", "-o", "out").status == 0
    fetched = [each.path for each in hub.asked(".safetensors") if each.apart and not each.range]
    assert [path.rsplit("/", 1)[1] for path in fetched] == ["model-00003-of-00003.safetensors"]


def test_a_shard_that_broke_off_for_good_is_continued_by_the_next_run(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergec.catalog.hub_download._PIECE", 16)
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    assert mergec("check", "spec.merge").status == 0
    hub.sent.clear()
    hub.faults["model.safetensors"] = ["ranges ignored", "ranges ignored", *CUT]  # headers first
    assert mergec("run", "spec.merge", "-o", "out").codes == ["E726", "E726"]
    hub.faults.clear()
    hub.requests.clear()
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    asked = [each.range for each in hub.asked("model.safetensors") if each.apart]
    assert len([each for each in asked if each and re.fullmatch(r"bytes=[1-9]\d*-", each)]) == 2


@pytest.mark.parametrize("fault", ["ranges ignored", "wrong range"])
def test_a_server_that_goes_on_at_another_place(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr("mergec.catalog.hub_download._PIECE", 16)
    hub.commit("org/code", toy("code"))
    write_spec('a = model("./base")', 'b = model("org/code")', "child = linear(a, b)")
    absent = absent_files(compile_spec(Path("spec.merge")).plan)
    hub.faults["model.safetensors"] = ["cut", fault]
    if fault == "wrong range":
        with pytest.raises(MergecError, match="sends other bytes"):
            fetch(absent)
        hub.faults.clear()
    fetch(absent)
    assert absent[0].path.read_bytes() == toy("code")["model.safetensors"].head


def test_weights_with_another_digest_than_the_hub_states(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    assert mergec("check", "spec.merge").status == 0
    hub.faults["model.safetensors"] = [
        "ranges ignored",
        "ranges ignored",
        "other bytes",
        "other bytes",
    ]
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.codes, outcome.status) == (["E749", "E749"], 10), outcome.err
    assert "--> spec.merge:2:5" in outcome.err
    assert not Path("out").exists()
    assert mergec("run", "spec.merge", "-o", "out").status == 0


def test_a_hub_that_asks_for_time(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("mergec.catalog.hub.time", SimpleNamespace(sleep=waited.append))
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    hub.faults["model.safetensors"] = ["limited", "limited"]
    assert mergec("check", "spec.merge").status == 0
    assert waited == [7.0, 7.0]


@pytest.mark.parametrize("fault", ["compressed", "circle"])
def test_a_hub_whose_answers_cannot_be_used(mergec: Mergec, hub: LoopbackHub, fault: Fault) -> None:
    hub.commit("org/base", sharded(weights("base"), 1))
    hub.commit("org/code", toy("code"))
    hub.faults["model.safetensors"] = [fault] * 99
    told(mergec("check", "spec.merge"), "E726", "`model.safetensors`")


@pytest.mark.parametrize("word", [2**63 + 1, 25_000_001])
def test_a_header_of_impossible_length(mergec: Mergec, hub: LoopbackHub, word: int) -> None:
    hub.commit("org/base", toy("base"))
    bomb = Blob(word.to_bytes(8, "little") + b"{}", 50_000_000, apart=True)
    hub.commit("org/code", {"model.safetensors": bomb})
    told(mergec("check", "spec.merge"), "E708")
    assert hub.sent["model.safetensors"] < 64 << 10


def test_names_that_are_no_names_of_files(mergec: Mergec, hub: LoopbackHub) -> None:
    odd = {
        name: small("{}")
        for name in ("tokenizer\u202e.json", ".tokenizer.json", "../tokenizer.json", "a\\b.json")
    }
    hub.commit("org/base", toy("base") | odd)
    hub.commit("org/code", toy("code"))
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.status, outcome.err) == (0, "")
    assert [each for each in outcome.made if "tokenizer" in each] == ["out/tokenizer.json"]


def test_a_web_page_in_place_of_json(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    hub.faults["/api/models/org/code"] = ["page"]
    told(mergec("check", "spec.merge"), "E726", "cannot be understood")


def test_a_commit_that_is_gone_since_the_plan_was_made(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    commit = hub.commit("org/code", toy("code"))
    assert mergec("plan", "spec.merge", "-o", "plan.json").status == 0
    del hub.models["org/code"].commits[commit]
    hub.commit("org/code", toy("math"), branch="other")
    outcome = mergec("run", "plan.json", "-o", "out")
    assert (outcome.codes, outcome.status) == (["E724"], 4)
    assert f"no revision `{commit}`" in outcome.err


def test_a_model_with_part_of_its_shards(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    files = sharded(weights("code"), 3)
    del files["model-00002-of-00003.safetensors"]
    hub.commit("org/code", files)
    told(mergec("check", "spec.merge"), "E711", "model-00002-of-00003.safetensors")


def test_a_model_of_pickles(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", {"pytorch_model.bin": small("boom"), "config.json": small("{}")})
    refused(mergec("check", "spec.merge"), "E706", 12)


def test_an_index_that_leads_outside(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    index = '{"weight_map": {"norm.weight": "../../secret.safetensors"}}'
    hub.commit("org/code", {"model.safetensors.index.json": small(index)})
    outcome = mergec("check", "spec.merge")
    assert (outcome.codes, outcome.made) == (["E712"], set())
    assert hub.asked("secret.safetensors") == []


def test_small_files_that_fill_the_disk(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    many = {f"tokenizer-{n}.json": Blob(b"{", 200 << 20) for n in range(3)}
    hub.commit("org/code", toy("code", **many))
    told(mergec("check", "spec.merge"), "E728", "629,145,")
    assert hub.asked("tokenizer-0.json", "HEAD") == []


def test_a_small_file_that_is_not_small_is_left_out(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base", **{"vocab.json": Blob(b"{", 300 << 20)}))
    hub.commit("org/code", toy("code"))
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert hub.asked("vocab.json") == []
    assert not Path("out/vocab.json").exists()


def test_offline_and_not_in_the_cache(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    write_spec('a = model("./base")', 'b = model("org/code@v1")', "child = linear(a, b)")
    told(mergec("check", "spec.merge", "--offline"), "E727", "`org/code@v1` is not in the cache")
    assert hub.requests == []


def test_offline_and_no_weights_in_the_cache(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/code", toy("code"))
    write_spec('a = model("./base")', 'b = model("org/code")', "child = linear(a, b)")
    assert mergec("check", "spec.merge").status == 0
    hub.requests.clear()
    told(mergec("check", "spec.merge", "--offline"), "E727", "not complete in the cache")
    assert hub.requests == []


def test_offline_by_the_variable_of_the_library(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    write_spec('a = model("./base")', 'b = model("org/code")', "child = linear(a, b)")
    told(mergec("check", "spec.merge"), "E727")
    assert hub.requests == []


def test_without_the_library(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_: str) -> None:
        """No package is found."""

    monkeypatch.setattr("mergec.catalog.hub.find_spec", absent)
    write_spec('a = model("./base")', 'b = model("org/code")', "child = linear(a, b)")
    told(mergec("check", "spec.merge"), "E722", 'pip install "mergec[hub]"')


def test_a_cache_without_room(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))

    def little(_: Path) -> int:
        return 4

    monkeypatch.setattr("mergec.shards.fetch._free_space", little)
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.codes, outcome.status) == (["E602"], 6)
    assert not Path("out").exists()
    assert [each for each in hub.asked(".safetensors") if not each.range] == []


def test_an_interrupted_run_keeps_what_came_and_the_next_goes_on(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergec.catalog.hub_download._PIECE", 16)
    stops: list[Event] = []

    class Stop(Event):
        def __init__(self) -> None:
            super().__init__()
            stops.append(self)

    def interrupt(count: int) -> None:
        if count:
            os.kill(os.getpid(), signal.SIGINT)
            stops[0].wait(60)

    monkeypatch.setattr("mergec.shards.fetch.Event", Stop)
    hub.commit("org/code", toy("code"))
    write_spec('a = model("./base")', 'b = model("org/code")', "child = linear(a, b)")
    absent = absent_files(compile_spec(Path("spec.merge")).plan)
    assert len(absent) == 1
    with pytest.raises(KeyboardInterrupt):
        fetch(absent, interrupt)
    (partial,) = absent[0].path.parents[2].rglob("*.incomplete")
    came = partial.stat().st_size
    assert 0 < came < absent[0].size
    assert not absent[0].path.exists()
    counts: list[int] = []
    fetch(absent, counts.append)
    assert sum(counts) == absent[0].size
    assert [each.range for each in hub.asked("model.safetensors") if each.apart][-1] == (
        f"bytes={came}-"
    )
    assert not partial.exists()
    assert absent[0].path.read_bytes() == toy("code")["model.safetensors"].head
