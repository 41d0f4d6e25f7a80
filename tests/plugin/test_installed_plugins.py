"""Plugins of installed distributions are found by name, and only where they may be."""

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from mergec.diagnostics import MergecError
from mergec.ops import OPERATORS
from mergec.plugin.registry import find_operator, find_plugin, load_installed, plugins
from tests.end_to_end.command_line import Mergec, mergec, refused, write_spec
from tests.lineages import statement
from tests.plugin.plugin_files import one

__all__ = ["mergec"]

CALL = ('base = model("./base")', 'code = model("./code")', "child = base + mine(code - base)")


def install(site: Path, module: str, text: str, entry: str = "mine", name: str = "pack") -> None:
    """A distribution with one module, as an installer lays it out."""
    (site / f"{module}.py").write_text(text)
    info = site / f"{name}-1.2.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[mergec.operators]\n{entry} = {module}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = {*sys.modules}
    yield folder
    for name in {*sys.modules} - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


def test_a_spec_may_name_an_installed_operator(mergec: Mergec, site: Path) -> None:
    install(site, "pack_mine", one("return x * 0.5"))
    write_spec(*CALL)
    refused(mergec("run", "spec.merge", "-o", "out", "--no-plugins"), "E202", 3)
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    (plugin,) = statement("out").inner["plugins"]
    assert (plugin["distribution"], plugin["version"]) == ("pack", "1.2")
    outcome = mergec("verify", "out", "--replay", "full", "--no-plugins")
    assert (outcome.codes, "install `pack` 1.2" in outcome.err) == (["E810"], True)
    assert mergec("verify", "out", "--replay", "full").status == 0
    assert "Plugin     `pack` 1.2, SHA-256 " in mergec("explain", "mine").out
    assert "\nmine " in mergec("ops").out
    assert "\nmine " not in mergec("ops", "--no-plugins").out


def test_nothing_is_imported_that_is_not_named(site: Path) -> None:
    install(site, "pack_mine", "raise RuntimeError('imported')")
    with plugins(installed=True):
        assert find_operator("ties") is OPERATORS["ties"]
        assert find_operator("other") is None
    with plugins():
        assert find_operator("mine") is None
    assert "pack_mine" not in sys.modules


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("raise RuntimeError('imported')", "E606", "cannot be imported: RuntimeError: imported"),
        ("x = 1", "E607", "is no module with the operator `mine`"),
        (one("return x", name='"other"'), "E607", "is no module with the operator `mine`"),
        (one("return x", interface="9"), "E607", "is written for interface 9 of plugins"),
        (one("return xp.sort(x)"), "E607", "uses `xp.sort`"),
    ],
)
def test_a_broken_distribution_is_named(text: str, code: str, said: str, site: Path) -> None:
    install(site, "pack_mine", text)
    with plugins(installed=True), pytest.raises(MergecError) as error:
        find_operator("mine")
    [diagnostic] = error.value.diagnostics
    assert (diagnostic.code, said in diagnostic.message) == (code, True)
    assert "`pack` 1.2" in "\n".join((diagnostic.message, *diagnostic.notes))


def test_two_distributions_of_one_operator(site: Path) -> None:
    install(site, "pack_mine", one("return x"))
    install(site, "sack_mine", one("return x"), name="sack")
    with plugins(installed=True), pytest.raises(MergecError, match="`pack` and `sack` both offer"):
        find_operator("mine")


def test_a_file_stands_before_what_is_installed(site: Path, tmp_path: Path) -> None:
    install(site, "pack_mine", one("return x"))
    file = tmp_path / "mine.py"
    file.write_text(one("return x * 2"))
    with plugins([file], installed=True):
        load_installed()
        plugin = find_plugin("mine")
        assert plugin is not None
        assert plugin.origin.distribution is None
