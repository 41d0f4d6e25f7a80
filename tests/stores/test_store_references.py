"""Places in stores: what a reference names by its syntax, and what may not stand in one."""

from pathlib import Path

import pytest

from mergec.catalog.reference import locate
from mergec.catalog.store_reference import StoreReference
from mergec.diagnostics import MergecError

ROOT = Path("/root")


@pytest.mark.parametrize(
    ("ref", "scheme", "place", "folder", "file"),
    [
        ("s3://bucket", "s3", "bucket", "", None),
        ("s3://bucket/", "s3", "bucket", "", None),
        ("S3://bucket/a/b/", "s3", "bucket", "a/b", None),
        ("gs://bucket/a b", "gs", "bucket", "a b", None),
        ("az://container/a/x.safetensors", "az", "container", "a", "x.safetensors"),
        ("https://host:8443/a/", "https", "host:8443", "a", None),
        ("https://[2001:db8::1]/a", "https", "[2001:db8::1]", "a", None),
    ],
)
def test_a_place_in_a_store(
    ref: str, scheme: str, place: str, folder: str, file: str | None
) -> None:
    found = locate(ref, None, ROOT)
    assert isinstance(found, StoreReference)
    assert found == StoreReference(scheme, place, folder, file)
    assert f"{found.path}" == f"{found}" == scheme + ref[len(scheme) :].rstrip("/")


@pytest.mark.parametrize(
    "ref",
    [
        "s3://",
        "s3:///a",
        "s3://b",
        "s3://a_bucket!/a",
        "s3://bucket//a",
        "s3://bucket/a//",
        "s3://bucket/../a",
        "s3://bucket/a/./b",
        "s3://bucket/a\\b",
        "s3://bucket/a\nb",
        "s3://bucket/" + "a" * 1100,
        "https://host/%2e%2e/secret",
        "https://host/a%2Fb",
        "https://ho st/a",
        "https://host:port/a",
        "http://host/a",
        "http://127.0.0.1/a",
    ],
)
def test_what_cannot_be_one(ref: str) -> None:
    with pytest.raises(MergecError) as caught:
        locate(ref, None, ROOT)
    assert [found.code for found in caught.value.diagnostics] == ["E741"]


@pytest.mark.parametrize(
    "ref",
    [
        "s3://AKIA:hunter2@bucket/a",
        "https://name:hunter2@host/a",
        "https://hunter2@host/a",
        "https://name:hunter2/x@host/a",
        "https://host/a?X-Amz-Signature=hunter2",
        "az://container/a?sig=hunter2",
        "https://host/a#hunter2",
    ],
)
def test_what_may_be_secret_is_refused_and_not_repeated(ref: str) -> None:
    with pytest.raises(MergecError) as caught:
        locate(ref, None, ROOT)
    (found,) = caught.value.diagnostics
    assert found.code == "E741"
    assert "hunter2" not in found.message + "".join(found.help or ())


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("s3://", "names no bucket"),
        ("s3://b/a", "has `b` in place of a bucket"),
        ("az://a b/c", "has `a b` in place of a container"),
        ("https://127.0.0.1:99999/a", "has `127.0.0.1:99999` in place of a host"),
    ],
)
def test_what_stands_where_a_name_should(ref: str, words: str) -> None:
    with pytest.raises(MergecError, match=words):
        locate(ref, None, ROOT)


def test_a_revision_is_refused() -> None:
    with pytest.raises(MergecError, match="a store has none"):
        locate("s3://bucket/a", "v1", ROOT)


@pytest.mark.parametrize(
    ("ref", "allowed"), [("http://localhost:1/a", True), ("http://host/a", False)]
)
def test_without_encryption_this_machine_alone_is_read(
    ref: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERGEC_ALLOW_HTTP", "1")
    if allowed:
        assert isinstance(locate(ref, None, ROOT), StoreReference)
        return
    with pytest.raises(MergecError, match="without encryption"):
        locate(ref, None, ROOT)
