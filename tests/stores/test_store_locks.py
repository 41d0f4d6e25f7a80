"""Locks of models in stores: the state of each object stands in for a digest of its bytes."""

import json
from pathlib import Path

from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.hub.at_loopback import toy
from tests.stores.loopback_web import LoopbackWeb


def test_a_model_in_a_store_is_locked_by_the_states_of_its_objects(
    mergec: Mergec, web: LoopbackWeb
) -> None:
    web.put("m/code", toy("code"))
    write_spec('a = model("./base")', f'b = model("{web.address}/m/code")', "c = linear(a, b)")
    assert mergec("lock", "spec.merge").status == 0
    sources = json.loads(Path("spec.merge.lock").read_text())["sources"]
    files = sources[f"{web.address}/m/code"]["files"]
    assert {*files["model.safetensors"]} == {"size", "header_sha256", "etag"}
    assert {*files["config.json"]} == {"size", "sha256"}
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert mergec("lock", "spec.merge", "--check").status == 0
    web.put("m/code", toy("math"))
    outcome = mergec("run", "spec.merge", "-o", "again")
    refused(outcome, "E873", 10)
    assert "~ `model.safetensors` of `http://" in outcome.err
    assert "is in the state `" in outcome.err
