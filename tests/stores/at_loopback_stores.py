"""The fixtures `web` and `s3`: stores on loopback, and the variables that lead there."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.stores.loopback_s3 import KEY, SECRET, LoopbackS3, serving_s3
from tests.stores.loopback_web import LoopbackWeb, serving_web

_OF_CLOUDS = ("AWS_", "GOOGLE_", "AZURE_")


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing waits between attempts, nobody's credentials are used, and the cache is empty."""
    pytest.importorskip("obstore")
    for name in [name for name in os.environ if name.startswith(_OF_CLOUDS)]:
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    cache = tmp_path_factory.mktemp("store-cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("MERGEC_OFFLINE", "0")
    monkeypatch.setattr("mergec.catalog.store.WAITS", (0.0, 0.0, 0.0))
    return cache / "mergec" / "stores"


@pytest.fixture
def web(stores: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[LoopbackWeb]:
    """A web server, which stands for one with certificates."""
    monkeypatch.setenv("MERGEC_ALLOW_HTTP", "1")
    with serving_web() as web:
        yield web


@pytest.fixture(scope="session")
def _moto() -> Generator[LoopbackS3]:
    pytest.importorskip("moto.server")
    with serving_s3() as s3:
        yield s3


@pytest.fixture
def s3(stores: Path, _moto: LoopbackS3, monkeypatch: pytest.MonkeyPatch) -> LoopbackS3:
    """An S3 server, empty, and credentials for it."""
    for name, value in {
        "AWS_ENDPOINT_URL": _moto.address,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    _moto.reset()
    return _moto
