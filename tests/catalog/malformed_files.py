"""Malformed safetensors files by name: their bytes, the code, and what is said (`F` is the path).

The rows are files that the `safetensors` library was tried on; in `LENIENT` are those it reads.
"""

from tests.catalog.safetensors_bytes import entry, file_of, framed

F32 = entry("F32", [2], 0, 8)
EIGHT = bytes(range(8))

GOOD = framed(f'{{"a":{F32}}}', EIGHT)

FRAMING = {
    "empty": (b"", "E703", "F is 0 bytes long, too short for a safetensors header"),
    "seven-bytes": (
        b"\x08\0\0\0\0\0\0",
        "E703",
        "F is 7 bytes long, too short for a safetensors header",
    ),
    "no-header": (
        bytes(64),
        "E703",
        "F belongs to an unfinished checkpoint: its first eight bytes are zero",
    ),
    "length-beyond-file": (
        (500).to_bytes(8, "little") + b"{}",
        "E703",
        "F is 10 bytes long and its header alone needs 508",
    ),
    "length-all-ones": (
        b"\xff" * 8 + b"{}",
        "E708",
        "F states a header of 18,446,744,073,709,551,615 bytes, and the format allows 100,000,000",
    ),
    "length-above-format": (
        (100_000_001).to_bytes(8, "little") + b"{}",
        "E708",
        "F states a header of 100,000,001 bytes, and the format allows 100,000,000",
    ),
    "length-big-endian": (
        (2).to_bytes(8, "big") + b"{}",
        "E707",
        "F has its header length in big-endian order",
    ),
    "leading-space": (
        framed(f' {{"a":{F32}}}', EIGHT),
        "E707",
        "F has a header that does not begin with a curly bracket",
    ),
    "leading-newline": (
        framed(f'\n{{"a":{F32}}}', EIGHT),
        "E707",
        "F has a header that does not begin with a curly bracket",
    ),
    "leading-tab": (
        framed(f'\t{{"a":{F32}}}', EIGHT),
        "E707",
        "F has a header that does not begin with a curly bracket",
    ),
    "byte-order-mark": (
        framed("\ufeff{}"),
        "E707",
        "F has a header that does not begin with a curly bracket",
    ),
    "array": (framed("[]"), "E707", "F has a header that does not begin with a curly bracket"),
    "trailing-bytes": (GOOD + b"!!!", "E720", "F has 3 bytes after its last tensor"),
    "bytes-without-tensors": (framed("{}", b"x"), "E720", "F has 1 byte after its last tensor"),
    "truncated": (
        GOOD[:-6],
        "E703",
        f"F is truncated: {len(GOOD) - 6} bytes of {len(GOOD)}",
    ),
}

JSON = {
    "nul-padding": (
        framed("{}\0\0"),
        "E707",
        "the header of F is not JSON at byte 2: extra data",
    ),
    "comment": (
        framed("{/* none */}"),
        "E707",
        "the header of F is not JSON at byte 1: expecting property name enclosed in double quotes",
    ),
    "trailing-comma": (
        framed(f'{{"a":{F32},}}', EIGHT),
        "E707",
        "the header of F is not JSON at byte 54: expecting property name enclosed in double quotes",
    ),
    "cut-off": (
        framed('{"a":'),
        "E707",
        "the header of F is not JSON at byte 5: expecting value",
    ),
    "nan": (
        framed('{"a":NaN}'),
        "E707",
        "the header of F holds `NaN`, which is not JSON",
    ),
    "infinity": (
        framed('{"a":-Infinity}'),
        "E707",
        "the header of F holds `-Infinity`, which is not JSON",
    ),
    "not-utf8": (framed(b'{"\xff":1}'), "E707", "the header of F is not UTF-8 at byte 2"),
    "deep": (
        framed('{"a":' + "[" * 100_000 + "]" * 100_000 + "}"),
        "E708",
        "the header of F is nested too deep",
    ),
    "long-number": (
        framed('{"a":{"dtype":"F32","shape":[' + "1" * 5000 + '],"data_offsets":[0,8]}}', EIGHT),
        "E707",
        "the header of F holds a number of thousands of digits",
    ),
    "brackets": (
        framed('{"a":[' + "[]," * 1_000_000 + "[]]}"),
        "E708",
        "F has a header with more than 1,000,000 brackets",
    ),
    "duplicate-tensor": (
        framed(f'{{"a":{F32},"a":{F32}}}', EIGHT),
        "E709",
        "the header of F has the key `a` twice",
    ),
    "duplicate-of-another-dtype": (
        framed(f'{{"a":{entry("U8", [8], 0, 8)},"a":{F32}}}', EIGHT),
        "E709",
        "the header of F has the key `a` twice",
    ),
    "duplicate-field": (
        framed('{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', EIGHT),
        "E709",
        "the header of F has the key `dtype` twice",
    ),
    "duplicate-metadata": (
        framed('{"__metadata__":{},"__metadata__":{}}'),
        "E709",
        "the header of F has the key `__metadata__` twice",
    ),
    "duplicate-in-metadata": (
        framed('{"__metadata__":{"j":"0","k":"1","k":"2"}}'),
        "E709",
        "the header of F has the key `k` twice",
    ),
}


def one(fields: str, data: bytes = EIGHT) -> bytes:
    return framed(f'{{"a":{fields}}}', data)


ENTRIES = {
    "not-an-object": (one("7"), "E707", "the header of F has no object for tensor `a`"),
    "unknown-field": (
        one('{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":' + "[" * 99 + "]" * 99 + "}"),
        "E707",
        "the header of F has a field `x` that the format lacks in tensor `a`",
    ),
    "no-shape": (
        one('{"dtype":"F32","data_offsets":[0,8]}'),
        "E707",
        "the header of F has no field `shape` for tensor `a`",
    ),
    "unknown-dtype": (
        one(entry("F31", [2], 0, 8)),
        "E707",
        "the header of F gives tensor `a` the dtype `F31`, which the format does not have",
    ),
    "lower-case-dtype": (
        one(entry("f32", [2], 0, 8)),
        "E707",
        "the header of F gives tensor `a` the dtype `f32`, which the format does not have",
    ),
    "dtype-not-text": (
        one('{"dtype":[],"shape":[2],"data_offsets":[0,8]}'),
        "E707",
        "the header of F gives tensor `a` the dtype `[]`, which the format does not have",
    ),
    "shape-not-list": (
        one('{"dtype":"F32","shape":2,"data_offsets":[0,8]}'),
        "E707",
        "the header of F has a shape that is not a list for tensor `a`",
    ),
    **{
        f"dimension-{name}": (
            one(f'{{"dtype":"F32","shape":[{written}],"data_offsets":[0,8]}}'),
            "E707",
            f"the header of F has `{shown}` as a dimension of tensor `a`, not a whole number",
        )
        for name, written, shown in [
            ("negative", "-2", "-2"),
            ("float", "2.0", "2.0"),
            ("exponent", "2e0", "2.0"),
            ("minus-zero", "-0", "-0.0"),
            ("true", "true", "True"),
            ("text", '"2"', "2"),
            ("null", "null", "None"),
        ]
    },
    "dimension-24-digits": (
        one(entry("F32", [10**23], 0, 8)),
        "E708",
        "the header of F has the dimension `100000000000000000000000` in tensor `a`,"
        " and mergec reads up to 2⁴⁰",
    ),
    "zero-size-huge-dimension": (
        one(entry("F32", [0, 1 << 62], 0, 0), b""),
        "E708",
        f"the header of F has the dimension `{1 << 62}` in tensor `a`, and mergec reads up to 2⁴⁰",
    ),
    "product-overflow": (
        one(entry("F32", [1 << 40, 1 << 40], 0, 8)),
        "E708",
        f"the header of F has the shape `[{1 << 40}, {1 << 40}]` for tensor `a`,"
        " and mergec reads up to 2⁶⁰ elements",
    ),
    "product-overflow-times-zero": (
        one(entry("F32", [1 << 40, 1 << 40, 0], 0, 0), b""),
        "E708",
        f"the header of F has the shape `[{1 << 40}, {1 << 40}, 0]` for tensor `a`,"
        " and mergec reads up to 2⁶⁰ elements",
    ),
    "rank-17": (
        one(entry("F32", [1] * 17, 0, 4), EIGHT[:4]),
        "E708",
        "the header of F has 17 dimensions for tensor `a`, and mergec reads up to 16",
    ),
    "rank-200": (
        one(entry("F32", [1] * 200, 0, 4), EIGHT[:4]),
        "E708",
        "the header of F has 200 dimensions for tensor `a`, and mergec reads up to 16",
    ),
    "rank-100000": (
        one(entry("F32", [1] * 100_000, 0, 4), EIGHT[:4]),
        "E708",
        "the header of F has 100,000 dimensions for tensor `a`, and mergec reads up to 16",
    ),
    "three-offsets": (
        one('{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}'),
        "E707",
        "the header of F has data_offsets of tensor `a` that are not two whole numbers",
    ),
    "offsets-not-list": (
        one('{"dtype":"F32","shape":[2],"data_offsets":{"0":8}}'),
        "E707",
        "the header of F has data_offsets of tensor `a` that are not two whole numbers",
    ),
    "float-offset": (
        one('{"dtype":"F32","shape":[2],"data_offsets":[0,8.0]}'),
        "E707",
        "the header of F has data_offsets of tensor `a` that are not two whole numbers",
    ),
    "negative-offset": (
        one(entry("F32", [2], -8, 0)),
        "E719",
        "in F the bytes -8 to 0 of tensor `a` begin before the data",
    ),
    "reversed-offsets": (
        one(entry("F32", [2], 8, 0)),
        "E719",
        "in F the bytes 8 to 0 of tensor `a` end before they begin",
    ),
    "size-differs": (
        one(entry("F32", [3], 0, 8)),
        "E719",
        "in F tensor `a`, f32[3], needs 12 bytes and its offsets span 8",
    ),
    "f4-odd": (
        one(entry("F4", [3], 0, 2), EIGHT[:2]),
        "E719",
        "in F tensor `a`, f4[3], does not end at the border of a byte",
    ),
    "beyond-end": (one(entry("F32", [4], 0, 16)), "E703", "F is truncated: 71 bytes of 79"),
}


def two(a: str, b: str, data: bytes = EIGHT) -> bytes:
    return framed(f'{{"a":{a},"b":{b}}}', data)


TILING = {
    "hole-at-start": (
        one(entry("F32", [1], 4, 8)),
        "E719",
        "in F no tensor covers the bytes before `a` (bytes 4 to 8)",
    ),
    "hole-between": (
        two(entry("U8", [2], 0, 2), entry("U8", [4], 4, 8)),
        "E719",
        "in F a hole lies between `a` (bytes 0 to 2) and `b` (bytes 4 to 8)",
    ),
    "overlap": (
        two(entry("U8", [5], 0, 5), entry("U8", [4], 4, 8)),
        "E719",
        "in F `a` (bytes 0 to 5) and `b` (bytes 4 to 8) overlap",
    ),
    "alias": (
        two(F32, F32),
        "E719",
        "in F `a` (bytes 0 to 8) and `b` (bytes 0 to 8) overlap",
    ),
    "overlap-backwards": (
        two(entry("U8", [8], 0, 8), entry("U8", [2], 3, 5)),
        "E719",
        "in F `a` (bytes 0 to 8) and `b` (bytes 3 to 5) overlap",
    ),
}

NAMES = {
    "nul": (
        file_of({"a\0.x": ("U8", [1], b"1")}),
        "E718",
        "in F a tensor has a control character in its name: `a\\x00.x`",
    ),
    "escape": (
        file_of({"\x1b[31mred": ("U8", [1], b"1")}),
        "E718",
        "in F a tensor has a control character in its name: `\\x1b[31mred`",
    ),
    "c1-control": (
        file_of({"a\x9bb": ("U8", [1], b"1")}),
        "E718",
        "in F a tensor has a control character in its name: `a\\x9bb`",
    ),
    "empty-name": (
        file_of({"": ("U8", [1], b"1")}),
        "E718",
        "in F a tensor has an empty name: ``",
    ),
    "long-name": (
        file_of({"é" * 513: ("U8", [1], b"1")}),
        "E718",
        f"in F a tensor has a name of 1,026 bytes, more than 1,024: `{'é' * 120}…{'é' * 60}`",
    ),
    "name-of-a-megabyte": (
        file_of({"n" * 1_000_000: ("U8", [1], b"1")}),
        "E718",
        f"in F a tensor has a name of 1,000,000 bytes, more than 1,024: `{'n' * 120}…{'n' * 60}`",
    ),
    "lone-surrogate": (
        framed(f'{{"\\ud800":{F32}}}', EIGHT),
        "E718",
        "in F a tensor has half a surrogate pair in its name: `\\ud800`",
    ),
    "metadata-null": (
        framed('{"__metadata__":null}'),
        "E707",
        "the header of F has a `__metadata__` that is not an object of strings",
    ),
    "metadata-number": (
        framed('{"__metadata__":{"k":1}}'),
        "E707",
        "the header of F has metadata `k` that is not a string",
    ),
    "metadata-nested": (
        framed('{"__metadata__":{"k":{}}}'),
        "E707",
        "the header of F has metadata `k` that is not a string",
    ),
    "metadata-surrogate": (
        framed('{"__metadata__":{"k":"\\udfff"}}'),
        "E707",
        "the header of F has metadata `k` with half a surrogate pair",
    ),
    "metadata-large": (
        file_of({}, {"k": "x" * (1 << 20)}),
        "E708",
        "the header of F has 1,048,577 bytes of metadata, and mergec reads up to 1,048,576",
    ),
    "metadata-as-tensor": (
        framed(f'{{"__metadata__":{F32}}}', EIGHT),
        "E707",
        "the header of F has metadata `shape` that is not a string",
    ),
}

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n".encode()

FORMATS = {
    "lfs": (POINTER, "E705", "F is a Git LFS pointer, not the weights"),
    "html": (b"<!DOCTYPE html>\n<title>404</title>", "E704", "F is an HTML page, not safetensors"),
    "zip": (
        b"PK\x03\x04" + bytes(60),
        "E704",
        "F is a ZIP archive (the form in which torch.save writes pickles), not safetensors",
    ),
    "pickle": (b"\x80\x02}q\x00X\x06\0\0\0", "E704", "F is a pickle, not safetensors"),
    "gguf": (b"GGUF\x03\0\0\0" + bytes(16), "E704", "F is a GGUF file, not safetensors"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(16), "E704", "F is gzip data, not safetensors"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4", "E704", "F is a 7z archive, not safetensors"),
    "hdf5": (b"\x89HDF\r\n\x1a\n", "E704", "F is an HDF5 file, not safetensors"),
    "index": (b'{"weight_map": {}}', "E704", "F is JSON text, not safetensors"),
    "text": (b"Entry not found", "E704", "F is text, not safetensors"),
    "tar": (
        b"model/".ljust(257, b"\0") + b"ustar\0",
        "E704",
        "F is a tar archive, not safetensors",
    ),
}

# What the library reads all the same, and mergec does not; each for a reason of its own.
LENIENT = {
    "leading-space",
    "leading-newline",
    "leading-tab",
    "duplicate-tensor",
    "duplicate-of-another-dtype",
    "duplicate-in-metadata",
    "unknown-field",
    "zero-size-huge-dimension",
    "rank-17",
    "rank-200",
    "rank-100000",
    "nul",
    "escape",
    "c1-control",
    "empty-name",
    "long-name",
    "name-of-a-megabyte",
    "metadata-null",
    "metadata-large",
}

ROWS = FRAMING | JSON | ENTRIES | TILING | NAMES | FORMATS
