"""Text files that commands write: all of the new text or all of the old one."""

import contextlib
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Make or replace the file `path`, keeping the permissions of an old one; E803 or E804."""
    beside = path.with_name(f".{path.name}.mergec-new")
    try:
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    except OSError as error:
        from mergec.shards.system_errors import output_failed

        if not isinstance(error, FileExistsError):
            with contextlib.suppress(OSError):
                beside.unlink()
        raise output_failed(error, path) from None
