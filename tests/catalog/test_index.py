"""Sharded checkpoints: the index is checked before any path, and then against its shards."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from mergec.catalog import open_checkpoint, read_index
from mergec.diagnostics import Diagnostic, MergecError
from tests.catalog.safetensors_bytes import file_of

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
INDEX = "model.safetensors.index.json"


def sharded(folder: Path, weight_map: Mapping[str, object], total: object = 3) -> Path:
    """`a` and `b` in one shard and `c` in another, of a byte each, with the given index."""
    (folder / FIRST).write_bytes(file_of({"b": ("U8", [1], b"b"), "a": ("U8", [1], b"a")}))
    (folder / SECOND).write_bytes(file_of({"c": ("U8", [1], b"c")}))
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / INDEX).write_text(json.dumps(index))
    return folder


RIGHT = {"a": FIRST, "b": FIRST, "c": SECOND}


def refused(path: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(MergecError) as caught:
        open_checkpoint(path)
    return caught.value.diagnostics


def test_sharded_checkpoint_is_read_in_file_order(tmp_path: Path) -> None:
    found, warnings = open_checkpoint(sharded(tmp_path, RIGHT))
    assert warnings == ()
    assert [shard.name for shard in found.shards] == [FIRST, SECOND]
    assert [(name, entry.file) for name, entry in found.tensors.items()] == [
        ("b", FIRST),
        ("a", FIRST),
        ("c", SECOND),
    ]


@pytest.mark.parametrize("total", [4, 3.5, "3", [3]])
def test_wrong_total_is_a_warning(total: object, tmp_path: Path) -> None:
    _, (warning,) = open_checkpoint(sharded(tmp_path, RIGHT, total))
    assert warning.code == "W701"
    shown = total if not isinstance(total, str) else "3"
    assert warning.message == (
        f"`{tmp_path / INDEX}` states a total size of `{shown}`, and the tensors have 3 bytes"
    )


@pytest.mark.parametrize("total", [3, 3.0, None])
def test_right_or_absent_total_is_none(total: object, tmp_path: Path) -> None:
    assert open_checkpoint(sharded(tmp_path, RIGHT, total))[1] == ()


def test_all_missing_shards_are_named_at_once(tmp_path: Path) -> None:
    absent = {"d": "x.safetensors", "e": "y.safetensors"}
    (found,) = refused(sharded(tmp_path, {**RIGHT, **absent}))
    assert found.code == "E711"
    assert found.message == (
        f"`{tmp_path / INDEX}` names 2 shards that do not exist: `x.safetensors`, `y.safetensors`"
    )


def test_link_without_target_is_a_missing_shard(tmp_path: Path) -> None:
    sharded(tmp_path, RIGHT)
    (tmp_path / SECOND).unlink()
    (tmp_path / SECOND).symlink_to("../../blobs/0123")
    (found,) = refused(tmp_path)
    assert found.code == "E711"


@pytest.mark.parametrize(
    ("weight_map", "what", "note"),
    [
        (
            {"a": FIRST, "b": SECOND, "c": SECOND},
            "1 tensor of the index not in the shard it names",
            f"`b` (not in `{SECOND}`)",
        ),
        (
            {**RIGHT, "d": SECOND},
            "1 tensor of the index not in the shard it names",
            f"`d` (not in `{SECOND}`)",
        ),
        (
            {"a": FIRST, "c": SECOND},
            "1 tensor in the shards that the index does not name",
            f"`b` (in `{FIRST}`)",
        ),
    ],
)
def test_index_and_shards_must_agree(
    weight_map: dict[str, str], what: str, note: str, tmp_path: Path
) -> None:
    (found,) = refused(sharded(tmp_path, weight_map))
    assert found.code == "E710"
    assert found.message == f"`{tmp_path / INDEX}` and its shards disagree: {what}"
    assert found.notes == (note,)


def test_lacking_and_extra_tensors_come_together(tmp_path: Path) -> None:
    found = refused(sharded(tmp_path, {"a": FIRST, "d": SECOND}))
    assert [(it.code, it.notes) for it in found] == [
        ("E710", (f"`d` (not in `{SECOND}`)",)),
        ("E710", (f"`b` (in `{FIRST}`), `c` (in `{SECOND}`)",)),
    ]


def test_tensor_in_two_shards(tmp_path: Path) -> None:
    sharded(tmp_path, RIGHT)
    (tmp_path / SECOND).write_bytes(
        file_of({"c": ("U8", [1], b"c"), "a": ("U8", [1], b"a")})  # equal bytes or not
    )
    (found,) = refused(tmp_path)
    assert found.message == f"`{tmp_path / INDEX}` and its shards disagree: 1 tensor in two shards"
    assert found.notes == (f"`a` (`{FIRST}`, `{SECOND}`)",)


def test_damage_in_several_shards_is_reported_together(tmp_path: Path) -> None:
    sharded(tmp_path, RIGHT)
    (tmp_path / FIRST).write_bytes(b"")
    (tmp_path / SECOND).write_bytes(bytes(8))
    found = refused(tmp_path)
    assert [it.code for it in found] == ["E703", "E703"]
    assert [FIRST in found[0].message, SECOND in found[1].message] == [True, True]


@pytest.mark.parametrize(
    "shard",
    [
        "/etc/passwd",
        "/etc/x.safetensors",
        "../x.safetensors",
        "sub/x.safetensors",
        "..\\x.safetensors",
        "C:x.safetensors",
        "%2e%2e%2fx.safetensors",
        "x\0.safetensors",
        "x\u202e.safetensors",
        ".safetensors",
        "..safetensors",
        "model.bin",
        "",
        "x" * 300 + ".safetensors",
        "http://x/x.safetensors",
    ],
)
def test_shard_name_is_a_plain_basename(
    shard: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharded(tmp_path, {"a": FIRST, "c": shard})

    def touch(path: object) -> None:
        raise AssertionError(f"{path} was looked at")

    monkeypatch.setattr("os.stat", touch)
    with pytest.raises(MergecError) as caught:
        read_index(tmp_path / INDEX)
    (found,) = caught.value.diagnostics
    assert (found.code, found.exit) == ("E712", 12)
    assert found.message.startswith(f"`{tmp_path / INDEX}` puts the tensor `c` into `")


def nested(depth: int) -> str:
    return f'{{"metadata":{{"x":{"[" * depth}{"]" * depth}}},"weight_map":{{}}}}'


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", "E710", "F is not JSON at byte 0: expecting value"),
        ("[]", "E710", "F is not a JSON object"),
        ("{}", "E710", "F has no object `/weight_map`"),
        ('{"weight_map": []}', "E710", "F has no object `/weight_map`"),
        ('{"weight_map": {"a/b~": 1}}', "E710", "F has no string at `/weight_map/a~1b~0`"),
        ('{"weight_map": {}, "metadata": 1}', "E710", "F has no object at `/metadata`"),
        ('{"weight_map": {"a": "x", "a": "x"}}', "E709", "F has the key `a` twice"),
        ('{"weight_map": {}, "x": NaN}', "E710", "F holds `NaN`, which is not JSON"),
        (nested(63), "E710", "F is nested deeper than 64"),
        (nested(100_000), "E710", "F is nested too deep"),
    ],
)
def test_malformed_index(text: str, code: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / INDEX
    path.write_text(text)
    (found,) = refused(tmp_path)
    assert (found.code, found.message) == (code, message.replace("F", f"`{path}`"))
    assert found.help


def test_depth_of_64_is_read(tmp_path: Path) -> None:
    path = tmp_path / INDEX
    path.write_text(nested(62))
    assert read_index(path).weight_map == {}


def test_index_limit(tmp_path: Path) -> None:
    path = tmp_path / INDEX
    with path.open("wb") as file:
        file.truncate(64_000_001)
    (found,) = refused(tmp_path)
    assert found.code == "E710"
    assert found.message == f"`{path}` is 64,000,001 bytes long, more than 64,000,000"
