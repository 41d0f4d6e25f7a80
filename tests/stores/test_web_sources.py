"""Models on a web server and in Google's and Azure's stores: what is read, and how much of it."""

import json
import os
from pathlib import Path

import pytest

from tests.end_to_end.command_line import Mergec, write_spec
from tests.hub.at_loopback import sharded, toy, vast
from tests.hub.loopback_hub import small
from tests.lineages import statement
from tests.stores.loopback_web import LoopbackWeb
from tests.toy_checkpoints import weights

TIES = "child = ties(a, b; density=1/2)"


def merged_near(mergec: Mergec) -> bytes:
    write_spec('a = model("./base")', 'b = model("./code")', TIES)
    assert mergec("run", "spec.merge", "-o", "near").status == 0
    return Path("near", "model.safetensors").read_bytes()


@pytest.fixture(params=["http", "gs", "az"])
def where(request: pytest.FixtureRequest, web: LoopbackWeb, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a reference into the folder `models` begins with, in the scheme of each store."""
    if request.param == "gs":
        account = {"gcs_base_url": web.address, "disable_oauth": True, "client_email": ""}
        key = json.dumps(account | {"private_key": "", "private_key_id": ""})
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", key)
        monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
        return "gs://bucket"
    if request.param == "az":
        for name, value in {
            "AZURE_STORAGE_ACCOUNT_NAME": "acc",
            "AZURE_STORAGE_ACCOUNT_KEY": "a2V5",
            "AZURE_STORAGE_ENDPOINT": f"{web.address}/acc",
            "AZURE_ALLOW_HTTP": "true",
        }.items():
            monkeypatch.setenv(name, value)
        return "az://bucket"
    return f"{web.address}/bucket"


def test_a_merge_is_that_of_the_same_models_in_folders(
    mergec: Mergec, web: LoopbackWeb, where: str
) -> None:
    root = "acc/bucket" if where.startswith("az") else "bucket"
    web.put(f"{root}/m/base", toy("base"))
    web.put(f"{root}/m/code", sharded(weights("code"), 3))
    write_spec(f'a = model("{where}/m/base")', f'b = model("{where}/m/code/")', TIES)
    outcome = mergec("run", "spec.merge", "-o", "far")
    assert (outcome.status, outcome.err) == (0, "")
    assert Path("far", "model.safetensors").read_bytes() == merged_near(mergec)
    assert Path("far/tokenizer.json").exists()
    assert all(each.if_match for each in web.asked if each.range)


def test_check_reads_headers_and_small_files_alone(mergec: Mergec, web: LoopbackWeb) -> None:
    for name in ("a", "b"):
        weights = vast(tensors=40, elements=100_000_000)  # 8 GB
        web.put(f"m/{name}", {"config.json": small("{}"), "model.safetensors": weights})
    write_spec(*(f'{n} = model("{web.address}/m/{n}")' for n in "ab"), TIES)
    outcome = mergec("check", "spec.merge")
    assert (outcome.status, outcome.err) == (0, "")
    assert web.ranges("model.safetensors") == ["bytes=0-32767"] * 2
    assert sum(web.sent.values()) == 2 * 32768 + 2 * len("{}")


def test_small_files_are_asked_for_once(mergec: Mergec, web: LoopbackWeb, stores: Path) -> None:
    web.put("m/a", toy("base"))
    write_spec(f'a = model("{web.address}/m/a")', "child = linear(a, a)")
    assert mergec("check", "spec.merge").status == 0
    assert mergec("check", "spec.merge").status == 0
    assert web.sent["/m/a/tokenizer.json"] == len("{}")
    (folder,) = stores.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "tokenizer.json",
    ]


def test_a_run_reads_each_byte_of_a_soup_once(mergec: Mergec, web: LoopbackWeb) -> None:
    # Held in memory they would be 64 MB; a projection that is kept shows that windows are bounded.
    blob = vast(tensors=4, elements=8_000_000)
    for name in ("a", "b"):
        web.put(f"m/{name}", {"model.safetensors": blob})
    write_spec(*(f'{n} = model("{web.address}/m/{n}")' for n in "ab"), "child = linear(a, b)")
    assert mergec("plan", "spec.merge", "-o", "plan.json").status == 0
    web.sent.clear()
    outcome = mergec("run", "plan.json", "-o", "out", "--threads", "2")
    assert (outcome.status, outcome.err) == (0, "")
    for name in ("a", "b"):
        sent = web.sent[f"/m/{name}/model.safetensors"]
        assert sent < blob.size + (1 << 20)
        wide = [
            asked for asked in web.ranges(f"{name}/model.safetensors") if _length(asked) > 1 << 20
        ]
        assert max(map(_length, wide)) <= 4 << 20


def _length(asked: str) -> int:
    start, stop = asked.removeprefix("bytes=").split("-")
    return int(stop) + 1 - int(start)


def test_a_web_server_without_etags_is_told_of(mergec: Mergec, web: LoopbackWeb) -> None:
    web.tags = "weak"
    web.put("m/a", toy("base"))
    web.put("m/b", toy("code"))
    write_spec(*(f'{n} = model("{web.address}/m/{n}")' for n in "ab"), TIES)
    outcome = mergec("run", "spec.merge", "-o", "far")
    assert (outcome.status, outcome.codes) == (0, ["W710", "W710"])
    assert "--> spec.merge:1:5" in outcome.err
    assert Path("far", "model.safetensors").read_bytes() == merged_near(mergec)
    (file,) = statement("far").tables[0]["files"]
    assert "etag" not in file
    assert file["modified"] == "2023-11-14T22:13:20+00:00"


def test_no_program_and_no_pickle_is_asked_for(mergec: Mergec, web: LoopbackWeb) -> None:
    web.put("m/a", toy("base", **{"modeling_toy.py": small("boom"), "x.bin": small("boom")}))
    write_spec(f'a = model("{web.address}/m/a")', "child = linear(a, a)")
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    assert not any(each.path.endswith((".py", ".bin")) for each in web.asked)
    assert os.listdir("out") == [each for each in os.listdir("out") if not each.endswith(".py")]
