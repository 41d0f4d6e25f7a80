"""Recognising what a file is that should have been safetensors."""

import re
from pathlib import Path

from mergec.catalog.quoted import quoted
from mergec.diagnostics import MergecError, fail

# As many first bytes as the recognition wants; a Git LFS pointer is about 130 bytes.
SNIFFED_BYTES = 1024

# Suffixes of files that may hold a pickle. mergec never opens one, whatever is inside.
PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".ckpt", ".pth", ".pkl", ".pickle"})


def refuse_pickle(path: Path, *, all_of: int = 1) -> MergecError:
    """E706 for a checkpoint of `all_of` pickle files, of which `path` is one."""
    more = f" (and {all_of - 1} more)" if all_of > 1 else ""
    return fail(
        "E706",
        f"{quoted(path)}{more} is in a pickle format",
        notes=("loading a pickle can run code that it brings along, so mergec never unpickles",),
        help=(
            "convert it where you trust it:"
            " `safetensors.torch.save_file(torch.load(path, weights_only=True),"
            ' "model.safetensors")`'
        ),
    )


def refuse_by_content(path: Path, head: bytes) -> MergecError | None:
    """E704 or E705 if the first bytes `head` tell what the file is instead; None if they do not."""
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        return _lfs_pointer(path, head)
    kind = _kind(head)
    if kind is None:
        return None
    return fail("E704", f"{quoted(path)} is {kind}, not safetensors", help=_advice(kind))


def is_web_page(head: bytes) -> bool:
    """Whether the first bytes are those of HTML or XML, as servers send them instead of a file."""
    start = head[: 4 * SNIFFED_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml"))


def _lfs_pointer(path: Path, head: bytes) -> MergecError:
    oid = re.search(rb"^oid (sha256:[0-9a-f]{64})$", head, re.MULTILINE)
    size = re.search(rb"^size (\d{1,18})$", head, re.MULTILINE)
    notes: list[str] = []
    if oid and size:
        held = f"it stands for {oid[1].decode()}, {int(size[1]):,} bytes"
        notes.append(held)
    return fail(
        "E705",
        f"{quoted(path)} is a Git LFS pointer, not the weights",
        notes=notes,
        help="run `git lfs pull` in the folder of the checkpoint",
    )


_MAGIC = (
    (b"PK\x03\x04", "a ZIP archive (the form in which torch.save writes pickles)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"GGUF", "a GGUF file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array file"),
)


def _kind(head: bytes) -> str | None:
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a pickle"
    if head[257:262] == b"ustar":
        return "a tar archive"
    if is_web_page(head):
        return "an HTML page"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64]
    if start.startswith((b"{", b"[")):
        return "JSON text"
    return "text" if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    # Judged by the bytes where the size word would stand: text makes an impossible length of them.
    return len(head) >= 8 and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head[:64])


def _advice(kind: str) -> str:
    if kind == "JSON text":
        return "name the folder of the checkpoint, or one of its `.safetensors` files"
    if "HTML" in kind or kind == "text":
        return "download the file again; a server's error page was probably saved in its place"
    if "pickle" in kind:
        return "convert it with safetensors where you trust it; mergec never unpickles"
    return "name a `.safetensors` file; mergec reads no other format of weights"
