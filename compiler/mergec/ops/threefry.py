"""Random words that depend on a key and an index alone: threefry-2x32 with 20 rounds.

The same words come out on every backend, for every block size and order, because nothing is drawn
from a stream: word i of a tensor is a function of i.

Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
SC 2011, section 4.2.
"""

import hashlib
import struct
from fractions import Fraction

from mergec.ops.namespace import Array, ArrayNamespace

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
"""By how many bits the four rounds of even and of odd groups turn."""
PARITY = 0x1BD11BDA
"""The third word of the key is the exclusive or of the others and of this."""
_WORD = 1 << 32

Key = tuple[int, int]


def mask_key(seed: int, role: str, label: str, tensor: str) -> Key:
    """The key of one tensor's mask: the first 8 bytes of a SHA-256, as two little-endian words.

    seed: 0 to 2^64-1. role: which use of randomness, such as `dare` or `dare#1/s`. label: of the
    source. tensor: its name.

    >>> [f"{word:08x}" for word in mask_key(0, "dare", "A", "w")]
    ['cf2542b4', 'f42dfb3f']
    """
    digest = hashlib.sha256(b"mergec-rng-v1\0" + struct.pack("<Q", seed))
    for text in (role, label, tensor):
        data = text.encode()
        digest.update(struct.pack("<I", len(data)) + data)
    first, second = struct.unpack_from("<II", digest.digest())
    return int(first), int(second)


def keep_threshold(density: Fraction) -> int:
    """T = floor(density * 2^32): an element is kept if its word, unsigned, is below T."""
    return density.numerator * _WORD // density.denominator


def keep_mask(xp: ArrayNamespace, key: Key, start: int, n: int, threshold: int) -> Array:
    """Which of the elements `start` ... `start + n - 1` of a tensor are kept."""
    if threshold >= _WORD:
        return xp.iota(n) >= 0
    # Signed words compare like unsigned ones once both have their top bit flipped.
    bound, flip = threshold - (1 << 31), -(1 << 31)
    even, odd = _element_words(xp, key, start, n)
    even ^= flip
    odd ^= flip
    kept = xp.interleave(even < bound, odd < bound)
    return kept[start & 1 : (start & 1) + n]


def keep_below(xp: ArrayNamespace, key: Key, start: int, thresholds: Array) -> Array:
    """Which of the elements from `start` on are kept, each by its own threshold: an int64 array."""
    # Signed words compare like unsigned ones once both have their top bit flipped.
    drawn = words(xp, key, start, len(thresholds)) ^ -(1 << 31)
    return drawn < thresholds - (1 << 31)


def words(xp: ArrayNamespace, key: Key, start: int, n: int) -> Array:
    """The words of the elements `start` ... `start + n - 1`, as int32 patterns."""
    drawn = xp.interleave(*_element_words(xp, key, start, n))
    return drawn[start & 1 : (start & 1) + n]


def encrypt(xp: ArrayNamespace, key: Key, low: Array, high: Array) -> tuple[Array, Array]:
    """Threefry-2x32-20 of the counters (low, high), int32 arrays, which are left unchanged."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ PARITY)
    left = low + signed(schedule[0])
    right = high + signed(schedule[1])
    for group in range(5):
        for by in ROTATIONS[group % 2]:
            left += right
            right = xp.rotate_left(right, by)
            right ^= left
        left += signed(schedule[(group + 1) % 3])
        right += signed(schedule[(group + 2) % 3] + group + 1)
    return left, right


def _element_words(xp: ArrayNamespace, key: Key, start: int, n: int) -> tuple[Array, Array]:
    """Element i has word i & 1 of counter i >> 1: the words of all counters that are touched."""
    first = start >> 1
    counters = ((start + n + 1) >> 1) - first
    steps = xp.iota(counters)
    low = steps + signed(first)
    high = steps * 0 + signed(first >> 32)
    if (first % _WORD) + counters > _WORD:  # the low word wraps inside this block
        high += xp.mask_as(steps >= _WORD - first % _WORD, steps)
    return xp.threefry(key, low, high)


def signed(word: int) -> int:
    """The int32 with the bit pattern of `word` modulo 2^32."""
    return (word + (1 << 31)) % _WORD - (1 << 31)
