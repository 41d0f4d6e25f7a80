"""`mergec compare`: its table, its JSON, its page, and what it warns of and refuses."""

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from mergec.backends import installed_backends
from mergec.cli import comparing
from tests.catalog.safetensors_bytes import Tensor, file_of
from tests.end_to_end.command_line import Mergec, refused, write_spec
from tests.toy_checkpoints import bf16, f32, integers

HOSTILE = "layers.0.<script src=//x>alert(1)</script>&$\\x$.w"


def write(name: str, tensors: Mapping[str, Tensor]) -> None:
    Path(name).mkdir()
    (Path(name) / "model.safetensors").write_bytes(file_of(tensors))


def write_trio() -> None:
    """Two layers by hand: figures that one can check in one's head."""
    base = {"embed": f32(1, 1, 1, 1), "layers.0.w": f32(3, 4), "layers.1.w": f32(0, 0, 2)}
    write("first", {**base, "layers.0.w": f32(4, 4), "layers.1.w": f32(1, -1, 2)})
    write("second", {**base, "layers.0.w": f32(4, 5), "layers.1.w": f32(1, 1, 3)})
    write("from", base)


def compared(mergec: Mergec, *arguments: str) -> str:
    found = mergec("compare", *arguments, "--backend", "reference")
    assert found.status == 0, found.err
    assert found.err == ""
    return found.out


OF_DELTAS = """\
a     ./first  3 tensors, 9 parameters
b     ./second  3 tensors, 9 parameters
base  ./from  3 tensors, 9 parameters

layer   tensors  norm a  of base  norm b  of base  cosine  conflicts   zeros a   zeros b
before        1       0   0.00 %       0   0.00 %       -          -  100.00 %  100.00 %
0             1       1  20.00 %   1.414  28.28 %  0.7071     0.00 %   50.00 %    0.00 %
1             1   1.414  70.71 %   1.732  86.60 %  0.0000    50.00 %   33.33 %    0.00 %
all           3   1.732  30.15 %   2.236  38.92 %  0.2582    33.33 %   66.67 %   44.44 %

identical  1 of 3 tensors in a and b
"""

OF_WEIGHTS = """\
a  ./first  3 tensors, 9 parameters
b  ./second  3 tensors, 9 parameters

layer   tensors  norm a  norm b  difference     of a  cosine     equal
before        1       2       2           0   0.00 %  1.0000  100.00 %
0             1   5.657   6.403           1  17.68 %  0.9939   50.00 %
1             1   2.449   3.317       2.236  91.29 %  0.7385   33.33 %
all           3   6.481   7.483       2.449  37.80 %  0.9485   66.67 %

tensor      norm a  norm b  difference     of a  cosine     equal
embed            2       2           0   0.00 %  1.0000  100.00 %
layers.0.w   5.657   6.403           1  17.68 %  0.9939   50.00 %
layers.1.w   2.449   3.317       2.236  91.29 %  0.7385   33.33 %

identical  1 of 3 tensors in a and b
"""


def test_deltas_layer_by_layer(mergec: Mergec) -> None:
    write_trio()
    assert compared(mergec, "./first", "./second", "--base", "./from") == OF_DELTAS


def test_weights_layer_by_layer_and_tensor_by_tensor(mergec: Mergec) -> None:
    write_trio()
    assert compared(mergec, "./first", "./second", "--tensors") == OF_WEIGHTS


def test_remarks_on_what_the_table_does_not_show(mergec: Mergec) -> None:
    row, ids = f32(1, 2), integers("I64", 1)
    both = {"embed": row, "layers.0.w": row, "ids": ids}
    one = {"layers.0.nan": f32(float("nan")), "steps": ids, "wide": bf16("w", (2, 3))}
    two = {"layers.0.nan": f32(1.0), "steps": integers("I64", 2), "wide": bf16("w", (3, 2))}
    write("one", {**both, **one, **{f"own.{n}": row for n in range(11)}})
    write("two", {**both, **two, "other": row})
    out = compared(mergec, "./one", "./two")
    assert out[out.index("identical") :].splitlines() == [
        "identical     3 of 5 tensors in a and b",
        "duplicates    a:embed = b:embed = a:layers.0.w = b:layers.0.w, and 1 more group",
        "not computed  ids",
        "              steps",
        "              1 equal in a and b",
        "not finite    layers.0.nan",
        "only in a     own.0",
        *(f"              own.{n}" for n in range(1, 8)),
        "              and 3 more",
        "only in b     other",
        "other shapes  wide: a bf16[2,3], b bf16[3,2]",
    ]


def test_the_members_of_its_json_stay(mergec: Mergec) -> None:
    write_trio()
    write("more", {"embed": f32(1, 1, 1, 1), "layers.0.w": f32(1), "layers.1.x": f32(1)})
    document = json.loads(compared(mergec, "./first", "./second", "--base", "./from", "--json"))
    assert [*document] == [
        "schema", "sources", "all", "layers", "tensors", "identical", "duplicates", "partial",
        "reshaped", "kinship", "warnings",
    ]  # fmt: skip
    assert document["schema"] == "mergec.compare/1"
    assert document["sources"]["base"] == {
        "reference": "./from", "tensors": 3, "parameters": 9, "bytes": 36, "names": None,
    }  # fmt: skip
    assert [layer.pop("layer") for layer in document["layers"]] == ["before", "0", "1"]
    figures = {
        "tensors": 1, "parameters": 2, "base_norm": 5.0, "delta_a": 1.0, "delta_b": 2**0.5,
        "relative_a": 0.2, "relative_b": 2**0.5 / 5, "cosine": 1 / 2**0.5, "conflicts": 0.0,
        "zeros_a": 0.5, "zeros_b": 0.0,
    }  # fmt: skip
    assert document["layers"][1] == pytest.approx(figures)
    tensor = document["tensors"][1]
    assert len(tensor["sources"]["a"].pop("sha256")) == 64
    assert tensor["sources"]["a"] == {"name": "layers.0.w", "dtype": "f32", "shape": [2]}
    assert [*tensor["sources"]] == ["a", "b", "base"]
    assert tensor.pop("figures") == pytest.approx(figures)
    assert (tensor["name"], tensor["layer"], tensor["identical"]) == ("layers.0.w", "0", False)
    unknown: dict[str, object] = {"verdict": "unknown", "cosine": None, "sampled": {}}
    assert document["kinship"] == [
        {"of": [one, other], **unknown} for one, other in (("base", "a"), ("base", "b"), ("a", "b"))
    ]

    document = json.loads(compared(mergec, "./first", "./more", "--json"))
    assert document["all"] == {
        "tensors": 1, "parameters": 4, "norm_a": 2.0, "norm_b": 2.0, "difference": 0.0,
        "relative": 0.0, "cosine": 1.0, "equal": 1.0,
    }  # fmt: skip
    assert [each["name"] for each in document["reshaped"]] == ["layers.0.w"]
    assert [[*each["sources"]] for each in document["partial"]] == [["a"], ["b"]]
    assert document["identical"] == 1


class Page(HTMLParser):
    """Which tags and attributes a page has, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("base", [(), ("--base", "./from")], ids=["weights", "deltas"])
def test_a_page_stands_alone(mergec: Mergec, base: tuple[str, ...]) -> None:
    pytest.importorskip("matplotlib")
    write_trio()
    for name in ("first", "second", "from"):
        file = Path(name) / "model.safetensors"
        held: dict[str, Tensor] = {"embed": f32(1, 2, 3), "layers.0.w": f32(4), HOSTILE: f32(5, 6)}
        file.write_bytes(file_of(held))
    shown = compared(mergec, "./first", "./second", *base, "--html", "page.html")
    assert shown == compared(mergec, "./first", "./second", *base)
    text = Path("page.html").read_text()
    page = Page(text)
    assert "svg" in page.tags
    assert (
        page.tags & {"script", "img", "link", "iframe", "object", "image", "foreignobject"} == set()
    )
    links = {value for name, value in page.attributes if name in ("src", "href", "xlink:href")}
    assert {link for link in links if not link.startswith("#")} == set()
    assert not re.search(r"url\((?!#)|@import", text)
    assert {value for name, value in page.attributes if name.startswith("on")} == set()
    assert HOSTILE in page.text
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    compared(mergec, "./first", "./second", *base, "--html", "again.html")
    assert Path("again.html").read_text() == text


def test_a_page_of_layers_without_figures(mergec: Mergec) -> None:
    pytest.importorskip("matplotlib")
    write("counted", {"steps": integers("I64", 1)})
    compared(mergec, "./counted", "./counted", "--html", "page.html")
    assert "Not computed" in Path("page.html").read_text()


def test_a_page_without_the_library_that_draws_it(
    mergec: Mergec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "find_spec", {"matplotlib": None}.get)
    found = mergec("compare", "./base", "./code", "--html", "page.html")
    refused(found, "E603", 6)
    assert 'pip install "mergec[report]"' in found.err


def test_a_page_in_a_folder_that_does_not_exist(mergec: Mergec) -> None:
    pytest.importorskip("matplotlib")
    refused(mergec("compare", "./base", "./code", "--html", "nowhere/page.html"), "E803", 8)


def strangers() -> None:
    for seed, name in enumerate(("left", "right")):
        values = np.random.default_rng(seed).standard_normal((64, 64)).astype("<f4")
        write(name, {"w": ("F32", [64, 64], values.tobytes())})


def test_models_of_two_trainings_are_warned_of(mergec: Mergec) -> None:
    strangers()
    found = mergec("compare", "./left", "./right", "--backend", "reference")
    assert (found.status, found.codes) == (0, ["W705"])
    assert "`./left` and `./right` have tensors of the same names and shapes" in found.err
    assert re.search(r"the median cosine of the one sampled matrix is -?0\.0\d; ", found.err)
    found = mergec("compare", "./left", "./left", "--base", "./right", "--backend", "reference")
    assert found.codes == ["W705"]  # once, though both deltas start there
    document = json.loads(mergec("compare", "./left", "./right", "--json").out)
    assert [each["code"] for each in document["warnings"]] == ["W705"]
    assert document["kinship"][0]["verdict"] == "unrelated"


def test_every_source_that_cannot_be_opened_is_told(mergec: Mergec) -> None:
    found = mergec("compare", "./nobody", "./nowhere", "--base", "./code")
    assert (found.status, found.codes) == (4, ["E701", "E701"])


def test_deltas_are_compared_with_each_other_and_with_no_base(mergec: Mergec) -> None:
    write_spec('a = model("./base")', 'b = model("./code")', "export delta b - a")
    mergec("run", "spec.merge", "-o", "step", "--backend", "reference")
    assert "  1.0000  100.00 %\n" in compared(mergec, "./step", "./step")
    found = mergec("compare", "./step", "./code", "--base", "./base")
    refused(found, "E302", 3)


@pytest.mark.parametrize("backend", ["native", "torch", "jax"])
def test_what_computes_changes_nothing(backend: str, mergec: Mergec) -> None:
    if backend not in installed_backends():
        pytest.skip(f"{backend} is not installed")
    write_trio()
    command = ("compare", "./first", "./second", "--base", "./from", "--threads", "3")
    assert mergec(*command, "--backend", backend).out == OF_DELTAS
