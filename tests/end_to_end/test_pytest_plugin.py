"""`pytest --mergec`: specs and operators of a repository as tests of it, with its own pytest."""

import os
from pathlib import Path

import pytest

from tests.end_to_end.command_line import PORTIONS
from tests.toy_checkpoints import write_family

pytest_plugins = ("pytester",)
# Each starts a pytest of its own.
pytestmark = pytest.mark.slow
OPERATOR = '''\
"""Half of the sum of two models.

Formula    y = (a + b) / 2
Shapes     2 × [*s] → [*s]
Parameters none
Edge cases none
Source     none
Example    halfway([1, 0], [3, 2]) is [2, 1]
"""

from mergec.plugin import law, operator


@operator(
    name="halfway",
    revision=1,
    interface=1,
    takes="models",
    operands=(2, 2),
    laws=[law("permutation_invariant"), law("scale_equivariant")],
)
def halfway(xp, a, b):
    """Half of the sum."""
    return (a + b) * 0.5
'''


@pytest.fixture
def repository(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder `specs` with the toy family, for a pytest in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", PORTIONS)
    # Where mergec is installed its entry point names the plugin too, and one of the two is enough.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    write_family(pytester.path / "specs")
    return pytester


def write(repository: pytest.Pytester, name: str, text: str) -> None:
    (repository.path / "specs" / name).write_text(text)


def run(repository: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    plugin = ("-p", "mergec.pytest_plugin", "-p", "no:cacheprovider")
    return repository.runpytest_subprocess(*plugin, "-rs", "-v", *arguments)


def test_a_spec_is_checked_formatted_planned_and_tried(repository: pytest.Pytester) -> None:
    write(repository, "half.merge", 'base = model("./base")\nhalf = 0.5*base + 0.5*base\n')
    done = run(repository, "--mergec", "specs")
    done.assert_outcomes(passed=4)
    done.stdout.fnmatch_lines(
        [f"specs/half.merge::{kind} PASSED*" for kind in ("check", "format", "plan", "test")]
    )


def test_a_failure_is_told_in_diagnostics_and_without_a_traceback(
    repository: pytest.Pytester,
) -> None:
    write(repository, "bad.merge", 'base = model("./base")\nchild = trim(base; density=3)\n')
    done = run(repository, "--mergec", "specs", "-k", "check or plan")
    done.assert_outcomes(failed=2, deselected=2)
    done.stdout.fnmatch_lines(["error[[]E203[]]: *", "  --> *bad.merge:2:*"])
    assert "Traceback" not in done.stdout.str()
    assert "spec_items.py" not in done.stdout.str()


def test_an_unformatted_spec_shows_the_difference(repository: pytest.Pytester) -> None:
    write(repository, "loose.merge", 'base=model("./base")\nchild = 0.5*base + 0.5*base\n')
    done = run(repository, "--mergec", "specs", "-k", "format")
    done.assert_outcomes(failed=1, deselected=3)
    done.stdout.fnmatch_lines(['-base=model("./base")', '+base  = model("./base")'])


def test_what_cannot_run_here_is_skipped_with_the_reason(repository: pytest.Pytester) -> None:
    write(repository, "absent.merge", 'base  = model("./nowhere")\nchild = 0.5*base + 0.5*base\n')
    write(repository, "library.merge", "def half(x) = 0.5*x\n")
    write(repository, "recipe.merge", "param m: model\nchild = 0.5*m + 0.5*m\n")
    done = run(repository, "--mergec", "specs")
    done.assert_outcomes(passed=4, skipped=8)
    done.stdout.fnmatch_lines_random(
        [
            "SKIPPED*nowhere` does not exist",
            "SKIPPED*a library, which exports nothing",
            "SKIPPED*the parameter `m` has no value",
        ]
    )


def test_an_operator_file_is_one_item_for_each_law(repository: pytest.Pytester) -> None:
    (repository.path / "halfway.py").write_text(OPERATOR)
    repository.makeini("[pytest]\nmergec_plugins = halfway.py\n")
    text = 'base  = model("./base")\ncode  = model("./code")\nchild = halfway(base, code)\n'
    write(repository, "mid.merge", text)
    done = run(repository, "--mergec", "specs", "-k", "halfway or check")
    done.assert_outcomes(passed=3, deselected=3)
    done.stdout.fnmatch_lines(
        [
            "specs/mid.merge::check PASSED*",
            "halfway.py::halfway::permutation_invariant PASSED*",
            "halfway.py::halfway::scale_equivariant PASSED*",
        ]
    )


def test_a_broken_law_shows_its_counterexample(repository: pytest.Pytester) -> None:
    kernel = OPERATOR.replace("(a + b) * 0.5", "a * 0.75 + b * 0.25")
    (repository.path / "halfway.py").write_text(kernel)
    arguments = ("--mergec-plugin", "halfway.py", "specs", "-k", "permutation")
    done = run(repository, "--mergec", *arguments)
    done.assert_outcomes(failed=1, deselected=1)
    done.stdout.fnmatch_lines(
        [
            "*collected 2 items / 1 deselected / 1 selected",
            "halfway: permutation_invariant, on reference",
            "  broken *",
            "  found *",
            "  again     mergec laws --plugin halfway.py halfway --law permutation_invariant *",
        ]
    )
    assert "Traceback" not in done.stdout.str()


def test_a_broken_operator_file_ends_the_session_with_its_diagnostic(
    repository: pytest.Pytester,
) -> None:
    (repository.path / "broken.py").write_text("raise ValueError('no')\n")
    done = run(repository, "--mergec", "--mergec-plugin", "broken.py", "specs")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*error[[]E606[]]: *"])


def test_without_the_option_nothing_is_imported_or_collected(
    repository: pytest.Pytester,
) -> None:
    write(repository, "bad.merge", "nonsense\n")
    repository.makepyfile(
        test_it="""
        import sys

        def test_nothing_is_imported():
            names = [name for name in sys.modules if name.startswith("mergec.")]
            assert names == ["mergec.pytest_plugin"]
            assert "numpy" not in sys.modules
        """
    )
    run(repository).assert_outcomes(passed=1)


def test_the_entry_point_names_the_plugin() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert '[project.entry-points.pytest11]\nmergec = "mergec.pytest_plugin"\n' in text
    assert os.path.isdir(Path(__file__).parents[2] / "runtime/mergec/pytest_plugin")
