"""Adapters on an S3 server and on a web server: the child is that of the same files in a folder."""

from pathlib import Path

from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.hub.at_loopback import toy
from tests.hub.loopback_hub import Blob, whole
from tests.stores.loopback_s3 import LoopbackS3
from tests.stores.loopback_web import LoopbackWeb

CHILD = "child = base + 0.5*lora"


def adapter_files() -> dict[str, Blob]:
    """The toy adapter's files, as a server has them."""
    return {path.name: whole(path.read_bytes()) for path in sorted(Path("lora").iterdir())}


def merged(mergec: Mergec, base: str, lora: str, name: str) -> bytes:
    write_spec(f'base = model("{base}")', f'lora = adapter("{lora}")', CHILD)
    outcome = mergec("run", "spec.merge", "-o", name)
    assert (outcome.status, outcome.err) == (0, "")
    return Path(name, "model.safetensors").read_bytes()


def test_an_adapter_on_s3(mergec: Mergec, s3: LoopbackS3) -> None:
    s3.bucket("models")
    s3.put("models/base", toy("base"))
    s3.put("models/lora", adapter_files())
    far = merged(mergec, "s3://models/base", "s3://models/lora", "far")
    assert far == merged(mergec, "./base", "./lora", "near")
    assert mergec("verify", "far", "--replay", "full").status == 0


def test_an_adapter_on_a_web_server(mergec: Mergec, web: LoopbackWeb) -> None:
    web.put("a/lora", adapter_files())
    far = merged(mergec, "./base", f"{web.address}/a/lora", "far")
    assert far == merged(mergec, "./base", "./lora", "near")


def test_an_adapter_without_its_config(mergec: Mergec, web: LoopbackWeb) -> None:
    files = adapter_files()
    del files["adapter_config.json"]
    web.put("a/lora", files)
    write_spec('base = model("./base")', f'lora = adapter("{web.address}/a/lora")', CHILD)
    refused(mergec("check", "spec.merge"), "E729", 4)
