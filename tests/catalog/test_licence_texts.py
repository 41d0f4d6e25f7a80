"""A licence file tells a licence if it is the text of one and nothing else; what contradicts it."""

from pathlib import Path

import pytest

from mergec.catalog import Checkpoint, Licence, open_checkpoint
from mergec.catalog.licence_text import licence_of_text
from tests.end_to_end.command_line import ROOT
from tests.toy_checkpoints import bf16, write_checkpoint

APACHE = (ROOT / "LICENSE").read_text()
MIT = """\
MIT License

Copyright (c) 2024 Some Body, Inc.

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
NAMED = "Copyright (c) 2024 Some Body, Inc."


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (MIT, "mit"),
        (MIT.replace("\n", "\r\n"), "mit"),
        (MIT.replace(NAMED, f"{NAMED}\nCopyright 2025 Another\nAll rights reserved."), "mit"),
        (MIT.removeprefix("MIT License\n\n"), "mit"),
        (" ".join(MIT.split()), None),  # its names cannot be told from its words
        (APACHE, "apache-2.0"),
    ],
)
def test_a_text_is_known(text: str, key: str | None) -> None:
    assert licence_of_text(text.replace("\r\n", "\n")) == key


NO_SALE = "You may not use it for anything commercial."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MIT",
        "This model is under the MIT License.",
        f"{MIT}\n{NO_SALE}\n",
        f"{NO_SALE}\n\n{MIT}",
        MIT.replace("to deal\n", "to deal non-commercially\n"),
        MIT.replace("The above", f"{NO_SALE}\n\nThe above"),
        MIT.replace("Inc.", f"Inc. {NO_SALE}"),
        MIT.replace("Inc.", f"Inc.\n\n{NO_SALE}"),
        MIT.replace("Copyright (c) 2024 ", "Copyright by "),
        MIT.replace("Inc.", "who made it for peace and sends greetings to all of them and to you"),
        f"{MIT}\n{MIT}",
        f"{MIT}\n{APACHE}",
        APACHE.replace("irrevocable", "revocable"),
        f"{APACHE}\n{NO_SALE}\n",
        "permission is hereby granted " * 2000,
        "\n" * 60_000,
        "copyright\n" * 6_000,
        " \t" * 30_000 + "all rights",
    ],
)
def test_nothing_is_told_of_a_text_that_is_only_like_one(text: str) -> None:
    assert licence_of_text(text) is None


def opened(folder: Path, card: str, /, **files: str) -> tuple[Checkpoint, list[str]]:
    """A checkpoint with files of these names; the licence in its card, and what is warned of."""
    write_checkpoint(folder, {"a": bf16("a", (2,))})
    (folder / "README.md").write_text(card)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    checkpoint, warnings = open_checkpoint(folder)
    return checkpoint, [each.message for each in warnings if each.code == "W512"]


@pytest.mark.parametrize("name", ["LICENSE", "LICENSE__txt", "LICENCE__md", "COPYING"])
def test_where_nothing_is_stated_the_text_counts(name: str, tmp_path: Path) -> None:
    found, warned = opened(tmp_path / "m", "# A model", **{name: MIT})
    assert (found.licence, warned) == (Licence("mit", stated_in="file"), [])


@pytest.mark.parametrize(
    ("card", "files"),
    [
        ("", {"LICENSE": MIT, "LICENSE-APACHE": APACHE}),
        ("", {"LICENSE-MIT": MIT}),
        ("", {"NOTICE": MIT}),
        ("", {"LICENSE": MIT + " " * 70_000}),
        ("", {"LICENSE": "terms of my own"}),
        ("---\nlicense: [mit, apache-2.0]\n---\n", {"LICENSE": MIT}),
        ("---\nlicense_name: mine\n---\n", {"LICENSE": MIT}),
    ],
)
def test_what_is_not_certain_is_unknown(card: str, files: dict[str, str], tmp_path: Path) -> None:
    found, warned = opened(tmp_path / "m", card, **files)
    assert (found.licence, warned) == (None, [])


def test_a_link_that_leads_out_of_the_folder_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(MIT)
    write_checkpoint(tmp_path / "m", {"a": bf16("a", (2,))})
    (tmp_path / "m" / "README.md").write_text("")
    (tmp_path / "m" / "LICENSE").symlink_to(tmp_path / "elsewhere")
    checkpoint, warnings = open_checkpoint(tmp_path / "m")
    assert checkpoint.licence is None
    assert [each.code for each in warnings] == ["W707"]


@pytest.mark.parametrize(
    ("stated", "contradicts"),
    [
        ("mit", False),
        ("MIT", False),
        ("MIT OR Apache-2.0", False),
        ("other", False),
        ("unknown", False),
        ("apache-2.0", True),
        ("llama3.1", True),
    ],
)
def test_a_card_and_a_file(stated: str, contradicts: bool, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    found, warned = opened(folder, f"---\nlicense: {stated}\n---\n", LICENSE=MIT)
    assert found.licence is not None
    assert found.licence.id == stated
    told = f"`README.md` of `{folder}` states the licence `{stated}`, and `LICENSE` is the text of"
    assert [each.removesuffix(" `mit`") for each in warned] == [told] * contradicts


def test_a_card_and_a_config(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "m", {"a": bf16("a", (2,))}, config={"license": "gpl-3.0"})
    (warning,) = open_checkpoint(tmp_path / "m")[1]
    assert warning.code == "W512"
    assert "states the licence `apache-2.0`, and `config.json` states `gpl-3.0`" in warning.message


def test_of_the_gpl_a_text_alone_does_not_say_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gpl(_: str) -> str:
        return "gpl-3.0-only"

    monkeypatch.setattr("mergec.catalog.licence_text.licence_of_text", gpl)
    assert opened(tmp_path / "a", "", COPYING="x")[0].licence is None
    assert opened(tmp_path / "b", "---\nlicense: gpl-3.0\n---\n", COPYING="x")[1] == []
    assert len(opened(tmp_path / "c", "---\nlicense: mit\n---\n", COPYING="x")[1]) == 1
