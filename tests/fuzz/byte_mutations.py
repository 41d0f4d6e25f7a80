"""Changed bytes: of JSON a token or a stretch of tokens, of anything a byte, a piece or the end.

The same for one seed, so that what a test found is found again.
"""

import re
from collections.abc import Callable, Sequence
from random import Random

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|[a-z]+|\s+|.', re.DOTALL)
_ODD = (
    b"0", b"-0", b"-1", b"1e400", b"1.5", b"9" * 30, b"9" * 5000, b"18446744073709551615",
    b"9223372036854775808", b"true", b"null", b"NaN", b"-Infinity", b"{}", b"[]", b'""', b"[[]]",
    b'"F16"', b'"F8_E4M3"', b'"I32"', b'"\\ud800"', b'"\\u0000"', b'"../x"', b'"/etc/passwd"',
    b'"\x1b[31m"', b'"\xff"', b'"sha256"', b"\n", b"\0", b"\xef\xbb\xbf", b",", b":", b"{", b"}",
    b"[", b"]", b'"', b"\\", b"//", b"---", '"caf\u00e9"'.encode(), '"\u202e"'.encode(),
    b'{"a":1,"a":2}', b"&a", b"*a", b"!!python/none",
)  # fmt: skip
_DEEP = (b"[", b'{"a":')


def tokens(data: bytes) -> list[bytes]:
    """The tokens of JSON text, near enough; together they are all of it."""
    return _TOKEN.findall(data)


def mutated(random: Random, data: bytes, kin: Sequence[bytes]) -> bytes:
    """One to three changes; pieces may come from `kin`, which are texts of the same kind."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        how = random.choice(_HOWS)
        data = how(random, data, random.choice(kin))
    return data


def _token(random: Random, data: bytes, _: bytes) -> bytes:
    parts = tokens(data) or [b""]
    at = random.randrange(len(parts))
    how = random.randrange(4)
    if how == 0:
        parts[at] = random.choice(_ODD)
    elif how == 1:
        del parts[at]
    elif how == 2:
        parts.insert(at, random.choice(_ODD))
    else:
        parts[at] = _alike(random, parts[at], parts)
    return b"".join(parts)


def _alike(random: Random, token: bytes, parts: Sequence[bytes]) -> bytes:
    """A token of the same kind, from the same text or strange: what is still JSON."""
    kin = [each for each in (*parts, *_ODD) if _kind(each) == _kind(token)]
    return random.choice(kin)


def _kind(token: bytes) -> bytes:
    first = token[:1]
    return b"0" if first.isdigit() or first == b"-" else b"a" if first.isalpha() else first


def _stretch(random: Random, data: bytes, _: bytes) -> bytes:
    parts = tokens(data) or [b""]
    low, high = sorted(random.randrange(len(parts) + 1) for _ in range(2))
    if random.random() < 0.5:
        del parts[low:high]
    else:
        parts[low:low] = parts[low:high][:60]
    return b"".join(parts)


def _deeper(random: Random, data: bytes, _: bytes) -> bytes:
    parts = tokens(data)
    count = random.choice((3, 40, 100, 3000))
    parts.insert(random.randint(0, len(parts)), random.choice(_DEEP) * count)
    return b"".join(parts)


def _flipped(random: Random, data: bytes, _: bytes) -> bytes:
    changed = bytearray(data or b"\0")
    for _again in range(random.choice((1, 1, 4))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _cut(random: Random, data: bytes, _: bytes) -> bytes:
    low, high = sorted(random.randint(0, len(data)) for _ in range(2))
    return random.choice((data[:low], data[low:], data[:low] + data[high:]))


def _inserted(random: Random, data: bytes, _: bytes) -> bytes:
    at = random.randint(0, len(data))
    piece = random.choice((random.randbytes(random.randint(1, 8)), random.choice(_ODD)))
    return data[:at] + piece + data[at:]


def _spliced(random: Random, data: bytes, other: bytes) -> bytes:
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


_HOWS: Sequence[Callable[[Random, bytes, bytes], bytes]] = (
    _token, _token, _token, _stretch, _deeper, _flipped, _cut, _inserted, _spliced,
)  # fmt: skip
