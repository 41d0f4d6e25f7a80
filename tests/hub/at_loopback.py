"""The fixture `hub`: a hub on loopback that mergec and `huggingface_hub` take for the only one."""

import json
from collections.abc import Generator, Mapping
from types import SimpleNamespace

import pytest

from tests.catalog.safetensors_bytes import Tensor, file_of
from tests.hub.loopback_hub import Blob, LoopbackHub, serving, small, whole
from tests.toy_checkpoints import weights


@pytest.fixture
def hub(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Generator[LoopbackHub]:
    """Nothing waits between attempts, and the cache is empty."""
    constants = pytest.importorskip("huggingface_hub.constants")
    from huggingface_hub.utils._http import close_session

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("MERGEC_OFFLINE", "0")
    cache = tmp_path_factory.mktemp("hub-cache")
    unhurried = SimpleNamespace(sleep=_at_once)
    monkeypatch.setattr("huggingface_hub.file_download.time", unhurried)
    monkeypatch.setattr("huggingface_hub.utils._http.time", unhurried)
    monkeypatch.setattr("mergec.catalog.hub.WAITS", (0.0, 0.0))
    close_session()
    with serving() as hub:
        for name, value in {
            "ENDPOINT": hub.address,
            "HUGGINGFACE_CO_URL_TEMPLATE": hub.address + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(cache),
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,
            "HF_TOKEN_PATH": str(cache / "no-token"),
        }.items():
            monkeypatch.setattr(constants, name, value)
        yield hub
        close_session()


def _at_once(_: float) -> None:
    """Stands in for waiting."""


def toy(name: str, **others: Blob) -> dict[str, Blob]:
    """A member of the toy family as files of a model on a hub."""
    return {
        "config.json": small(json.dumps({"model_type": "toy"})),
        "README.md": small("---\nlicense: mit\n---\n"),
        "tokenizer.json": small("{}"),
        "model.safetensors": whole(file_of(weights(name), {"format": "pt"})),
        **others,
    }


def sharded(tensors: Mapping[str, Tensor], count: int) -> dict[str, Blob]:
    """The tensors in `count` shards, with their index."""
    names = [f"model-{n + 1:05}-of-{count:05}.safetensors" for n in range(count)]
    held: dict[str, dict[str, Tensor]] = {name: {} for name in names}
    where: dict[str, str] = {}
    for number, (tensor, value) in enumerate(tensors.items()):
        where[tensor] = names[number % count]
        held[where[tensor]][tensor] = value
    index = json.dumps({"metadata": {}, "weight_map": where})
    files = {name: whole(file_of(each, {"format": "pt"})) for name, each in held.items()}
    return {"model.safetensors.index.json": small(index), **files}


def vast(tensors: int, elements: int) -> Blob:
    """Weights of zeros, too many to send: `tensors` of `elements` in bf16."""
    header: dict[str, object] = {
        f"layers.{n}.weight": {
            "dtype": "BF16",
            "shape": [elements],
            "data_offsets": [n * elements * 2, (n + 1) * elements * 2],
        }
        for n in range(tensors)
    }
    raw = json.dumps(header).encode()
    head = len(raw).to_bytes(8, "little") + raw
    return Blob(head, len(head) + tensors * elements * 2, apart=True)
