"""Random words against published vectors, and masks that depend on key and index alone."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergec.backends import Backend, get_backend
from mergec.ops.threefry import Key, encrypt, keep_mask, keep_threshold, mask_key, words
from tests.ops.stage_runner import installed_backends

both = pytest.mark.parametrize("backend", installed_backends())
REFERENCE = get_backend("reference")

PUBLISHED = [
    ((0, 0), (0, 0), "6b200159 99ba4efe"),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), "1cb996fc bb002be7"),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), "c4923a9c 483df7a0"),
]
GOLDEN = [
    ("A", "cf2542b4 f42dfb3f", "52819144 f6c48f76 fc0de430 8cccffb1", "10000001", "00000000"),
    ("B", "e93342b3 1959761f", "b6c42a97 977d6276 09c023a7 75d12ca9", "00110101", "00100001"),
    ("C", "72403f3c 86b63b89", "8964421b e7675cdb 114ee62e 7ebb3ca1", "00110011", "00100010"),
]


@both
@pytest.mark.parametrize(("key", "counter", "expected"), PUBLISHED)
def test_the_published_known_answers(
    backend: Backend, key: Key, counter: Key, expected: str
) -> None:
    low, high = (backend.xp.iota(1) + _signed(word) for word in counter)
    assert _hex(word[0] for word in encrypt(backend.xp, key, low, high)) == expected


@both
@pytest.mark.parametrize(("label", "key", "first_words", "half", "quarter"), GOLDEN)
def test_the_golden_keys_words_and_masks(
    backend: Backend, label: str, key: str, first_words: str, half: str, quarter: str
) -> None:
    found = mask_key(0, "dare", label, "w")
    assert " ".join(f"{word:08x}" for word in found) == key
    assert _hex(words(backend.xp, found, 0, 4)) == first_words
    assert _mask(backend, found, 0, 8, Fraction(1, 2)) == half
    assert _mask(backend, found, 0, 8, Fraction(1, 4)) == quarter


@both
def test_the_golden_key_of_a_real_tensor_name(backend: Backend) -> None:
    key = mask_key(0, "dare", "code", "model.layers.0.mlp.up_proj.weight")
    assert " ".join(f"{word:08x}" for word in key) == "49ddd77c d89c5a7c"
    assert _hex(words(backend.xp, key, 0, 8)) == (
        "2e835e26 b76f8c6f 0b0a4058 12f69fa4 b199324a 256d461b fe12eba6 4d0e9661"
    )


@both
@pytest.mark.parametrize("start", [0, 6, 2**17, 2**32 - 4, 2**33 - 4, 2**33, 2**34 - 3, 5 * 2**33])
def test_words_far_into_a_tensor_follow_the_counter(backend: Backend, start: int) -> None:
    key = mask_key(7, "dare#1/s", "code", "w")
    expected = [
        _word_by_definition(key, (index >> 1) % 2**32, index >> 33, index & 1)
        for index in range(start, start + 9)
    ]
    found = [int(word) % 2**32 for word in words(backend.xp, key, start, 9)]
    assert found == expected


@both
def test_any_chunking_gives_the_same_mask(backend: Backend) -> None:
    key, bound = mask_key(3, "dare", "A", "w"), keep_threshold(Fraction(3, 10))
    whole = _text(keep_mask(backend.xp, key, 0, 1000, bound))
    cuts = [0, 1, 2, 5, 64, 511, 512, 1000]
    pieces = [
        _text(keep_mask(backend.xp, key, start, end - start, bound))
        for start, end in pairwise(cuts)
    ]
    assert "".join(pieces) == whole


@given(
    seed=st.integers(0, 2**64 - 1),
    small=st.fractions(0, 1, max_denominator=1000),
    large=st.fractions(0, 1, max_denominator=1000),
)
def test_masks_are_nested_in_the_density(seed: int, small: Fraction, large: Fraction) -> None:
    low, high = sorted((small, large))
    key = mask_key(seed, "dare", "A", "w")
    fewer = keep_mask(REFERENCE.xp, key, 0, 64, keep_threshold(low))
    more = keep_mask(REFERENCE.xp, key, 0, 64, keep_threshold(high))
    assert not (fewer & ~more).any()


def test_density_one_keeps_everything_and_zero_nothing() -> None:
    key = mask_key(0, "dare", "A", "w")
    assert _mask(REFERENCE, key, 0, 64, Fraction(1)) == "1" * 64
    assert _mask(REFERENCE, key, 0, 64, Fraction(0)) == "0" * 64


def test_the_threshold_is_exact() -> None:
    assert keep_threshold(Fraction("0.1")) == 429496729
    assert keep_threshold(Fraction(1, 2**33)) == 0


@pytest.mark.parametrize("other", [(1, "dare", "A", "w"), (0, "dare/s", "A", "w")])
def test_another_seed_or_stream_is_another_mask(other: tuple[int, str, str, str]) -> None:
    n = 1 << 16
    first = keep_mask(REFERENCE.xp, mask_key(0, "dare", "A", "w"), 0, n, 1 << 31)
    second = keep_mask(REFERENCE.xp, mask_key(*other), 0, n, 1 << 31)
    # Five standard deviations of a fixed experiment: it cannot flicker.
    assert abs(int((first ^ second).sum()) - n / 2) < 5 * (n / 4) ** 0.5


def test_words_are_uniform_at_a_fixed_seed() -> None:
    n, bound = 1 << 18, keep_threshold(Fraction(3, 10))
    kept = int(keep_mask(REFERENCE.xp, mask_key(0, "dare", "A", "w"), 0, n, bound).sum())
    assert abs(kept - 0.3 * n) < 5 * (n * 0.3 * 0.7) ** 0.5


def test_key_parts_cannot_run_into_each_other() -> None:
    assert mask_key(0, "dare", "ab", "c") != mask_key(0, "dare", "a", "bc")


def _word_by_definition(key: Key, low: int, high: int, which: int) -> int:
    """Threefry-2x32-20 in Python integers, round by round."""
    schedule = (*key, key[0] ^ key[1] ^ 0x1BD11BDA)
    left, right = (low + key[0]) % 2**32, (high + key[1]) % 2**32
    for number in range(20):
        by = (13, 15, 26, 6, 17, 29, 16, 24)[number % 8]
        left = (left + right) % 2**32
        right = (right << by | right >> (32 - by)) % 2**32 ^ left
        if number % 4 == 3:
            group = number // 4 + 1
            left = (left + schedule[group % 3]) % 2**32
            right = (right + schedule[(group + 1) % 3] + group) % 2**32
    return (left, right)[which]


def _mask(backend: Backend, key: Key, start: int, n: int, density: Fraction) -> str:
    return _text(keep_mask(backend.xp, key, start, n, keep_threshold(density)))


def _text(mask: Any) -> str:
    return "".join(str(int(kept)) for kept in np.asarray(mask))


def _hex(values: Any) -> str:
    return " ".join(f"{int(word) % 2**32:08x}" for word in values)


def _signed(word: int) -> int:
    return word - 2**32 if word >> 31 else word
