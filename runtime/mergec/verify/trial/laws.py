"""The laws of the operators that a spec uses, tried at the spec's own parameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.backends import Backend
from mergec.diagnostics import Diagnostic
from mergec.ir import Node, Value
from mergec.ops import OPERATORS, Law, Operator
from mergec.plan import Plan
from mergec.verify.law_report import counterexample
from mergec.verify.law_runs import LawResult, run_laws
from mergec.verify.law_words import law_in_words
from mergec.verify.trial.labour import Labour
from mergec.verify.trial.report import LawTried, Report
from mergec.verify.trial.run import Effort

# How many settings of an operator are tried, those that the spec has first.
_SETTINGS: Mapping[Effort, int] = {"fast": 1, "ci": 3, "thorough": 20}


def try_laws(
    plan: Plan,
    backends: Sequence[Backend],
    effort: Effort,
    report: Report,
    labour: Labour,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Try what the operators of a plan claim on every backend; findings go into `report`."""
    names = [backend.name for backend in backends]
    wanted = laws_of(plan, effort)
    keys = [(operator.name, law.label) for operator, law in wanted]
    new = [
        each
        for key, each in zip(keys, wanted, strict=True)
        if any((*key, name) not in labour.known for name in names)
    ]
    results = (
        run_laws(
            new,
            names,
            effort=effort,
            seed=report.seed,
            jobs=labour.jobs,
            start=labour.start,
            progress=progress,
        )
        if new
        else ()
    )
    for result in results:
        labour.known[result.operator, result.law.label, result.backend] = result
    for key in keys:
        for name in names:
            _tell(labour.known[(*key, name)], effort, report)


def laws_of(plan: Plan, effort: Effort) -> list[tuple[Operator, Law]]:
    """The laws of all operators of a plan: those that the spec names, and those they stand on."""
    used: dict[str, list[Mapping[str, Value]]] = {}
    for node in plan.written.nodes():
        if node.op in OPERATORS:
            used.setdefault(node.op, []).append(_simple(node))
    for row in plan.rows:
        for call in row.program.calls:
            if call.stage in OPERATORS:
                used.setdefault(call.stage, [])
    found: dict[tuple[str, str], tuple[Operator, Law]] = {}
    for name, settings in sorted(used.items()):
        operator = OPERATORS[name]
        for params in (settings or [{}])[: _SETTINGS[effort]]:
            for declared in operator.laws:
                law = _at(operator, declared, params)
                found.setdefault((name, law.label), (operator, law))
    return [*found.values()]


def _simple(node: Node) -> Mapping[str, Value]:
    """Parameters that are the same for every tensor and every operand."""
    return {n: value for n, value in node.params if isinstance(value, Fraction | int | str)}


def _at(operator: Operator, law: Law, params: Mapping[str, Value]) -> Law:
    """The law with the values that a spec gives to required parameters, where it leaves them open.

    An equation says all itself, and what must not hold is refuted only where it is declared to be.
    """
    if law.sides is not None or not law.holds:
        return law
    given = {
        parameter.name: params[parameter.name]
        for parameter in operator.parameters
        if parameter.required and parameter.name in params and parameter.name not in law.params
    }
    return replace(law, params={**law.params, **given})


def _tell(result: LawResult, effort: Effort, report: Report) -> None:
    label = result.law.label
    if result.broken is None:
        report.laws.append(LawTried(result.operator, label, result.backend, None))
        return
    replay = report.replay(result.backend)
    # Not the command of `mergec laws`, which knows a law only at the parameters it is declared at.
    shown = counterexample(result, effort, report.seed).rpartition("  again ")[0].rstrip()
    text = f"{shown}\n  again     {replay}\n"
    report.laws.append(LawTried(result.operator, label, result.backend, text))
    report.findings.append(
        Diagnostic(
            "E901",
            f"`{result.operator}` breaks its law `{label}` on `{result.backend}`",
            None,
            notes=(f"the law: {law_in_words(result.law)}",),
            help=(f"see the counterexample again: `{replay}`",),
        )
    )
