"""Models on a real S3 server, from the reference in a spec to the child."""

import json
from pathlib import Path

import pytest

from mergec.api import compile_spec, execute
from mergec.diagnostics import MergecError
from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.hub.at_loopback import sharded, toy
from tests.hub.loopback_hub import whole
from tests.lineages import statement
from tests.stores.loopback_s3 import LoopbackS3
from tests.toy_checkpoints import weights

FAR = ('a = model("s3://models/base")', 'b = model("s3://models/code")')
NEAR = ('a = model("./base")', 'b = model("./code")')
TIES = "child = ties(a, b; density=1/2)"


@pytest.fixture(autouse=True)
def models(s3: LoopbackS3) -> None:
    s3.bucket("models")
    s3.put("models/base", toy("base"))
    s3.put("models/code", sharded(weights("code"), 3) | {"config.json": toy("code")["config.json"]})


def child(name: str) -> bytes:
    return Path(name, "model.safetensors").read_bytes()


def test_a_merge_is_that_of_the_same_models_in_folders(mergec: Mergec) -> None:
    write_spec(*FAR, TIES)
    outcome = mergec("run", "spec.merge", "-o", "far")
    assert (outcome.status, outcome.err) == (0, "")
    write_spec(*NEAR, TIES)
    assert mergec("run", "spec.merge", "-o", "near").status == 0
    assert child("far") == child("near")
    assert Path("far/tokenizer.json").read_text() == "{}"
    assert mergec("verify", "far", "--replay", "full").status == 0


def test_plan_and_lineage_state_the_etags(mergec: Mergec) -> None:
    write_spec(*FAR, TIES)
    assert mergec("plan", "spec.merge", "-o", "spec.plan.json").status == 0
    assert mergec("run", "spec.plan.json", "-o", "out").status == 0
    planned = json.loads(Path("spec.plan.json").read_text())["plan"]["sources"]
    for sources in (planned, statement("out").tables):
        files = [file for source in sources for file in source["files"]]
        assert len(files) == 4
        assert len({file["etag"] for file in files}) == 4
    assert not any("AKIA" in path.read_text("latin-1") for path in Path("out").iterdir())
    assert not any("secret-of" in path.read_text("latin-1") for path in Path("out").iterdir())


def test_a_file_alone_and_a_slash_at_the_end(mergec: Mergec) -> None:
    write_spec(
        'a = model("s3://models/base/model.safetensors")',
        'b = model("s3://models/code/")',
        "child = linear(a, b)",
    )
    outcome = mergec("run", "spec.merge", "-o", "far")
    assert (outcome.status, outcome.err) == (0, "")
    write_spec(*NEAR, "child = linear(a, b)")
    assert mergec("run", "spec.merge", "-o", "near").status == 0
    assert child("far") == child("near")


def test_a_plan_is_refused_once_a_source_is_another(mergec: Mergec, s3: LoopbackS3) -> None:
    write_spec(*FAR, TIES)
    assert mergec("plan", "spec.merge", "-o", "spec.plan.json").status == 0
    s3.put("models/base", toy("math"))  # other weights, the same header
    outcome = mergec("run", "spec.plan.json", "-o", "out")
    refused(outcome, "E810", 10)


def test_weights_that_change_after_the_headers_were_read(
    mergec: Mergec, s3: LoopbackS3, tmp_path: Path
) -> None:
    write_spec(*FAR, TIES)
    compiled = compile_spec(Path("spec.merge"))
    s3.put("models/base", {"model.safetensors": whole(file_of(weights("math"), {"format": "pt"}))})
    with pytest.raises(MergecError) as caught:
        execute(compiled, tmp_path / "out")
    (found,) = caught.value.diagnostics
    assert found.code == "E745"
    assert "`model.safetensors` of `s3://models/base`" in found.message
    assert not Path("out").exists()


def test_weights_that_vanish_after_the_headers_were_read(
    mergec: Mergec, s3: LoopbackS3, tmp_path: Path
) -> None:
    write_spec(*FAR, TIES)
    compiled = compile_spec(Path("spec.merge"))
    s3.remove("models/base/model.safetensors")
    with pytest.raises(MergecError, match="no longer there"):
        execute(compiled, tmp_path / "out")


@pytest.mark.parametrize(
    "ref", ["s3://models/none", "s3://nobucket/base", "s3://models/x.safetensors"]
)
def test_what_does_not_exist(mergec: Mergec, ref: str) -> None:
    write_spec(NEAR[0], f'b = model("{ref}")', TIES)
    outcome = mergec("check", "spec.merge")
    refused(outcome, "E743", 4)
    assert "--> spec.merge:2:5" in outcome.err
    assert f"`{ref}`" in outcome.err


def test_a_folder_without_weights(mergec: Mergec, s3: LoopbackS3) -> None:
    s3.put("models/empty", {"config.json": toy("base")["config.json"]})
    write_spec(NEAR[0], 'b = model("s3://models/empty")', TIES)
    refused(mergec("check", "spec.merge"), "E714", 4)


def test_a_shard_that_is_missing(mergec: Mergec, s3: LoopbackS3) -> None:
    s3.remove("models/code/model-00002-of-00003.safetensors")
    write_spec(*FAR, TIES)
    outcome = mergec("check", "spec.merge")
    refused(outcome, "E711", 4)
    assert "model-00002-of-00003.safetensors" in outcome.err


def test_without_credentials(mergec: Mergec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    write_spec(NEAR[0], FAR[1], TIES)
    outcome = mergec("check", "spec.merge")
    refused(outcome, "E742", 4)
    assert "AWS_ACCESS_KEY_ID" in outcome.err


def test_a_server_that_is_not_there(mergec: Mergec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    write_spec(NEAR[0], FAR[1], TIES)
    outcome = mergec("check", "spec.merge")
    refused(outcome, "E744", 4)
    assert "no connection could be made" in outcome.err
    assert "127.0.0.1" not in outcome.err


def test_what_stores_hold_can_be_looked_at(mergec: Mergec) -> None:
    assert mergec("inspect", "s3://models/code").status == 0
    both = mergec("inspect", "s3://models/base", "s3://models/code")
    assert both.status == 0
    assert ["shards", "1", "file", "3", "files"] in map(str.split, both.out.splitlines())
    far = mergec("compare", "s3://models/base", "s3://models/code", "--json", "--quiet")
    near = mergec("compare", "./base", "./code", "--json", "--quiet")
    assert json.loads(far.out)["all"] == json.loads(near.out)["all"]


@pytest.mark.parametrize("how", ["option", "variable"])
def test_offline(mergec: Mergec, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setenv("MERGEC_OFFLINE", "1" if how == "variable" else "0")
    write_spec(NEAR[0], FAR[1], TIES)
    outcome = mergec("check", "spec.merge", *(["--offline"] if how == "option" else []))
    refused(outcome, "E746", 4)
    assert "--> spec.merge:2:5" in outcome.err


def test_without_the_library(mergec: Mergec, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> None:
        """No package is found."""

    monkeypatch.setattr("mergec.catalog.store.find_spec", absent)
    write_spec(NEAR[0], FAR[1], TIES)
    outcome = mergec("check", "spec.merge")
    refused(outcome, "E740", 4)
    assert 'pip install "mergec[cloud]"' in outcome.err
