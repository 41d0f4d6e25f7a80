"""The least that any merge must do: read what it reads, and write an output of the same size.

    python floor.py plain|fsync|sha256 OUTPUT BYTES PATH:START:END...

Plain system calls on one thread with a 4 MiB buffer; no check and no arithmetic. `fsync` forces the
output to disk, `sha256` takes a digest of what is written: the least that these two cost.
"""

import hashlib
import os
import sys

_BUFFER_BYTES = 4 << 20


def main() -> None:
    """Read the extents named on the command line, then write the output."""
    kind, output, size, *extents = sys.argv[1:]
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    for extent in extents:
        path, start, end = extent.rsplit(":", 2)
        place = int(start)
        descriptor = os.open(path, os.O_RDONLY)
        while place < int(end):
            place += os.preadv(descriptor, [buffer[: int(end) - place]], place)
        os.close(descriptor)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    left = int(size)
    while left:
        written = os.write(descriptor, buffer[:left])
        left -= written
        if kind == "sha256":
            digest.update(buffer[:written])
    if kind == "fsync":
        os.fsync(descriptor)
    os.close(descriptor)


if __name__ == "__main__":
    main()
