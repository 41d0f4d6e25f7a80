"""Spec files to source text: size and encoding are checked before anything else looks at them."""

import stat
from pathlib import Path

from mergec.diagnostics import SourceText, escape, fail, nearest
from mergec.syntax import limits

_BOM = b"\xef\xbb\xbf"
# The longer marks first: that of UTF-32 begins with that of UTF-16.
_OTHER_ENCODINGS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
# How many specs are named where one is not there.
_SHOWN = 3


def read_spec(path: Path, name: str) -> SourceText:
    """The text of the spec at `path`, to be shown as `name`.

    Reads at most the limit of 1 MiB. Raises E701 (no such file), E702 (not a regular file), E715
    (the system refused), E107 (too large) and E106 (not UTF-8).
    """
    try:
        # Asked before opening: to open a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise fail(
                "E702",
                f"`{escape(name)}` is not a regular file",
                help="name the `.merge` file itself",
            )
        with path.open("rb") as file:
            data = file.read(limits.SPEC_BYTES + 1)
    except FileNotFoundError:
        raise fail(
            "E701", f"there is no spec `{escape(name)}`", help=_instead(path, name)
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise fail("E715", f"cannot open `{escape(name)}`: {reason}") from None
    return decode_spec(data, name)


def _instead(path: Path, name: str) -> str:
    """What may have been meant by a spec that is not there."""
    if not path.parent.is_dir():
        return f"there is no folder `{escape(str(Path(name).parent))}` either; check the path"
    beside = sorted(each.name for each in path.parent.glob("*.merge"))
    near = nearest(path.name, beside)
    if near is not None:
        return f"did you mean `{escape(str(path.with_name(near)))}`?"
    if not beside:
        return "no `.merge` file is in that folder; check the path"
    more = f" and {len(beside) - _SHOWN} more" if len(beside) > _SHOWN else ""
    names = ", ".join(f"`{escape(each)}`" for each in beside[:_SHOWN])
    return f"specs in that folder: {names}{more}"


def decode_spec(data: bytes, name: str) -> SourceText:
    """The text of a spec from its bytes, as from standard input. Raises E107 and E106."""
    shown = escape(name)
    if len(data) > limits.SPEC_BYTES:
        raise fail(
            "E107",
            f"`{shown}` is larger than 1 MiB",
            help="check that this file is a spec; no spec needs that much text",
        )
    for mark, encoding in _OTHER_ENCODINGS:
        if data.startswith(mark):
            raise fail("E106", f"`{shown}` is {encoding} text", help="save the file as UTF-8")
    marked = data.startswith(_BOM)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise fail(
            "E106",
            f"`{shown}` is not UTF-8 text: byte {data[error.start]:#04x} "
            f"at offset {error.start}, in line {line}",
            help="save the file as UTF-8",
        ) from None
    return SourceText(name, text.removeprefix("\ufeff"), byte_order_mark=marked)
