"""Threefry-2x32-20 on plain integers, written from the paper: the test suite's own mask."""

import hashlib
from fractions import Fraction

WORD = 2**32
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)


def block(key: tuple[int, int], counter: tuple[int, int]) -> tuple[int, int]:
    """One counter encrypted: add the key after every fourth of twenty rounds."""
    words = (*key, key[0] ^ key[1] ^ 0x1BD11BDA)
    x, y = (counter[0] + words[0]) % WORD, (counter[1] + words[1]) % WORD
    for turn in range(20):
        x = (x + y) % WORD
        by = ROTATIONS[turn % 8]
        y = ((y << by) | (y >> (32 - by))) % WORD ^ x
        if turn % 4 == 3:
            injection = turn // 4 + 1
            x = (x + words[injection % 3]) % WORD
            y = (y + words[(injection + 1) % 3] + injection) % WORD
    return x, y


def key_of(seed: int, role: str, label: str, tensor: str) -> tuple[int, int]:
    """The first eight bytes of SHA-256 over the tagged seed and the three length-prefixed texts."""
    said = b"mergec-rng-v1\0" + seed.to_bytes(8, "little")
    for text in (role, label, tensor):
        raw = text.encode("utf-8")
        said += len(raw).to_bytes(4, "little") + raw
    digest = hashlib.sha256(said).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")


def word_of(key: tuple[int, int], index: int) -> int:
    """The word of one element of a tensor."""
    counter = index // 2
    return block(key, (counter % WORD, counter // WORD))[index % 2]


def kept(seed: int, role: str, label: str, tensor: str, density: Fraction, n: int) -> list[bool]:
    """Which of a tensor's n elements a random drop keeps."""
    key = key_of(seed, role, label, tensor)
    threshold = density * WORD // 1
    return [word_of(key, index) < threshold for index in range(n)]
