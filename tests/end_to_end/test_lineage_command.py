"""`mergec lineage`: the family tree of a child, in four forms, and what a damaged one gets."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mergec.catalog.lineage_file import (
    ANCESTORS,
    BUILD_TYPE,
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    table_digest,
)
from tests import lineages
from tests.end_to_end.command_line import Mergec, mergec, refused, write_spec

__all__ = ["mergec"]

TREE = """\
third
merged by mergec V with slerp.1, plan P
├── first  ./first, apache-2.0
│   merged by mergec V with affine.1, ties.1, plan P
│   ├── ./base, apache-2.0
│   ├── ./code, apache-2.0
│   └── ./math, apache-2.0
└── ./second, apache-2.0
    merged by mergec V with linear.1, plan P
    ├── ./first, apache-2.0 (as above)
    └── ./base, apache-2.0
"""


@pytest.fixture
def third(mergec: Mergec) -> Path:
    """A child of two merges, one of which is a parent of the other."""
    for name, *lines in (
        ("second", 'a = model("./first")', 'b = model("./base")', "child = linear(a, b)"),
        (
            "third",
            'a = model("./first", id="first")',
            'b = model("./second")',
            'export slerp(a, b; t=0.5) as "third"',
        ),
    ):
        if not Path("first").exists():
            assert mergec("run", "spec.merge", "-o", "first").status == 0
        write_spec(*lines)
        assert mergec("run", "spec.merge", "-o", name).status == 0
    return Path("third")


def plain(text: str) -> str:
    text = re.sub(r"(?<=plan )[0-9a-f]{12}", "P", text)
    return re.sub(r"(?<=by mergec )\S+", "V", text)


def test_a_tree_names_each_merge_once(mergec: Mergec, third: Path) -> None:
    shown = mergec("lineage", "third")
    assert (shown.status, shown.err, plain(shown.out)) == (0, "", TREE)


def test_a_statement_has_the_shape_that_others_read(third: Path) -> None:
    known = lineages.document(third)
    assert (known["_type"], known["predicateType"]) == (STATEMENT_TYPE, PREDICATE_TYPE)
    definition = known["predicate"]["buildDefinition"]
    assert definition["buildType"] == BUILD_TYPE
    names = [each["name"] for each in known["subject"]]
    assert names == ["model.safetensors", "README.md", "config.json"]
    assert all(each["digest"] for each in [*known["subject"], *definition["resolvedDependencies"]])
    assert definition["internalParameters"]["operators"] == {"slerp": 1}
    assert known["predicate"]["runDetails"]["builder"]["id"]
    assert [each["name"] for each in definition["resolvedDependencies"]] == ["first", "./second"]


def test_ancestors_stand_beside_each_other_by_their_digests(third: Path) -> None:
    child = lineages.lineage(third)
    first, second = lineages.lineage("first"), lineages.lineage("second")
    assert [each.lineage for each in child.statement.sources] == [
        first.statement.digest,
        second.statement.digest,
    ]
    assert child.ancestors == {each.statement.digest: each.statement for each in (first, second)}
    assert second.ancestors == {first.statement.digest: first.statement}


def test_every_member_in_json(mergec: Mergec, third: Path) -> None:
    known = json.loads(mergec("lineage", "third", "--json").out)
    members: dict[str, Any] = {each["key"]: each for each in known["members"]}
    child = members[known["child"]]
    assert (known["schema"], child["name"], child["spec"]) == (
        "mergec.family/1",
        "third",
        "spec.merge",
    )
    assert [each["name"] for each in known["members"]] == [
        "third", "child", "child", "./base", "./code", "./math",
    ]  # fmt: skip
    first, second = (members[key] for key in child["parents"].values())
    assert second["parents"]["./first"] == first["key"]
    assert members[second["parents"]["./base"]]["plan"] is None


def test_a_flowchart(mergec: Mergec, third: Path) -> None:
    lines = mergec("lineage", "third", "--mermaid").out.splitlines()
    assert lines[0] == "flowchart TD"
    assert lines[4] == '  m3(["./base<br/>apache-2.0"])'
    assert len([line for line in lines if "-->" in line]) == 7
    assert '  m1 -->|"first"| m0' in lines


@pytest.mark.slow  # the validator reads its schemas
def test_a_bill_of_materials(mergec: Mergec, third: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = mergec("lineage", "third", "--cyclonedx").out
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    known = json.loads(text)
    assert text == mergec("lineage", "third", "--cyclonedx").out
    child = known["metadata"]["component"]
    assert [each["name"] for each in child["pedigree"]["ancestors"]] == ["child", "child"]
    assert {each["name"] for each in child["components"]} == {"README.md", "config.json"}
    assert known["components"][2]["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert known["dependencies"][0] == {"ref": "child", "dependsOn": ["model-1", "model-2"]}


def test_a_run_twice_writes_the_same_bytes(mergec: Mergec, third: Path) -> None:
    Path("deep/er").mkdir(parents=True)
    assert mergec("run", "spec.merge", "-o", "deep/er/third").status == 0
    for path in third.iterdir():
        assert Path("deep/er/third", path.name).read_bytes() == path.read_bytes(), path.name
    assert mergec("verify", "deep/er/third", "--replay", "full").status == 0
    text = (third / "lineage.json").read_text()
    assert str(Path.cwd()) not in text


def test_folders_without_a_lineage(mergec: Mergec) -> None:
    refused(mergec("lineage", "base"), "E822", 4)
    refused(mergec("lineage", "nowhere"), "E822", 4)
    write_spec(
        'a = model("./base")',
        'b = model("./code")',
        'export linear(a, b) as "one"',
        'export slerp(a, b; t=0.5) as "two"',
    )
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    several = mergec("lineage", "out")
    refused(several, "E822", 4)
    assert "`out` holds several checkpoints: `out/one`, `out/two`" in several.err


DEEP = '{"a":' * 2000 + "1" + "}" * 2000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON at byte 0"),
        ("[]", "is no in-toto statement"),
        ("{}", "is no in-toto statement"),
        ('{"a": 1, "a": 1}', "has a key twice"),
        (DEEP, "is nested"),
        (json.dumps({"_type": STATEMENT_TYPE, "predicateType": PREDICATE_TYPE}), "build type"),
    ],
    ids=["empty", "list", "object", "twice", "deep", "other"],
)
def test_what_is_no_lineage(mergec: Mergec, text: str, said: str) -> None:
    Path("base/lineage.json").write_text(text)
    found = mergec("lineage", "base")
    refused(found, "E823", 4)
    assert said in found.err


def test_a_lineage_that_is_too_large(mergec: Mergec) -> None:
    with Path("base/lineage.json").open("wb") as file:
        file.truncate((64 << 20) + 1)
    found = mergec("lineage", "base")
    refused(found, "E823", 4)
    assert "is 67,108,865 bytes long, more than 67,108,864" in found.err


def test_an_ancestor_that_was_changed_is_noticed_and_cannot_be_its_own(
    mergec: Mergec, third: Path
) -> None:
    known = lineages.document(third)
    ancestors = known["predicate"][ANCESTORS]
    for statement in ancestors.values():  # a circle: each is said to come from itself
        for source in statement["predicate"]["buildDefinition"]["resolvedDependencies"]:
            source["annotations"]["lineage"] = {"sha256": next(iter(ancestors))}
    lineages.write(third, known)
    found = mergec("lineage", "third")
    refused(found, "E823", 4)
    assert "holds the statement of an ancestor that was changed later" in found.err
    assert mergec("verify", "third").status == 4


@pytest.mark.slow
@pytest.mark.parametrize("value", [None, 1, "text", [], {}, [1], {"a": 1}])
def test_members_of_other_types(mergec: Mergec, third: Path, value: object) -> None:
    known = lineages.document(third)

    def changed(table: dict[str, Any], path: tuple[str, ...]) -> None:
        for member in [*table]:
            kept, table[member] = table[member], value
            lineages.write(third, known)
            for form in ("--json", "--mermaid", "--cyclonedx"):
                assert mergec("lineage", "third", form).status in (0, 4), (*path, member)
            table[member] = kept
            if isinstance(kept, dict) and member != ANCESTORS:
                changed(kept, (*path, member))  # pyright: ignore[reportUnknownArgumentType]

    changed(known, ())


def test_a_parents_damaged_lineage_is_a_stated_omission(mergec: Mergec) -> None:
    Path("code/lineage.json").write_text("not json")
    ran = mergec("run", "spec.merge", "-o", "out")
    assert (ran.status, ran.codes) == (0, ["W803"])
    shown = mergec("lineage", "out").out
    why = "its lineage is left out: `lineage.json` is not JSON at byte 0: expecting value"
    assert f"│   {why}\n" in shown


def test_ancestors_that_find_no_room_are_counted(
    mergec: Mergec, third: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lineages.statement("first")
    monkeypatch.setattr("mergec.execute.ancestors._LARGEST_SUM", first.size + 10)
    ran = mergec("run", "spec.merge", "-o", "again")
    assert (ran.status, ran.codes) == (0, ["W803"])
    assert "the lineage of 1 ancestor is left out, for want of room" in ran.err
    kept = lineages.lineage("again")
    assert len(kept.ancestors) == 1
    assert "its lineage is left out: there was no room for it" in mergec("lineage", "again").out
    monkeypatch.setattr("mergec.execute.ancestors._LARGEST_FILE", 100)
    ran = mergec("run", "spec.merge", "-o", "other")
    assert ran.codes == ["W803", "W803"]
    assert "bytes long, more than 100" in ran.err


def test_names_do_nothing_to_a_terminal_or_a_chart(mergec: Mergec, third: Path) -> None:
    known = lineages.document(third)
    source = known["predicate"]["buildDefinition"]["resolvedDependencies"][0]["annotations"]
    source |= {"label": '"]; click m0 "x', "ref": "\x1b[2J<script>", "licence": "[red]\u202e"}
    del source["lineage"]
    lineages.write(third, known)
    shown = mergec("lineage", "third").out
    assert "\x1b" not in shown
    assert r"\u{1b}[2J<script>, [red]\u{202e}" in shown
    chart = mergec("lineage", "third", "--mermaid").out
    assert "<script" not in chart
    assert 'click m0 "' not in chart


def test_a_long_line_of_ancestors_is_drawn_to_a_depth(mergec: Mergec, third: Path) -> None:
    known = lineages.document(third)
    ancestors: dict[str, Any] = {}
    own = {key: it for key, it in known["predicate"].items() if key != ANCESTORS}
    statement = {**known, "predicate": own}
    for _ in range(300):
        digest = table_digest(statement)
        ancestors[digest] = json.loads(json.dumps(statement))
        sources = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
        for source in sources:
            source["annotations"]["lineage"] = {"sha256": digest}
    lineages.write(third, {**statement, "predicate": {**own, ANCESTORS: ancestors}})
    shown = mergec("lineage", "third")
    assert shown.status == 0
    assert "(and so on)" in shown.out
    assert len(json.loads(mergec("lineage", "third", "--json").out)["members"]) == 303
