"""`use`: names of other specs, paths in them, circles, and what may not be read at all."""

import os
from pathlib import Path

import pytest

from mergec.diagnostics import MergecError, SourceText
from mergec.elaborate import Bundle, Elaborated
from mergec.plan import check_bundle
from tests.elaborate.checked_specs import SOURCES, Finding, check, found, mistakes, nodes, warnings

LIBRARY = {
    "lib/a.merge": 'use "deep/b.merge" as b\nhalf = b.half\ndef mean(*m) = linear(*m)\n'
    'own = model("./own")\nup = model("../up")\n'
    'far = model("/data/far")\nhub = model("org/name")\n',
    "lib/deep/b.merge": "half = 1 / 2\nparam share: number = 0.3 from 0 to 1\n",
    "knob.merge": "param share: number = 0.3 from 0 to 1\nparam tuned: model\n",
}
USE = 'use "lib/a.merge" as a'


def test_names_of_a_used_spec_are_read_behind_its_own() -> None:
    one = check(USE, "child = slerp(base, a.mean(code, math); t=a.half)", used=LIBRARY)
    two = check("child = slerp(base, linear(code, math); t=0.5)")
    assert one.graph.outputs == two.graph.outputs
    assert one.imports == {key: LIBRARY[key] for key in ("lib/a.merge", "lib/deep/b.merge")}


@pytest.mark.parametrize(
    ("name", "ref"),
    [("own", "./lib/own"), ("up", "./up"), ("far", "/data/far"), ("hub", "org/name")],
)
def test_paths_start_at_the_spec_that_holds_them(name: str, ref: str) -> None:
    sources = check(USE, f"child = linear(base, a.{name})", used=LIBRARY).sources
    assert ref in [source.ref for source in sources]


def test_a_spec_that_is_used_twice_is_one() -> None:
    again = 'use "lib/../lib/a.merge" as again'
    checked = check(USE, again, "child = linear(a.own, again.own, base)", used=LIBRARY)
    assert [node.param("label") for node in nodes(checked, "source")] == ["./base", "./lib/own"]
    assert warnings(USE, again, "child = linear(a.own, again.own, base)", used=LIBRARY)[-1] == (
        "W204",
        "again.own",
    )


WRONG: list[tuple[str, list[Finding]]] = [
    ('use "std:nothing" as n', [("E201", '"std:nothing"')]),
    ('use "nothing.merge" as n\nx = n.f(n.y)', [("E701", '"nothing.merge"')]),
    (f"{USE}\nx = linear(code, a.nothing)", [("E201", "a.nothing")]),
    (f"{USE}\nx = linear(code, a)", [("E201", "a")]),
    (f"{USE}\nx = linear(code, b.half)", [("E201", "b.half")]),
    (f"{USE}\nx = a.nothing(code)", [("E202", "a.nothing")]),
    (f"{USE}\nx = linear(code, a.mean)", [("E201", "a.mean")]),
    (f"{USE}\nx = linear(base, a.b.half)", [("E101", ".")]),
    (f"{USE}\na = 1", [("E208", "a")]),
    ('use "knob.merge" as k', [("E221", "tuned")]),
    ('use "/etc/passwd" as p', [("E721", '"/etc/passwd"')]),
    ('use "" as p', [("E721", '""')]),
    ('use "a\\\\b.merge" as p', [("E721", '"a\\\\b.merge"')]),
    ('use "seed.merge" as s', [("E223", "seed=1")]),
    ('use "export.merge" as e', [("E213", "export base")]),
    ('use "broken.merge" as b\nx = b.y', [("E102", "(")]),
    ('use "self.merge" as s', [("E220", '"self.merge"')]),
    ('use "one.merge" as one', [("E220", '"one.merge"')]),
]
BAD = {
    **LIBRARY,
    "seed.merge": "def f(x) = dare(x, density=0.5, seed=1)\n",
    "export.merge": 'base = model("./b")\nexport base\n',
    "broken.merge": "x = linear(\n",
    "self.merge": 'use "self.merge" as s\n',
    "one.merge": 'use "two.merge" as two\n',
    "two.merge": 'use "three.merge" as three\n',
    "three.merge": 'use "one.merge" as one\n',
}


@pytest.mark.parametrize(("text", "places"), WRONG, ids=[text for text, _ in WRONG])
def test_a_mistake_is_found_at_its_place(text: str, places: list[Finding]) -> None:
    assert mistakes(text, "export linear(base, code)", used=BAD) == places


def test_a_circle_is_shown_as_it_goes() -> None:
    (only,) = found('use "one.merge" as one', "export linear(base, code)", used=BAD)
    circle = " uses ".join(f"`{name}.merge`" for name in ("one", "two", "three", "one"))
    assert only.message == f"specs use each other in a circle: {circle}"


def test_parameters_of_a_used_spec_are_set_behind_its_name() -> None:
    lines = 'use "lib/deep/b.merge" as b', "child = slerp(base, code; t=b.share)"
    (node,) = nodes(check(*lines, given={"b.share": "0.75"}, used=LIBRARY), "slerp")
    assert str(node.param("t")) == "3/4"
    assert mistakes(*lines, given={"b.share": "2"}, used=LIBRARY) == [("E203", "share")]
    assert mistakes(*lines, given={"share": "0.5"}, used=LIBRARY) == [("E222", "")]


def test_a_macro_of_a_library_may_pass_a_seed_on() -> None:
    used = {"s.merge": "def f(x, seed=0) = dare(x, density=0.5, seed=seed)\n"}
    lines = 'use "s.merge" as s', "child = base + s.f(code - base; seed=7)"
    (node,) = nodes(check(*lines, used=used), "dare")
    assert node.param("seed") == 7


def on_disk(root: Path, text: str) -> Elaborated:
    return check_bundle(Bundle(SourceText("spec.merge", SOURCES + text), root))


def refused(root: Path, path: str) -> list[str]:
    """The codes of what is wrong with using `path`."""
    with pytest.raises(MergecError) as caught:
        on_disk(root, f'use "{path}" as other\nchild = slerp(base, code; t=other.half)\n')
    return [found.code for found in caught.value.diagnostics if found.severity == "error"]


def test_specs_are_read_below_the_root_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "outside.merge").write_text("half = 0.5\n")
    home = tmp_path / "project" / "specs"
    home.mkdir(parents=True)
    (home.parent / "shared.merge").write_text("half = 0.5\n")
    assert refused(home, "../shared.merge") == ["E721"]  # alone, a folder is its own project
    (home.parent / "mergec.toml").write_text("")
    checked = on_disk(home, 'use "../shared.merge" as s\nchild = slerp(base, code; t=s.half)\n')
    assert checked.imports == {"../shared.merge": "half = 0.5\n"}
    assert refused(home, "../../outside.merge") == ["E721"]
    (home / "link.merge").symlink_to("../../outside.merge")
    (home / "folder").symlink_to("../..")
    assert refused(home, "link.merge") == ["E721"]
    assert refused(home, "folder/outside.merge") == ["E721"]


def test_what_is_no_spec_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.merge")
    (tmp_path / "folder.merge").mkdir()
    (tmp_path / "loop.merge").symlink_to("loop.merge")
    (tmp_path / "latin.merge").write_bytes(b"# caf\xe9\n")
    (tmp_path / "huge.merge").write_text("# " + "x" * (1 << 20))
    (tmp_path / "device.merge").symlink_to("/dev/zero")
    assert refused(tmp_path, "pipe.merge") == ["E702"]
    assert refused(tmp_path, "folder.merge") == ["E702"]
    assert refused(tmp_path, "device.merge") == ["E721"]
    assert refused(tmp_path, "loop.merge") == ["E715"]
    assert refused(tmp_path, "latin.merge") == ["E106"]
    assert refused(tmp_path, "huge.merge") == ["E107"]
    assert refused(tmp_path, "x\\\\0.merge") == ["E721"]
    assert refused(tmp_path, "n" * 300) == ["E715"]


def test_links_do_not_make_endless_specs(tmp_path: Path) -> None:
    for name in ("left", "right"):
        (tmp_path / name).symlink_to(".")
    uses = 'use "left/a.merge" as left\nuse "right/a.merge" as right\nhalf = 0.5\n'
    (tmp_path / "a.merge").write_text(uses)
    assert set(refused(tmp_path, "a.merge")) == {"E107"}


def test_a_long_chain_of_specs_is_refused(tmp_path: Path) -> None:
    for number in range(400):
        text = f'use "{number + 1}.merge" as next\nhalf = next.half\n'
        (tmp_path / f"{number}.merge").write_text(text)
    (tmp_path / "400.merge").write_text("half = 0.5\n")
    assert refused(tmp_path, "0.merge") == ["E107"]
    checked = on_disk(tmp_path, 'use "380.merge" as s\nchild = slerp(base, code; t=s.half)\n')
    assert len(checked.imports) == 21
