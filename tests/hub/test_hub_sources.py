"""Models on a hub, from the reference in a spec to the child: what is read, and when."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mergec.api import compile_spec, execute
from mergec.diagnostics import MergecError
from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import PORTIONS, Mergec, write_spec
from tests.hub.at_loopback import sharded, toy, vast
from tests.hub.loopback_hub import LoopbackHub, small, whole
from tests.toy_checkpoints import weights

MEGABYTE = 1_000_000


def soup(*names: str) -> None:
    """A spec that averages models on the hub."""
    lines = [f'm{n} = model("{name}")' for n, name in enumerate(names)]
    write_spec(*lines, f"child = linear({', '.join(f'm{n}' for n in range(len(names)))})")


def test_a_merge_of_models_on_a_hub_is_that_of_the_same_models_in_folders(
    mergec: Mergec, hub: LoopbackHub
) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    soup("org/base", "org/code")
    assert mergec("run", "spec.merge", "-o", "far").status == 0
    write_spec('m0 = model("./base")', 'm1 = model("./code")', "child = linear(m0, m1)")
    assert mergec("run", "spec.merge", "-o", "near").status == 0
    far, near = (Path(name, "model.safetensors").read_bytes() for name in ("far", "near"))
    assert far == near
    assert Path("far/config.json").exists()
    assert Path("far/tokenizer.json").read_text() == "{}"


def test_check_reads_headers_and_small_files_alone(mergec: Mergec, hub: LoopbackHub) -> None:
    weights = vast(tensors=40, elements=100_000_000)  # 8 GB
    for name in ("org/a", "org/b"):
        hub.commit(name, {"config.json": small("{}"), "model.safetensors": weights})
    soup("org/a", "org/b")
    outcome = mergec("check", "spec.merge")
    assert (outcome.status, outcome.err) == (0, "")
    assert sum(hub.sent.values()) < MEGABYTE
    assert hub.sent["model.safetensors"] == 2 * 32768
    assert all(each.range for each in hub.asked("model.safetensors"))


def test_a_header_that_is_longer_than_the_first_request(mergec: Mergec, hub: LoopbackHub) -> None:
    weights = vast(tensors=2000, elements=1_000_000)
    hub.commit("org/a", {"model.safetensors": weights})
    soup("org/a", "org/a")
    assert mergec("check", "spec.merge").status == 0
    assert hub.sent["model.safetensors"] == len(weights.head)
    assert len(hub.asked("model.safetensors")) == 4  # two ranges, each led on to the store


def test_a_server_without_ranges_sends_little_more(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/a", {"model.safetensors": vast(tensors=4, elements=100_000_000)})
    hub.faults["model.safetensors"] = ["ranges ignored"]
    soup("org/a", "org/a")
    assert mergec("check", "spec.merge").status == 0
    assert len(hub.asked("model.safetensors")) == 2


def test_of_a_sharded_model_run_fetches_the_shards_that_it_reads(
    mergec: Mergec, hub: LoopbackHub
) -> None:
    config = {"config.json": small("{}")}
    base = weights("base")
    more = {**base, "unused.weight": base["norm.weight"]}
    hub.commit("org/base", config | sharded(base, 2))
    hub.commit("org/wide", config | sharded(dict(reversed(more.items())), 5))
    soup("org/base", "org/wide")
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert outcome.status == 0, outcome.err
    fetched = {each.path.rsplit("/", 1)[1] for each in hub.asked(".safetensors") if not each.range}
    assert "model-00001-of-00005.safetensors" not in fetched  # it holds `unused.weight`
    assert {"model-00001-of-00002.safetensors", "model-00005-of-00005.safetensors"} <= fetched


def test_what_is_in_the_cache_is_not_fetched_again(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    soup("org/base", "org/code")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    hub.requests.clear()
    assert mergec("run", "spec.merge", "-o", "again").status == 0
    assert {each.path.split("/")[1] for each in hub.requests} == {"api"}


def test_plan_card_and_lineage_state_the_commit(mergec: Mergec, hub: LoopbackHub) -> None:
    base = hub.commit("org/base", toy("base"), branch="v2")
    code = hub.commit("org/code", toy("code"))
    soup("org/base@v2", "org/code")
    shown = mergec("plan", "spec.merge").out
    assert f"at commit {base[:12]}" in shown
    assert "org/base@v2" in shown
    assert mergec("plan", "spec.merge", "-o", "spec.plan.json").status == 0
    sources = json.loads(Path("spec.plan.json").read_text())["plan"]["sources"]
    stated = [(each["label"], each["rev"], each["commit"]) for each in sources]
    assert stated == [("org/base", "v2", base), ("org/code", None, code)]
    assert mergec("run", "spec.plan.json", "-o", "out").status == 0
    lineage = json.loads(Path("out/lineage.json").read_text())
    assert [each["commit"] for each in lineage["sources"]] == [base, code]
    digests = [file["sha256"] for each in lineage["sources"] for file in each["files"]]
    held = [toy(name)["model.safetensors"].head for name in ("base", "code")]
    assert digests == [hashlib.sha256(data).hexdigest() for data in held]
    assert f"`org/base@{base}`" in Path("out/README.md").read_text()
    assert mergec("verify", "out", "--replay", "full").status == 0


def test_a_revision_is_the_same_behind_the_reference_and_in_rev(
    mergec: Mergec, hub: LoopbackHub
) -> None:
    hub.commit("org/base", toy("base"), branch="v1")
    hub.commit("org/code", toy("code"))
    plans: list[str] = []
    for written in ('model("org/base@v1")', 'model("org/base", rev="v1")'):
        write_spec(f"a = {written}", 'b = model("org/code")', "child = linear(a, b)")
        plans.append(mergec("plan", "spec.merge", "--output-format", "json").out)
    first, second = (json.loads(text)["plan"]["sources"] for text in plans)
    assert first == second


def test_a_model_parameter_is_given_a_model_on_a_hub(mergec: Mergec, hub: LoopbackHub) -> None:
    commit = hub.commit("org/base", toy("base"), branch="v1")
    write_spec("param base: model", 'b = model("./code")', "child = linear(base, b)")
    outcome = mergec("plan", "spec.merge", "--set", "base=org/base@v1")
    assert f"at commit {commit[:12]}" in outcome.out, outcome.err


def test_a_plan_runs_with_the_commit_that_was_planned(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    soup("org/base", "org/code")
    assert mergec("run", "spec.merge", "-o", "before").status == 0
    assert mergec("plan", "spec.merge", "-o", "spec.plan.json").status == 0
    hub.commit("org/code", toy("math"))
    outcome = mergec("run", "spec.plan.json", "-o", "after")
    assert (outcome.codes, outcome.status) == (["W704"], 0)
    assert "spec.merge:2:6" in outcome.err
    before, after = (Path(name, "model.safetensors") for name in ("before", "after"))
    assert before.read_bytes() == after.read_bytes()
    # What is made from the spec itself follows the branch, and is another child.
    assert mergec("run", "spec.merge", "-o", "now").status == 0
    assert Path("now/model.safetensors").read_bytes() != after.read_bytes()
    # The one that was published first can still be recomputed.
    assert mergec("verify", "before", "--replay", "full").status == 0


def test_a_branch_that_moves_while_a_run_begins_moves_nothing(
    tmp_path: Path, mergec: Mergec, hub: LoopbackHub
) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    soup("org/base", "org/code")
    compiled = compile_spec(Path("spec.merge"))
    hub.commit("org/code", toy("math"))
    execute(compiled, tmp_path / "out")
    write_spec('a = model("./base")', 'b = model("./code")', "child = linear(a, b)")
    assert mergec("run", "spec.merge", "-o", "near").status == 0
    far, near = (Path(name, "model.safetensors").read_bytes() for name in ("out", "near"))
    assert far == near


def test_offline_the_cache_is_enough(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    soup("org/base", "org/code")
    assert mergec("run", "spec.merge", "-o", "online").status == 0
    assert mergec("plan", "spec.merge", "-o", "online.json").status == 0
    hub.requests.clear()
    assert mergec("run", "spec.merge", "--offline", "-o", "offline").status == 0
    assert mergec("plan", "spec.merge", "--offline", "-o", "offline.json").status == 0
    assert mergec("verify", "online", "--replay", "full", "--offline").status == 0
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert mergec("check", "spec.merge").status == 0
    assert hub.requests == []
    online, offline = (
        json.loads(Path(f"{name}.json").read_text()) for name in ("online", "offline")
    )
    assert online["hash"] == offline["hash"]


def test_tokens_do_not_go_to_where_the_weights_are_stored(
    mergec: Mergec, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    soup("org/base", "org/code")
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert outcome.status == 0
    assert {each.token for each in hub.requests if not each.apart} == {"Bearer hf_secret"}
    assert {each.token for each in hub.requests if each.apart} == {None}
    written = [path.read_bytes() for path in Path("out").iterdir()]
    assert not any(b"hf_secret" in data for data in written)
    assert "hf_secret" not in outcome.out + outcome.err


def test_no_program_and_no_pickle_is_fetched(mergec: Mergec, hub: LoopbackHub) -> None:
    files = toy("base", **{"modeling_toy.py": small("boom"), "pytorch_model.bin": small("boom")})
    hub.commit("org/base", files | {"inner/tokenizer.json": small("{}")})
    soup("org/base", "org/base")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    for name in ("modeling_toy.py", "pytorch_model.bin", "inner/tokenizer.json"):
        assert hub.asked(name) + hub.asked(name, "HEAD") == []


def test_a_parent_that_mergec_made_brings_its_lineage(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    lineage = json.dumps({"schema": "mergec.lineage/1", "of": "the parent"})
    hub.commit("org/child", toy("code", **{"lineage.json": small(lineage)}))
    soup("org/base", "org/child")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    parents = json.loads(Path("out/lineage.json").read_text())["parents"]
    assert parents == {"org/child": {"schema": "mergec.lineage/1", "of": "the parent"}}


def test_weights_that_are_not_those_whose_header_was_read(mergec: Mergec, hub: LoopbackHub) -> None:
    commit = hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    soup("org/base", "org/code")
    compiled = compile_spec(Path("spec.merge"))
    other = whole(file_of(weights("base"), {"format": "tp"}))
    hub.models["org/base"].commits[commit]["model.safetensors"] = other
    with pytest.raises(MergecError, match="its header is another"):
        execute(compiled, Path("out"))
    assert not Path("out").exists()


@pytest.mark.slow
def test_the_environment_names_hub_and_cache(
    mergec: Mergec, hub: LoopbackHub, tmp_path: Path
) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    soup("org/base", "org/code")
    ours = {
        "PYTHONPATH": PORTIONS,
        "HF_ENDPOINT": hub.address,
        "HF_HUB_CACHE": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "0",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-m", "mergec.cli", "run", "spec.merge", "-o", "out"]
    done = subprocess.run(
        command, env=os.environ | ours, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("wrote out: 4 tensors")
    names = sorted(path.name for path in (tmp_path / "cache").glob("models--*"))
    assert names == ["models--org--base", "models--org--code"]


def test_models_on_a_hub_can_be_looked_at(mergec: Mergec, hub: LoopbackHub) -> None:
    hub.commit("org/base", toy("base"))
    hub.commit("org/code", toy("code"))
    assert mergec("inspect", "org/base").status == 0
    assert all(each.range for each in hub.asked("model.safetensors"))
    far = mergec("compare", "org/base", "org/code", "--json", "--quiet")
    near = mergec("compare", "./base", "./code", "--json", "--quiet")
    assert json.loads(far.out)["all"] == json.loads(near.out)["all"]
    hub.requests.clear()
    assert mergec("advise", "org/base", "org/code", "--quiet", "--offline").status == 0
    assert hub.requests == []
