"""What the hashed member of a plan depends on, and what it does not."""

import json
import os
import shutil
from pathlib import Path

import pytest

from mergec.diagnostics import MergecError, SourceText
from mergec.plan import (
    compile_text,
    default_threads,
    encode_plan,
    fit_budget,
    plan_hash,
    plan_member,
)
from tests.toy_family import write_members

SOURCES = """base     = model("./base")
code     = model("./code")
math     = model("./math")
instruct = model("./instruct")

"""
SPEC = SOURCES + "child = ties(base, code, math; density=0.3) |> slerp(instruct, t=0.5)\n"
GOLDEN = Path(__file__).with_name("code-math.plan.json")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("family")
    write_members(folder)
    return folder


def hash_of(text: str, root: Path) -> str:
    return plan_hash(compile_text(SourceText("child.merge", text), root).plan)


def test_the_plan_member_is_byte_identical_wherever_spec_and_sources_lie(
    root: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "far" / "away"
    shutil.copytree(root, elsewhere)

    here = compile_text(SourceText("a.merge", SPEC), root).plan
    there = compile_text(SourceText("b.merge", SPEC), elsewhere).plan

    assert json.dumps(plan_member(here)) == json.dumps(plan_member(there))


@pytest.mark.parametrize(
    "text",
    [
        f"mergec 1\n# a remark\n{SPEC}",
        SPEC.replace("base", "origin").replace('"./origin"', '"./base"'),
        SPEC.replace("ties(base, code, math", "ties(base, math, code"),
        "\n".join([*reversed(SOURCES.split("\n")), *SPEC.split("\n")[-2:]]),
        SPEC.replace("density=0.3", "density=[3/10, 0.30]"),
        SPEC.replace("math; density=0.3", "math - base; density=0.3, scale=1"),
    ],
    ids=["comments", "names", "operands", "lines", "notation", "defaults"],
)
def test_what_means_the_same_has_the_same_hash(text: str, root: Path) -> None:
    assert hash_of(text, root) == hash_of(SPEC, root)


@pytest.mark.parametrize(
    "text",
    [
        SPEC.replace("0.3", "0.31"),
        SPEC.replace("t=0.5", "t=0.4"),
        SPEC.replace('"./code"', '"./code", id="c"'),
        SPEC.replace('model("./math")', 'model("./instruct", id="other")'),
        SPEC + "export child { shard = 1KB }\n",
        SPEC + "export child { dtype = f32 }\n",
        SPEC + 'export child as "twin"\n',
    ],
    ids=["density", "position", "label", "source", "shard", "dtype", "name"],
)
def test_what_means_something_else_has_another_hash(text: str, root: Path) -> None:
    assert hash_of(text, root) != hash_of(SPEC, root)


def test_a_change_in_a_header_changes_the_hash(root: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(root, changed)
    (changed / "code" / "tokenizer.json").write_text("{}")
    assert hash_of(SPEC, changed) == hash_of(SPEC, root)  # only the donor's small files are used
    (changed / "base" / "tokenizer.json").write_text("{}")
    assert hash_of(SPEC, changed) != hash_of(SPEC, root)


def test_the_plan_is_the_golden_one(root: Path) -> None:
    """The whole member: schema, keys and order are a contract with whoever reads plans."""
    plan = compile_text(SourceText("code-math.merge", SPEC), root).plan
    text = json.dumps(plan_member(plan), indent=1) + "\n"
    if os.environ.get("ACCEPT") == "1":
        GOLDEN.write_text(text)

    assert text == GOLDEN.read_text()


def test_the_file_holds_the_text_it_came_from(root: Path) -> None:
    plan = compile_text(SourceText("code-math.merge", SPEC), root).plan
    budget = fit_budget(plan, 1 << 30, default_threads(), "reference")
    document = json.loads(encode_plan(plan, budget, "code-math.merge", SPEC, {}, {}))

    assert document["schema"] == "mergec.plan/1"
    assert document["spec"] == {
        "name": "code-math.merge",
        "text": SPEC,
        "set": {},
        "imports": {},
    }
    assert document["hash"] == plan_hash(plan)
    assert document["plan"] == plan_member(plan)
    assert document["estimate"]["bytes_written"] == plan.bytes_written


def test_a_source_that_cannot_be_opened_is_reported_where_it_is_named(root: Path) -> None:
    with pytest.raises(MergecError) as caught:
        compile_text(SourceText("a.merge", SPEC.replace("./code", "./cod")), root)

    (found,) = caught.value.diagnostics
    assert found.code == "E701"
    assert found.span is not None
    assert found.span.text == 'model("./cod")'
