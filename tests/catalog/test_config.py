"""config.json is plain JSON, and a licence is stated or unknown."""

from pathlib import Path

import pytest

from mergec.catalog import read_config, read_licence
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


BOMB = "license: {a: &a [x], b: &b [*a, *a], c: [*b, *b]}"


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: mit\n---\n# A model", "mit"),
        ("---\r\nlicense: mit\r\n---\r\n", "mit"),
        ("\ufeff---\nlicense: mit\n---\n", "mit"),
        (
            "---\ntags:\n- merge\nlicense: 'llama3.1'  # so\nlanguage: en\n---\n",
            "llama3.1",
        ),
        ("---\nlicense:\n- apache-2.0\ntags: []\n---\n", "apache-2.0"),
        ("---\nlicense:\n  cc-by-nc-4.0\n---\n", "cc-by-nc-4.0"),
        ("---\nlicense: no\n---\n", "no"),
        ("---\nlicense_name: mit\n---\n", None),
        ("---\nmodel-index:\n  license: mit\n---\n", None),
        ("---\nlicense: [mit, apache-2.0]\n---\n", None),
        ("---\nlicense: {id: mit}\n---\n", None),
        ("---\nlicense: mit\nlicense: gpl\n---\n", None),
        ("---\nlicense:\n---\n", None),
        ("---\nlicense: 'mit\n---\n", None),
        ("---\nlicense: *unknown\n---\n", None),
        (f"---\n{BOMB}\n---\n", None),
        ("---\nlicense: " + "[" * 400 + "\n---\n", None),
        ("---\nlicense: the terms below\n---\n", None),
        ("---\nlicense: mit\u202e\n---\n", None),
        ("---\nlicense: mit\n", None),
        ("# A model\nlicense: mit\n---\n", None),
        ("", None),
    ],
)
def test_licence_in_the_front_matter(card: str, licence: str | None, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(card.encode())
    assert read_licence(path) == licence


def test_licence_of_no_or_unreadable_card_is_unknown(tmp_path: Path) -> None:
    assert read_licence(tmp_path / "README.md") is None
    assert read_licence(tmp_path) is None
    path = tmp_path / "README.md"
    path.write_bytes(b"---\nlicense: \xff\n---\n")
    assert read_licence(path) is None


def test_licence_beside_a_long_table_is_found_at_once(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    table = "".join(f"- dataset: {{name: d{i}}}\n" for i in range(40_000))
    path.write_text(f"---\nmodel-index:\n{table}license: mit\n---\n")
    assert read_licence(path) == "mit"
