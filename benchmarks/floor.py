"""The least that any merge must do: read every input and write an output of the same size.

    python floor.py OUTPUT BYTES INPUT...

Plain system calls on one thread with a 4 MiB buffer; no check, no arithmetic, no fsync.
"""

import os
import sys

_BUFFER_BYTES = 4 << 20


def main() -> None:
    """Read the files named on the command line, then write the output."""
    output, size, *inputs = sys.argv[1:]
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    for path in inputs:
        descriptor = os.open(path, os.O_RDONLY)
        while os.readv(descriptor, [buffer]):
            pass
        os.close(descriptor)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    left = int(size)
    while left:
        left -= os.write(descriptor, buffer[:left])
    os.close(descriptor)


if __name__ == "__main__":
    main()
