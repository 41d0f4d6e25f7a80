"""A real S3 server on loopback: moto's, in a thread of this process."""

import logging
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from tests.hub.loopback_hub import Blob

if TYPE_CHECKING:
    from obstore.store import S3Store

KEY, SECRET = "AKIAOFTHETESTS", "secret-of-the-tests"


@dataclass(frozen=True)
class LoopbackS3:
    address: str

    def reset(self) -> None:
        """No bucket is left."""
        self._ask("POST", "/moto-api/reset")

    def bucket(self, name: str) -> None:
        self._ask("PUT", f"/{name}")

    def put(self, folder: str, files: Mapping[str, Blob]) -> None:
        """Write objects; `folder` begins with the bucket."""
        import obstore

        store, inner = self._store(folder)
        for name, blob in files.items():
            obstore.put(store, f"{inner}/{name}", blob.read(0, blob.size))

    def remove(self, path: str) -> None:
        import obstore

        store, inner = self._store(path)
        obstore.delete(store, inner)

    def _store(self, path: str) -> "tuple[S3Store, str]":
        from obstore.store import S3Store

        bucket, _, inner = path.partition("/")
        store = S3Store(
            bucket,
            endpoint=self.address,
            access_key_id=KEY,
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
        )
        return store, inner

    def _ask(self, method: str, path: str) -> None:
        with urlopen(Request(self.address + path, method=method), timeout=5) as answer:
            answer.read()


@contextmanager
def serving_s3() -> Generator[LoopbackS3]:
    """A server that listens while the context lasts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its libraries say of each other
        from moto.server import ThreadedMotoServer
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server: Any = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield LoopbackS3(f"http://{host}:{port}")
    finally:
        server.stop()
