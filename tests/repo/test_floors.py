"""The floors of the house: who imports whom, and what a spec needs to compile."""

import ast
import os
import subprocess
import sys
import tomllib

import pytest

from tests.repo.tree import FLOORS, LIGHT_FLOORS, ROOT, TIERS, floor_folders

HEAVY = {"numpy", "ml_dtypes", "torch", "jax", "hypothesis"}
# Light enough to plan with, and still too slow to load where nobody asks for it.
RARE = {"networkx", "rich", "yaml", "llvmlite", "difflib", "importlib.metadata"}


def fresh_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(str(tier.parent) for tier in TIERS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_import_contracts_hold() -> None:
    report = fresh_python(
        "from importlinter.cli import lint_imports_command\n"
        "lint_imports_command(['--no-logo', '--no-cache'])"
    )
    assert "0 broken" in report


def test_the_contracts_name_every_floor() -> None:
    assert set(floor_folders()) == set(FLOORS)
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contracts = {contract["id"]: contract for contract in linter["contracts"]}
    floors = [f"mergec.{floor}" for floor in FLOORS]
    light = [f"mergec.{floor}" for floor in LIGHT_FLOORS]
    assert linter["root_packages"] == floors
    assert contracts["floors"]["layers"] == floors[::-1]
    assert contracts["acyclic"]["ancestors"] == floors
    assert contracts["light"]["source_modules"] == light
    assert set(contracts["light"]["forbidden_modules"]) == HEAVY


def test_compiling_and_planning_load_no_array_library() -> None:
    roots = [f"mergec.{floor}" for floor in LIGHT_FLOORS]
    loaded = fresh_python(
        "import importlib, pkgutil, sys\n"
        f"for root in {roots!r}:\n"
        "    package = importlib.import_module(root)\n"
        "    for found in pkgutil.walk_packages(package.__path__, root + '.'):\n"
        "        importlib.import_module(found.name)\n"
        "print(*sys.modules)"
    ).split()
    assert set(roots) <= set(loaded)
    assert set(loaded) & HEAVY == set()


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a command line loads."""
    code = (
        "import sys\n"
        "from mergec.cli.main import run_command\n"
        f"run_command({list(arguments)!r})\n"
        "print('\\n', *sys.modules)"
    )
    return set(fresh_python(code).rstrip().rpartition("\n")[2].split())


def test_the_version_loads_next_to_nothing() -> None:
    loaded = loaded_by("--version")
    assert {name for name in loaded if name.startswith("mergec.")} == {
        "mergec.cli",
        "mergec.cli.main",
        "mergec.cli.version",
    }
    assert loaded & (HEAVY | RARE) == {"importlib.metadata"}


def test_a_check_loads_no_runtime_and_nothing_rare() -> None:
    loaded = loaded_by("check", "--spec-only", "specs/recipes/ties-slerp.merge")
    assert "mergec.plan.compile" in loaded
    assert {name.split(".")[1] for name in loaded if name.startswith("mergec.")} == {
        *LIGHT_FLOORS,
        "api",
        "cli",
        "plugin",
    } - {"recipes"}
    assert loaded & (HEAVY | RARE) == set()


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.parent.name)
def test_a_tier_holds_packages_and_nothing_else(tier: "os.PathLike[str]") -> None:
    # An __init__.py here would hide the other two tiers; a loose module would belong to no floor.
    assert [entry.name for entry in os.scandir(tier) if not entry.is_dir()] == []


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_is_typed_and_says_what_it_is(floor: str) -> None:
    folder = floor_folders()[floor]
    assert (folder / "py.typed").is_file()
    tree = ast.parse((folder / "__init__.py").read_text())
    assert ast.get_docstring(tree)
    assigned = [node.targets for node in tree.body if isinstance(node, ast.Assign)]
    names = [name.id for [name] in assigned if isinstance(name, ast.Name)]
    assert "__all__" in names
