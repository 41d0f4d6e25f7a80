"""`--set` and `--params`: exact numbers, which of the two wins, and what cannot be a value."""

from pathlib import Path

import click
import pytest

from mergec.cli.settings import read_settings
from mergec.elaborate import Setting

HERE = Path()
DEEP = 5000


def texts(*given: str, file: Path | None = None) -> dict[str, str]:
    return {name: setting.text for name, setting in read_settings(given, file).items()}


def refusal(*given: str, file: Path | None = None) -> str:
    with pytest.raises(click.UsageError) as caught:
        read_settings(given, file)
    return caught.value.format_message()


@pytest.fixture
def params(tmp_path: Path) -> Path:
    return tmp_path / "params.toml"


def test_nothing_is_set() -> None:
    assert read_settings((), None) == {}


@pytest.mark.parametrize(
    ("given", "name", "text"),
    [
        ("t=0.30", "t", "0.30"),
        (" t = 1/3 ", "t", "1/3"),
        ("common.w=-1", "common.w", "-1"),
        ("title=a=b", "title", "a=b"),
        ("title=", "title", ""),
        ("skill=../code", "skill", "../code"),
    ],
)
def test_a_value_is_what_stands_behind_the_first_equals_sign(
    given: str, name: str, text: str
) -> None:
    assert read_settings((given,), None) == {name: Setting(text, HERE)}


@pytest.mark.parametrize("given", ["t", "=1", "0.5=t", "a b=1", "a.=1", ".a=1", "a-b=1", "é=1", ""])
def test_what_is_no_setting(given: str) -> None:
    assert "is not of the form `name=value`" in refusal(given)


def test_one_name_is_set_once() -> None:
    assert "`t` is set twice" in refusal("t=1", "u=1", "t=1")


def test_numbers_in_a_file_stay_exact(params: Path) -> None:
    params.write_text(
        "t = 0.1000000000000000055511151231257827\n"
        "n = 1_000\nbig = 1_0.5e3\nless = -3\nyes = true\nno = false\n"
        'title = "two words"\nskill = "../code"\n'
        "[common]\nw = 0.30\n[common.deep]\nk = 1\n[other]\n"
    )

    found = read_settings((), params)

    assert {name: setting.text for name, setting in found.items()} == {
        "t": "0.1000000000000000055511151231257827",
        "n": "1000",
        "big": "10.5e3",
        "less": "-3",
        "yes": "true",
        "no": "false",
        "title": "two words",
        "skill": "../code",
        "common.w": "0.30",
        "common.deep.k": "1",
    }
    assert {setting.folder for setting in found.values()} == {params.parent}


def test_the_command_line_wins_over_the_file(params: Path) -> None:
    params.write_text("t = 0.1\n[common]\nw = 1\n")

    assert texts("common.w=2", file=params) == {"t": "0.1", "common.w": "2"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"t = [1, 2]\n", "`t` is not a number, a text, true or false"),
        (b"t = 2020-01-01\n", "`t` is not a number, a text, true or false"),
        (b"[a]\nt = []\n", "`a.t` is not a number, a text, true or false"),
        (b'"a b" = 1\n', "`a b` is not the name of a parameter"),
        (b'"a.b" = 1\n', "`a..b` is not the name of a parameter"),
        (b"t = 1\nt = 2\n", "params.toml:2:6: cannot overwrite a value"),
        (b"t = \n", "params.toml:1:5: invalid value"),
        (b"t = 'x", "params.toml: expected"),
        (b"t = '\xff'\n", "params.toml is not UTF-8"),
        (b"t = " + b"[" * DEEP + b"]" * DEEP, "params.toml is nested too deeply"),
        (b"#" * ((1 << 20) + 1), "params.toml is larger than 1 MiB"),
    ],
    ids=range(11),
)
def test_what_is_no_parameter_file(params: Path, text: bytes, said: str) -> None:
    params.write_bytes(text)

    assert said in refusal(file=params)


def test_tables_in_tables_end_somewhere(params: Path) -> None:
    params.write_text(".".join("a" * 2000) + " = 1\n")

    assert texts(file=params) == {".".join("a" * 2000): "1"}
