"""Locks of models on a hub: the hub's word for their weights, and their commits."""

import hashlib
import json
from pathlib import Path

from mergec.api.lock_work import lock_spec
from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.hub.at_loopback import toy, vast
from tests.hub.loopback_hub import LoopbackHub, small

LOCK = Path("spec.merge.lock")


def two_models(hub: LoopbackHub) -> str:
    """A spec of two models on the hub; the commit of the second."""
    hub.commit("org/base", toy("base"))
    write_spec('a = model("org/base")', 'b = model("org/code")', "child = linear(a, b)")
    return hub.commit("org/code", toy("code"))


def test_weights_are_locked_by_what_the_hub_states(mergec: Mergec, hub: LoopbackHub) -> None:
    files = {"config.json": small("{}"), "model.safetensors": vast(40, 100_000_000)}  # 8 GB
    hub.commit("org/a", files)
    write_spec('a = model("org/a")', 'b = model("org/a")', "child = linear(a, b)")
    outcome = mergec("lock", "spec.merge")
    assert outcome.status == 0, outcome.err
    assert sum(hub.sent.values()) < 1_000_000
    (source,) = json.loads(LOCK.read_text())["sources"].values()
    assert source["files"]["model.safetensors"]["sha256"] == files["model.safetensors"].etag


def test_a_locked_run_stays_at_the_locked_commit(mergec: Mergec, hub: LoopbackHub) -> None:
    commit = two_models(hub)
    assert mergec("lock", "spec.merge").status == 0
    assert json.loads(LOCK.read_text())["sources"]["org/code"]["commit"] == commit
    assert mergec("run", "spec.merge", "-o", "before").status == 0
    moved = hub.commit("org/code", toy("math"))
    for command in (["check"], ["plan"], ["run", "-o", "after"], ["lock", "--check"]):
        outcome = mergec(command[0], "spec.merge", *command[1:])
        assert (outcome.codes, outcome.status) == (["W704"], 0), outcome.err
    before, after = (Path(name, "model.safetensors") for name in ("before", "after"))
    assert before.read_bytes() == after.read_bytes()
    assert mergec("lock", "spec.merge").out.startswith("nothing to change")
    upgraded = lock_spec(Path("spec.merge"), upgrade=["b"])
    assert upgraded.lock.sources["org/code"].commit == moved
    assert upgraded.lock.sources["org/base"].commit != moved
    assert f"is at commit `{moved}`, and `{commit}` is locked" in upgraded.changes[0].text


def test_a_locked_run_fetches_and_compares(mergec: Mergec, hub: LoopbackHub) -> None:
    two_models(hub)
    assert mergec("lock", "spec.merge").status == 0
    table = json.loads(LOCK.read_text())
    name = "model.safetensors"
    table["sources"]["org/code"]["files"][name]["sha256"] = hashlib.sha256(b"other").hexdigest()
    LOCK.write_text(json.dumps(table))
    # As if the same name and commit led to other weights now.
    refused(mergec("run", "spec.merge", "-o", "out"), "E873", 10)


def test_offline_a_lock_takes_what_was_stated_when_files_came(
    mergec: Mergec, hub: LoopbackHub
) -> None:
    two_models(hub)
    assert mergec("lock", "spec.merge", "--offline").codes == ["E727", "E727"]
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert mergec("lock", "spec.merge", "--offline").status == 0
    assert mergec("run", "spec.merge", "--offline", "-o", "again").status == 0


def test_a_hub_that_states_no_digest(mergec: Mergec, hub: LoopbackHub) -> None:
    files = toy("base")
    whole = files["model.safetensors"]
    hub.commit("org/base", {**files, "model.safetensors": type(whole)(whole.head, whole.size)})
    write_spec('a = model("org/base")', 'b = model("./base")', "child = linear(a, b)")
    refused(mergec("lock", "spec.merge"), "E875", 10)
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert mergec("lock", "spec.merge").status == 0
