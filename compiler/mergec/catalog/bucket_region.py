"""In which region a bucket on Amazon S3 is: any of its servers says so to whoever asks."""

import os
import re
from email.message import Message
from http.client import HTTPException
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

_USUAL = "https://s3.amazonaws.com"
# In the order in which `obstore` heeds them.
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGION = re.compile(r"[a-z]{2,8}(-[a-z]{2,16}){1,3}-\d{1,2}")
_PATIENCE = 10  # seconds


def bucket_region(bucket: str) -> str | None:
    """The region; None where nobody says.

    The request is not signed: a server names the region even where it shows nothing else.
    """
    endpoints = (os.environ.get(variable) for variable in _ENDPOINTS)
    endpoint = next(filter(None, endpoints), _USUAL)
    if not endpoint.startswith(("https://", "http://")):
        return None
    request = Request(f"{endpoint.rstrip('/')}/{bucket}", method="HEAD")
    try:
        with build_opener(_Stay).open(request, timeout=_PATIENCE) as answer:
            stated = answer.headers.get("x-amz-bucket-region")
    except HTTPError as error:  # the usual answer to a request that is not signed
        stated = error.headers.get("x-amz-bucket-region")
        error.close()
    except (OSError, ValueError, HTTPException):
        return None
    return stated if stated is not None and _REGION.fullmatch(stated) else None


class _Stay(HTTPRedirectHandler):
    """Follows nothing: that it leads elsewhere is the answer."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Any:
        """None, which makes an HTTPError of it."""
