"""Who asks a bucket on Amazon S3: the credentials of a profile in `~/.aws`, by way of boto3.

What the environment or the machine states, `obstore` finds itself. Profiles, with the roles and
sign-ins that they name, are boto3's to understand; it is imported where there are any and not
before.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mergec.catalog.quoted import quoted
from mergec.catalog.store_reference import StoreReference
from mergec.diagnostics import MergecError, fail

# With any of these there is nothing to look up.
_STATED = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_FILES = {
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "AWS_CONFIG_FILE": "~/.aws/config",
}


def profile_options(where: StoreReference) -> dict[str, Any]:
    """Options of an `S3Store` for the profile in use; none where there is none to use.

    E750 where `AWS_PROFILE` names a profile and its credentials cannot be had.
    """
    named = os.environ.get("AWS_PROFILE", "")
    if any(map(os.environ.get, _STATED)) or _is_public() or not (named or _has_files()):
        return {}
    if find_spec("boto3") is None:
        if named:
            raise _no_credentials(
                where,
                "boto3, which reads profiles, is not installed",
                'run `pip install "mergec[aws]"`, or set `AWS_ACCESS_KEY_ID` and'
                " `AWS_SECRET_ACCESS_KEY`",
            )
        return {}
    botocore, boto3 = import_module("botocore.exceptions"), import_module("boto3")
    try:
        session = boto3.Session()
        if session.get_credentials() is None:
            if named:
                raise _no_credentials(where, f"the profile {quoted(named)} has none", _SET)
            return {}
        provider = import_module("obstore.auth.boto3").Boto3CredentialProvider(session)
        provider()  # now, while it can be told in words
    except (botocore.BotoCoreError, botocore.ClientError, OSError) as error:
        raise _failed(where, named or "default", error) from error
    options = {"credential_provider": provider}
    stated = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    region = stated or session.region_name
    return options | ({"region": region} if region else {})


_SET = "add keys to the profile, or name another by `AWS_PROFILE`"


def _failed(where: StoreReference, profile: str, error: Exception) -> MergecError:
    """By the kind of the exception: what it says may hold what is in the files."""
    kind = type(error).__name__
    if kind == "ProfileNotFound":
        return _no_credentials(where, f"there is no profile {quoted(profile)}", _SET)
    if "SSO" in kind or "Token" in kind or "Login" in kind:
        return _no_credentials(
            where,
            f"the sign-in of the profile {quoted(profile)} is over",
            f"run `aws sso login --profile {profile}`",
        )
    return _no_credentials(
        where,
        f"the profile {quoted(profile)} gives none ({kind})",
        f"see what `aws sts get-caller-identity --profile {profile}` says",
    )


def _no_credentials(where: StoreReference, why: str, advice: str) -> MergecError:
    return fail("E750", f"there are no credentials for {quoted(where)}: {why}", help=advice)


def _is_public() -> bool:
    return os.environ.get("AWS_SKIP_SIGNATURE", "").lower() in ("1", "true")


def _has_files() -> bool:
    named = (os.environ.get(variable) or usual for variable, usual in _FILES.items())
    try:
        return any(Path(path).expanduser().is_file() for path in named)
    except (OSError, RuntimeError):  # a home folder of nobody
        return False
