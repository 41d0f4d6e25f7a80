"""Plan files and finished checkpoints that were changed, moved or damaged."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.catalog.safetensors_bytes import file_of
from tests.end_to_end.command_line import SPEC, Mergec, Outcome, refused
from tests.toy_checkpoints import f32, weights


class TestPlanFiles:
    @pytest.fixture
    def plan(self, mergec: Mergec) -> dict[str, Any]:
        assert mergec("plan", "spec.merge", "-o", "plan.json").status == 0
        plan: dict[str, Any] = json.loads(Path("plan.json").read_text())
        return plan

    def run(self, mergec: Mergec, plan: object) -> Outcome:
        Path("plan.json").write_text(plan if isinstance(plan, str) else json.dumps(plan))
        return mergec("run", "plan.json", "-o", "out")

    def test_a_plan_runs(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        assert self.run(mergec, plan).status == 0

    @pytest.mark.parametrize(
        "text",
        ["", "no plan", "[]", "{}", '{"schema": "mergec.plan/1"}', '{"a": 1, "a": 1}'],
    )
    def test_a_file_that_is_no_plan(self, mergec: Mergec, text: str) -> None:
        refused(self.run(mergec, text), "E604", 6)

    def test_a_plan_of_another_schema(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        refused(self.run(mergec, {**plan, "schema": "mergec.plan/2"}), "E604", 6)

    def test_a_plan_whose_spec_was_edited(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        plan["spec"]["text"] = SPEC.replace("0.3", "0.4")
        refused(self.run(mergec, plan), "E810", 10)

    def test_a_plan_that_says_something_else_than_its_spec(
        self, mergec: Mergec, plan: dict[str, Any]
    ) -> None:
        plan["plan"]["exports"][0]["tensors"][0]["dtype"] = "f64"
        refused(self.run(mergec, plan), "E810", 10)

    @pytest.mark.parametrize("value", [None, 1, "text", [], {}, [1], {"a": 1}])
    def test_members_of_other_types(
        self, mergec: Mergec, plan: dict[str, Any], value: object
    ) -> None:
        for member in ("plan", "hash", "spec"):
            assert self.run(mergec, {**plan, member: value}).status in (6, 10)
        for member in plan["plan"]:
            changed = {**plan, "plan": {**plan["plan"], member: value}, "hash": "0"}
            refused(self.run(mergec, changed), "E810", 10)

    def test_a_plan_away_from_its_spec(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        Path("away").mkdir()
        Path("away/plan.json").write_text(json.dumps(plan))
        outcome = mergec("run", "away/plan.json", "-o", "out")
        assert (set(outcome.codes), outcome.status, outcome.made) == ({"E701"}, 4, set())
        assert outcome.err.count("paths start at `away`, the folder of the plan") == 3

    def test_a_plan_with_a_name_that_is_no_text(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        plan["spec"]["name"] = "\ud800"
        assert self.run(mergec, plan).status == 0

    def test_a_plan_whose_source_changed(self, mergec: Mergec, plan: dict[str, Any]) -> None:
        tensors = {**weights("code"), "more.weight": f32(1.0)}
        Path("code/model.safetensors").write_bytes(file_of(tensors))
        outcome = self.run(mergec, plan)
        refused(outcome, "E810", 10)
        assert "source `./code` changed" in outcome.err


class TestVerification:
    @pytest.fixture
    def out(self, mergec: Mergec) -> Path:
        assert mergec("run", "spec.merge", "-o", "out").status == 0
        return Path("out")

    def test_what_was_just_written(self, mergec: Mergec, out: Path) -> None:
        assert mergec("verify", "out").out == "verified: 4 tensors checked\n"
        replayed = mergec("verify", "out", "--replay", "full")
        assert (replayed.status, replayed.out) == (0, "verified: 4 tensors checked, 4 recomputed\n")

    @pytest.mark.parametrize("folder", ["base", "nowhere", "spec.merge"])
    def test_a_folder_that_is_not_ours(self, mergec: Mergec, folder: str) -> None:
        refused(mergec("verify", folder), "E811", 4)

    def test_every_kind_of_byte_in_the_weights(self, mergec: Mergec, out: Path) -> None:
        path = out / "model.safetensors"
        whole = path.read_bytes()
        for place in [*range(0, 40, 3), *range(40, len(whole), 29), len(whole) - 1]:
            flipped = bytearray(whole)
            flipped[place] ^= 4
            path.write_bytes(flipped)
            outcome = mergec("verify", "out")
            assert (outcome.status, set(outcome.codes)) == (10, {"E812"}), place
            assert outcome.out.startswith("failed: "), place

    @pytest.mark.parametrize("name", ["config.json", "README.md", "model.safetensors"])
    def test_a_file_that_is_gone(self, mergec: Mergec, out: Path, name: str) -> None:
        (out / name).unlink()
        refused(mergec("verify", "out"), "E812", 10)

    def test_a_tensor_that_is_gone(self, mergec: Mergec, out: Path) -> None:
        tensors = weights("base")
        del tensors["norm.weight"]
        (out / "model.safetensors").write_bytes(file_of(tensors, {"format": "pt"}))
        outcome = mergec("verify", "out")
        assert outcome.status == 10
        assert "tensor `norm.weight` is missing" in outcome.err

    def test_sources_that_are_gone(self, mergec: Mergec, out: Path) -> None:
        Path("code").rename("elsewhere")
        assert mergec("verify", "out").status == 0
        outcome = mergec("verify", "out", "--replay", "full")
        refused(outcome, "E701", 14)
        assert outcome.out == "inconclusive: 4 tensors checked, 0 recomputed\n"

    def test_sources_with_other_values(self, mergec: Mergec, out: Path) -> None:
        Path("code/model.safetensors").write_bytes(file_of(weights("else"), {"format": "pt"}))
        assert mergec("verify", "out", "--replay", "full").status == 10

    @pytest.mark.parametrize("value", [None, 1, "text", [], {}, [1], {"a": 1}])
    def test_a_lineage_of_other_types(self, mergec: Mergec, out: Path, value: object) -> None:
        lineage = json.loads((out / "lineage.json").read_text())
        for member in lineage:
            (out / "lineage.json").write_text(json.dumps({**lineage, member: value}))
            assert mergec("verify", "out", "--replay", "full").status in (0, 4, 10, 14), member

    def test_a_lineage_whose_files_lack_something(self, mergec: Mergec, out: Path) -> None:
        lineage = json.loads((out / "lineage.json").read_text())
        for member in lineage["subject"][0]:
            without = {key: it for key, it in lineage["subject"][0].items() if key != member}
            changed = {**lineage, "subject": [without, *lineage["subject"][1:]]}
            (out / "lineage.json").write_text(json.dumps(changed))
            refused(mergec("verify", "out"), "E811", 4)


def test_a_sample_of_no_tensor_proves_nothing(mergec: Mergec) -> None:
    assert mergec("run", "spec.merge", "-o", "out").status == 0
    outcome = mergec("verify", "out", "--replay", "sample=900/1000")
    assert outcome.status == 14
    assert "the sample holds none of the 4 tensors" in outcome.err
