"""config.json is plain JSON."""

from pathlib import Path

import pytest

from mergec.catalog import read_config
from mergec.diagnostics import MergecError


def test_config_is_the_object_as_written(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"dtype": "bfloat16", "eps": 1e-06, "auto_map": {"AutoModel": "x.py"}}')
    assert read_config(path) == {
        "dtype": "bfloat16",
        "eps": 1e-6,
        "auto_map": {"AutoModel": "x.py"},
    }


def test_no_config_is_none(tmp_path: Path) -> None:
    assert read_config(tmp_path / "config.json") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "F is not JSON at byte 0: expecting value"),
        ("[]", "F is not a JSON object"),
        ("{'a': 1}", "F is not JSON at byte 1: expecting property name enclosed in double quotes"),
        ('{"é": 1 2}', "F is not JSON at byte 9: expecting ',' delimiter"),
        ('{"a": 1, "a": 2}', "F has a key twice in one object (`a`)"),
        ('{"a": {"b": 1, "b": 1}}', "F has a key twice in one object (`b`)"),
        ('{"a": Infinity}', "F holds `Infinity`, which is not JSON"),
        ('{"a":' + "[" * 64 + "]" * 64 + "}", "F is nested deeper than 64"),
        ('{"a":' + "[" * 50_000, "F is nested too deep"),
    ],
)
def test_malformed_config(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(MergecError) as caught:
        read_config(path)
    (found,) = caught.value.diagnostics
    assert found.code == "E713"
    assert found.message == message.replace("F", f"`{path}`")


def test_config_limit(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(4_000_001)
    with pytest.raises(MergecError) as caught:
        read_config(path)
    (found,) = caught.value.diagnostics
    assert found.message == f"`{path}` is 4,000,001 bytes long, more than 4,000,000"
