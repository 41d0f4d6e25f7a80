"""Use so many bytes of memory and leave them free: `python touch.py BYTES`.

The host of a virtual machine takes back what is free, and returns it at a tenth of the speed of
memory. A process of its own, because the largest size of one shows in those that it starts.
"""

import sys
from mmap import PAGESIZE, mmap


def main() -> None:
    """Write a byte to each page."""
    with mmap(-1, max(int(sys.argv[1]), PAGESIZE)) as memory:
        for place in range(0, len(memory), PAGESIZE):
            memory[place] = 1


if __name__ == "__main__":
    main()
