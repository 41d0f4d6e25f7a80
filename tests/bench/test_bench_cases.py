"""What a benchmark runs: recipes in all languages, bytes, commands, suites, disk."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import disk
from benchmarks.cases import SUITES, Case, suite
from benchmarks.choosing import chosen_cases, option_parser
from benchmarks.contestants import Place
from benchmarks.disk import make_families, need, require_room
from benchmarks.make_models import Family, write_family
from benchmarks.mecha import MERGES
from benchmarks.peers import MECHA, MERGEKIT, knows, mergekit_recipe, require_peers
from benchmarks.recipes import RECIPES, merge_spec
from benchmarks.sizes import SIZES, parameter_count
from benchmarks.traffic import Extent, Traffic, settle, traffic
from benchmarks.variants import Variant
from mergec.api import compile_spec

TOY = Family(SIZES["toy"], models=8)
_HEADER_BYTES = 6000


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy models, as many as any recipe reads."""
    folder = tmp_path_factory.mktemp("families") / "toy"
    write_family(TOY, folder)
    return folder


def chosen(line: str) -> list[Case]:
    """The cases that a command line names."""
    return chosen_cases(option_parser().parse_args(line.split()))


@pytest.mark.parametrize("name", RECIPES)
def test_the_floor_moves_the_bytes_that_the_plan_does(
    name: str, family: Path, tmp_path: Path
) -> None:
    recipe, spec = RECIPES[name], tmp_path / "child.merge"
    assert recipe.fine_tunes <= TOY.models
    least = traffic(recipe, family)
    headers = 0 if recipe.sliced else least.written - 2 * parameter_count(TOY.size)
    for first in (False, True):
        spec.write_text(merge_spec(recipe, family, tmp_path, layers=4, first=first))
        plan = compile_spec(spec).plan
        assert plan.bytes_read == least.read - headers * len(recipe.sources)
        # what a header takes, which the plan counts too, is no matter in models that are no toys
        assert 0 <= plan.bytes_written - least.written < _HEADER_BYTES


def test_both_tools_are_asked_for_the_same_merge(tmp_path: Path) -> None:
    recipe, folder = RECIPES["ties3"], tmp_path / "specs"
    spec = merge_spec(recipe, tmp_path / "family", folder, layers=4, first=False)
    assert spec.splitlines() == [
        "mergec 1",
        "# ties of base + 3, density 0.3, written by the benchmark",
        "",
        'base = model("../family/base")',
        'ft0 = model("../family/ft0")',
        'ft1 = model("../family/ft1")',
        'ft2 = model("../family/ft2")',
        "",
        "child = ties(base, ft0, ft1, ft2; density=0.3)",
    ]
    settings = "    parameters: {weight: 1.0, density: 0.3}"
    assert mergekit_recipe(recipe, Path("/f"), "float32").splitlines() == [
        "merge_method: ties",
        "base_model: /f/base",
        "models:",
        *(line for n in range(3) for line in (f"  - model: /f/ft{n}", settings)),
        "parameters: {normalize: true}",
        "dtype: float32",
        "out_dtype: bfloat16",
    ]


def test_a_recipe_of_two_stages_is_two_documents_for_mergekit() -> None:
    first, second = mergekit_recipe(RECIPES["ties_slerp"], Path("/f"), "bfloat16").split("---\n")
    alone = mergekit_recipe(RECIPES["ties3"], Path("/f"), "bfloat16")
    assert first == f"name: first\n{alone}"
    assert second.splitlines() == [
        "merge_method: slerp",
        "base_model: first",
        "models:",
        "  - model: first",
        "  - model: /f/ft2",
        "parameters: {t: 0.5}",
        "dtype: bfloat16",
    ]


def test_layers_are_cut_where_mergec_cuts_them(family: Path) -> None:
    recipe = mergekit_recipe(RECIPES["passthrough"], family, "bfloat16")
    assert recipe.count("layer_range: [0, 3]") == recipe.count("layer_range: [1, 4]") == 1


def test_the_floor_reads_and_writes_what_a_merge_must(family: Path) -> None:
    model = (family / "base" / "model.safetensors").stat().st_size
    plain = traffic(RECIPES["ties3"], family)
    assert (plain.read, plain.written, len(plain.reads)) == (4 * model, model, 4)
    # embeddings and three layers of the one, three layers and what follows them of the other
    sliced = traffic(RECIPES["passthrough"], family)
    layer = 2 * (3 * 16 * 24 + 2 * 16 * 16 + 2 * 8 * 16 + 2 * 16)
    assert sliced.read == sliced.written == 2 * parameter_count(TOY.size) + 2 * layer
    assert [extent.path.parent.name for extent in sliced.reads] == ["base", "ft0"]


def test_settling_leaves_files_as_they_are(family: Path) -> None:
    path = family / "base" / "model.safetensors"
    before = path.read_bytes()
    for cache in ("warm", "cold"):
        settle(Traffic((Extent(path, 8, len(before)),), len(before)), cache)
    assert path.read_bytes() == before


def test_a_variant_is_a_name_and_a_command() -> None:
    spec, target = Path("s.merge"), Path("out")
    start = (sys.executable, "-m", "mergec.cli")
    common = (*start, "run", "s.merge", "-o", "out", "--quiet", "--backend")
    fast = Variant(backend="torch", threads=1, memory="256MiB", single=True)
    assert fast.name == "torch fast 1 thread 256MiB single stage"
    only_merge = ("--verify", "none", "--no-digests", "--no-sync")
    resources = ("--threads", "1", "--memory", "256MiB")
    assert fast.command(spec, target) == (*common, "torch", *only_merge, *resources)
    assert Variant("default").command(spec, target) == (*common, "native")
    assert Variant("plan").command(spec, target) == (*start, "plan", "s.merge")
    assert Variant("version").command(spec, target) == (*start, "--version")
    assert [Variant(mode).writes for mode in ("default", "check")] == [True, False]


def test_every_contestant_of_a_suite_has_a_command_and_a_folder_of_its_own(family: Path) -> None:
    place = Place(family.parent / "work", family, Path("python"), "bfloat16")
    for case in (case for name in SUITES for case in suite(name, ["native", "torch"])):
        contestants = place.contestants(case, traffic(RECIPES[case.recipe], family))
        assert len({one.name for one in contestants}) == len(contestants)
        assert len({one.output for one in contestants}) == len(contestants)
        assert {one.name for one in contestants if not one.paired} <= {"plan", "check", "version"}


def test_the_suites_cover_what_they_promise() -> None:
    ours = {case.key: case for case in suite("ours", ["native"])}
    for size in ("small", "mid"):
        assert ours.keys() >= {f"{name}-{size}-warm" for name in RECIPES}
    linear = ours["linear2-mid-warm"]
    assert {"native synced", "native fast 1 thread"} <= {way.name for way in linear.variants}
    assert linear.floors == ("fsync", "sha256")
    single = [way.name for way in ours["ties_slerp-mid-warm"].variants if way.single]
    assert single == ["native fast single stage", "native default single stage"]
    assert not any(way.single for way in ours["ties3-mid-warm"].variants)
    peers = {case.key: case for case in suite("peers", ["native"])}
    assert peers["ties3-mid-warm-peers"].peers == (MERGEKIT,)
    assert peers["slerp-mid-warm-peers"].peers == (MERGEKIT, MECHA)
    assert peers["breadcrumbs3-mid-warm-peers"].peers == (MERGEKIT,)
    assert "ties3_global-mid-warm" not in peers
    assert {name for name in RECIPES if knows(MERGEKIT, RECIPES[name])} >= MERGES


def test_options_choose_all_combinations() -> None:
    cases = chosen("--ops ties3,linear2 --size small,mid --cache cold --backend native,torch")
    keys = [f"{name}-{size}-cold" for size in ("small", "mid") for name in ("ties3", "linear2")]
    assert [case.key for case in cases] == keys
    names = ["native fast", "torch fast", "native default", "torch default"]
    assert all([way.name for way in case.variants] == names for case in cases)
    (one,) = chosen("--ops slerp --modes plan,fast --threads 1,2 --peers mergekit")
    assert (one.key, one.peers) == ("slerp-mid-warm-peers", (MERGEKIT,))
    names = ["plan", "native fast 1 thread", "native fast 2 threads"]
    assert [way.name for way in one.variants] == names


def test_a_part_of_the_suite_of_peers_has_peers() -> None:
    small = chosen("--suite peers --size small")
    suite_of_small = [case for case in suite("peers", ["native"]) if case.size == "small"]
    assert {case.key for case in small} == {case.key for case in suite_of_small}
    assert {case.key: case.peers for case in small} == {c.key: c.peers for c in suite_of_small}


def test_an_unknown_merge_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        chosen("--ops ties3,tise")
    assert "tise not among linear1, linear2," in capsys.readouterr().err


def test_what_does_not_fit_on_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = chosen("--ops ties3 --size mid")
    assert round(need(cases, tmp_path).models / 1e9, 1) == 8.8

    def free(_folder: Path) -> int:
        return 10 << 30

    monkeypatch.setattr(disk, "free_bytes", free)
    message = r"8\.8 GB for models and 9\.9 GB for outputs are needed, and 10\.7 GB are free"
    with pytest.raises(RuntimeError, match=message):
        require_room(cases, tmp_path)


def test_models_are_made_once_and_only_as_many_as_needed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    few, more = chosen("--ops slerp --size toy"), chosen("--ops ties3 --size toy")
    model = 2 * parameter_count(TOY.size)
    assert need(few, tmp_path).models == 3 * model
    make_families(few, tmp_path)
    assert (need(few, tmp_path).models, need(more, tmp_path).models) == (0, model)
    capfd.readouterr()
    make_families(few, tmp_path)
    assert capfd.readouterr().out == ""


def test_another_tool_in_another_version_is_refused() -> None:
    require_peers([], Path("/nowhere/python"))
    with pytest.raises(RuntimeError, match=r"has no mergekit 0\.1\.5"):
        require_peers([MERGEKIT], Path("/nowhere/python"))
