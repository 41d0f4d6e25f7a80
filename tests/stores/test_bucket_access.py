"""Who asks a bucket, and where it is: profiles, public buckets, regions, servers of others."""

from pathlib import Path

import pytest

from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.hub.at_loopback import toy
from tests.stores.loopback_s3 import KEY, SECRET, LoopbackS3
from tests.stores.loopback_web import LoopbackWeb

HOME = "eu-west-3"


def profile(monkeypatch: pytest.MonkeyPatch, name: str, *lines: str) -> None:
    """A profile alone in the files of this user, and no keys in the environment."""
    Path("aws").mkdir(exist_ok=True)
    Path("aws/credentials").write_text("\n".join([f"[{name}]", *lines, ""]))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(Path("aws/credentials").absolute()))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(Path("aws/config").absolute()))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable, raising=False)


KEYS = (f"aws_access_key_id = {KEY}", f"aws_secret_access_key = {SECRET}")


@pytest.fixture
def bucket(mergec: Mergec, web: LoopbackWeb, monkeypatch: pytest.MonkeyPatch) -> LoopbackWeb:
    """A server that speaks S3's protocol, with a model in the bucket `models`."""
    web.put("models/base", toy("base"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", web.address)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return web


def keys_of(web: LoopbackWeb) -> set[str]:
    """By which keys and regions it was asked; empty for requests that are not signed."""
    signed = {each.partition("Credential=")[2].partition(",")[0] for each in web.signatures}
    return {"/".join(it.split("/")[i] for i in (0, 2)) if it else "" for it in signed}


@pytest.mark.parametrize("named", [True, False])
def test_a_profile(
    mergec: Mergec, bucket: LoopbackWeb, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    profile(monkeypatch, "work" if named else "default", *KEYS)
    if named:
        monkeypatch.setenv("AWS_PROFILE", "work")
    assert mergec("inspect", "s3://models/base").status == 0
    assert keys_of(bucket) == {f"{KEY}/us-east-1"}


def test_keys_in_the_environment_go_before_a_profile(
    mergec: Mergec, bucket: LoopbackWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile(monkeypatch, "work", *KEYS)
    monkeypatch.setenv("AWS_PROFILE", "another")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAELSE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert mergec("inspect", "s3://models/base").status == 0
    assert keys_of(bucket) == {"AKIAELSE/us-east-1"}


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (None, "there is no profile `work`"),
        ((), "the profile `work` has none"),
        (("aws_access_key_id = AKIA",), "gives none (PartialCredentialsError)"),
        (("credential_process = ./nothing-of-the-kind",), "`work` gives none"),
    ],
)
def test_a_profile_that_gives_no_credentials(
    mergec: Mergec,
    bucket: LoopbackWeb,
    monkeypatch: pytest.MonkeyPatch,
    lines: tuple[str, ...] | None,
    words: str,
) -> None:
    profile(monkeypatch, "other" if lines is None else "work", *(lines or ()))
    monkeypatch.setenv("AWS_PROFILE", "work")
    write_spec('a = model("s3://models/base")', 'b = model("./code")', "child = linear(a, b)")
    outcome = mergec("check", "spec.merge")
    refused(outcome, "E750", 4)
    assert words in outcome.err
    assert "--> spec.merge:1:5" in outcome.err


def test_a_profile_without_the_library(
    mergec: Mergec, bucket: LoopbackWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_: str) -> None:
        """No package is found."""

    monkeypatch.setattr("mergec.catalog.store_credentials.find_spec", absent)
    profile(monkeypatch, "work", *KEYS)
    monkeypatch.setenv("AWS_PROFILE", "work")
    outcome = mergec("inspect", "s3://models/base")
    refused(outcome, "E750", 4)
    assert 'pip install "mergec[aws]"' in outcome.err


def test_a_public_bucket_is_asked_without_a_signature(
    mergec: Mergec, bucket: LoopbackWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile(monkeypatch, "default", *KEYS)
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    assert mergec("inspect", "s3://models/base").status == 0
    assert keys_of(bucket) == {""}


@pytest.fixture
def elsewhere(bucket: LoopbackWeb, monkeypatch: pytest.MonkeyPatch) -> LoopbackWeb:
    """The same bucket, in another region."""
    bucket.region = HOME
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return bucket


def test_a_bucket_in_another_region_is_found(mergec: Mergec, elsewhere: LoopbackWeb) -> None:
    write_spec('a = model("s3://models/base")', 'b = model("./code")', "child = linear(a, b)")
    outcome = mergec("run", "spec.merge", "-o", "far")
    assert (outcome.status, outcome.err) == (0, "")
    write_spec('a = model("./base")', 'b = model("./code")', "child = linear(a, b)")
    assert mergec("run", "spec.merge", "-o", "near").status == 0
    far, near = (Path(name, "model.safetensors").read_bytes() for name in ("far", "near"))
    assert far == near
    # Two lists and a question for the headers, a question in the run.
    assert [each.path for each in elsewhere.asked].count("/models") == 4


@pytest.mark.parametrize("region", ["", "nowhere", "eu-west-3\u202e", "x" * 99])
def test_a_region_that_is_none(mergec: Mergec, elsewhere: LoopbackWeb, region: str) -> None:
    elsewhere.region = region or "secret"
    elsewhere.states_region = bool(region)
    outcome = mergec("inspect", "s3://models/base")
    refused(outcome, "E744", 4)
    assert "is in another region than `AWS_REGION` says" in outcome.err
    assert "= help: set `AWS_REGION` to the region in which it was made\n" in outcome.err


def test_a_server_without_certificates_must_be_allowed(
    mergec: Mergec, elsewhere: LoopbackWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    outcome = mergec("inspect", "s3://models/base")
    refused(outcome, "E744", 4)
    assert "= help: set `AWS_ALLOW_HTTP=true`" in outcome.err
    assert not elsewhere.asked


def test_a_server_of_another_kind_knows_the_bucket_by_its_path(
    mergec: Mergec, s3: LoopbackS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.bucket("models")
    s3.put("models/base", toy("base"))
    monkeypatch.delenv("AWS_REGION")
    profile(monkeypatch, "minio", *KEYS)
    monkeypatch.setenv("AWS_PROFILE", "minio")
    assert mergec("inspect", "s3://models/base").status == 0
