"""The laws that a plugin declares are tested as those of built-in operators are."""

from pathlib import Path

import pytest

from mergec.backends import Backend
from mergec.ops import OPERATORS, Law
from mergec.plugin.registry import plugins
from mergec.verify.laws import LawViolation, check_law
from tests.end_to_end.command_line import Mergec, mergec
from tests.ops.stage_runner import installed_backends
from tests.plugin.plugin_files import SAMENORM, SOFTMEAN, one, written

__all__ = ["mergec"]

# Where each operation is compiled first, seconds pass.
BACKENDS = [
    pytest.param(*case.values, id=case.id, marks=[*case.marks, *[pytest.mark.slow] * late])
    for case in installed_backends()
    for late in [case.id == "jax"]
]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_laws_of_a_plugin_hold_on_every_backend(backend: Backend, tmp_path: Path) -> None:
    files = (written(tmp_path, SOFTMEAN, "a.py"), written(tmp_path, SAMENORM, "b.py"))
    with plugins(files):
        for name in ("softmean", "samenorm"):
            for law in OPERATORS[name].laws:
                check_law(OPERATORS[name], law, backend, examples=5, seed=1)


def test_a_law_that_a_plugin_breaks_has_a_counterexample(tmp_path: Path) -> None:
    [reference] = [case.values[0] for case in installed_backends() if case.id == "reference"]
    with plugins([written(tmp_path, one("return abs(x)", laws='[law("odd")]'))]):
        [law] = OPERATORS["mine"].laws
        assert law == Law("odd")
        with pytest.raises(LawViolation, match="mine: odd"):
            check_law(OPERATORS["mine"], law, reference, examples=20, seed=1)


def test_the_command_tests_the_laws_of_a_plugin(mergec: Mergec) -> None:
    laws = "[law('odd'), law('idempotent_map')]"
    Path("mine.py").write_text(one("return abs(x)", laws=laws))
    outcome = mergec("laws", "mine", "--plugin", "mine.py", "--backend", "reference", "-j", "1")
    assert (outcome.status, outcome.codes) == (10, ["E901"])
    Path("mine.py").write_text(one("return x", laws="[law('odds')]"))
    outcome = mergec("laws", "mine", "--plugin", "mine.py", "--backend", "reference")
    assert outcome.codes == ["E902"]
    assert "`mine` claims the unknown law `odds`" in outcome.err
    assert "did you mean `odd`?" in outcome.err


@pytest.mark.slow
def test_every_process_of_the_command_knows_the_plugin(mergec: Mergec) -> None:
    Path("mine.py").write_text(one("return x", laws="[law('odd')]"))
    Path("samenorm.py").write_text(SAMENORM)
    given = ("--plugin", "mine.py", "--plugin", "samenorm.py", "--backend", "reference")
    outcome = mergec("laws", "mine", "samenorm", *given, "-j", "2")
    assert outcome.status == 0, outcome.err
    assert "2 laws of 2 operators on reference: all hold" in outcome.out
