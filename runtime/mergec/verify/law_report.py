"""Results of laws as people and programs read them: text, JSON, JUnit."""

import json
import shlex
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from mergec.catalog import Dtype
from mergec.diagnostics import Diagnostic
from mergec.ops import Law, Operator
from mergec.verify.law_runs import LawResult
from mergec.verify.law_tensors import Floats
from mergec.verify.law_violation import Sources
from mergec.verify.law_words import law_in_symbols, law_in_words

SCHEMA = "mergec.laws/1"
_SHOWN = 16


def summary(results: Sequence[LawResult]) -> str:
    """One line for each operator and backend, and one that counts."""
    lines: list[str] = []
    operators = list(dict.fromkeys(result.operator for result in results))
    backends = list(dict.fromkeys(result.backend for result in results))
    width = max((len(name) for name in operators), default=0)
    for name in operators:
        cells = (_cell(backend, results, name) for backend in backends)
        lines.append(f"{name:<{width}}  {'  '.join(cells)}")
    broken = sum(result.broken is not None for result in results)
    verdict = f"{broken} broken" if broken else "all hold"
    count = len({(result.operator, result.law.label) for result in results})
    lines.append(
        f"{_counted(count, 'law')} of {_counted(len(operators), 'operator')} on "
        f"{', '.join(backends)}: {verdict}"
    )
    return "\n".join(lines)


def _cell(backend: str, results: Sequence[LawResult], operator: str) -> str:
    mine = [r for r in results if r.operator == operator and r.backend == backend]
    held = sum(result.broken is None for result in mine)
    return f"{backend} {held:>2} of {len(mine):>2}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def listed(laws: Sequence[tuple[Operator, Law]]) -> str:
    """What is claimed: for each operator its laws, in words and in symbols."""
    lines: list[str] = []
    for number, (operator, law) in enumerate(laws):
        if not number or laws[number - 1][0] is not operator:
            lines += [*([""] if number else []), operator.name]
        near = f", within {law.tolerance:.0e} of the largest magnitude" if law.tolerance else ""
        lines += [
            f"  {law.label}",
            f"    {law_in_words(law)}{near}",
            f"    {law_in_symbols(operator.name, law)}",
        ]
    return "\n".join(lines)


def laws_as_json(laws: Sequence[tuple[Operator, Law]]) -> str:
    """The same for programs: the members of `mergec.laws/1` that say what a law is."""
    rows = [described(operator.name, law) for operator, law in laws]
    return json.dumps({"schema": SCHEMA, "laws": rows}, indent=1, ensure_ascii=False)


def counterexample(result: LawResult, effort: str, seed: int) -> str:
    """Everything about a broken law: what it says, what refutes it, how to see that again."""
    broken = result.broken
    assert broken is not None
    lines = [
        f"{result.operator}: {result.law.label}, on {result.backend}",
        f"  law       {law_in_words(result.law)}",
        f"  symbols   {law_in_symbols(result.operator, result.law)}",
        f"  broken    {' '.join(broken.claim.split())}",
    ]
    shown: Sources | None = None
    for evaluation in broken.evaluations:
        if evaluation.sources is not shown:
            shown = evaluation.sources
            lines += ["", *(f"  {line}" for line in _tensors(shown)), ""]
            lines += [f"  | {line}" for line in evaluation.text.splitlines()]
        else:
            lines.append(f"  | result = {evaluation.expression}")
    values = [("found", broken.found), ("expected", broken.expected)]
    said = [f"  {name:<8}  {_values(x)}" for name, x in values if x is not None]
    lines += ["", *said, f"  again     {replay(result, effort, seed)}"]
    return "\n".join(lines) + "\n"


def replay(result: LawResult, effort: str, seed: int) -> str:
    """The command that comes to the same result."""
    law = shlex.quote(result.law.label)
    return (
        f"mergec laws {result.operator} --law {law} --backend {result.backend} "
        f"--effort {effort} --seed {seed}"
    )


def diagnostics(results: Sequence[LawResult], effort: str, seed: int) -> list[Diagnostic]:
    """E901 for every broken law."""
    return [
        Diagnostic(
            "E901",
            f"`{result.operator}` breaks its law `{result.law.label}` on `{result.backend}`",
            None,
            notes=(f"the law: {law_in_words(result.law)}",),
            help=(f"see the counterexample again: `{replay(result, effort, seed)}`",),
        )
        for result in results
        if result.broken is not None
    ]


def as_json(results: Sequence[LawResult], effort: str, seed: int) -> str:
    """A document of the schema `mergec.laws/1`."""
    laws = [_as_object(result, effort, seed) for result in results]
    broken = sum(result.broken is not None for result in results)
    document = {
        "schema": SCHEMA,
        "effort": effort,
        "seed": seed,
        "laws": laws,
        "held": len(laws) - broken,
        "broken": broken,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _as_object(result: LawResult, effort: str, seed: int) -> dict[str, Any]:
    law, broken = result.law, result.broken
    made: dict[str, Any] = {
        **described(result.operator, law),
        "backend": result.backend,
        "status": "holds" if broken is None else "broken",
    }
    if broken is not None:
        made["replay"] = replay(result, effort, seed)
        made["counterexample"] = {
            "claim": broken.claim,
            "evaluations": [
                {
                    "spec": evaluation.text,
                    "dtype": evaluation.sources.dtype.word,
                    "sources": {
                        label: {"shape": list(x.shape), "values": _listed(x)}
                        for label, x in evaluation.sources.tensors.items()
                    },
                }
                for evaluation in broken.evaluations
            ],
            "found": None if broken.found is None else _listed(broken.found),
            "expected": None if broken.expected is None else _listed(broken.expected),
        }
    return made


def described(operator: str, law: Law) -> dict[str, Any]:
    """What a law says, for programs."""
    return {
        "operator": operator,
        "law": law.name,
        "label": law.label,
        "words": law_in_words(law),
        "symbols": law_in_symbols(operator, law),
        "parameters": law.settings,
        "tolerance": law.tolerance,
        "must_hold": law.holds,
    }


def as_junit(results: Sequence[LawResult], effort: str, seed: int) -> str:
    """A JUnit file: a suite for each backend, a case for each law, named by its label."""
    root = ElementTree.Element("testsuites", name="mergec laws")
    for backend in dict.fromkeys(result.backend for result in results):
        mine = [result for result in results if result.backend == backend]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=f"mergec laws on {backend}",
            tests=str(len(mine)),
            failures=str(sum(result.broken is not None for result in mine)),
            errors="0",
            skipped="0",
            time=f"{sum(result.seconds for result in mine):.3f}",
        )
        for result in mine:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=f"mergec.laws.{backend}.{result.operator}",
                name=result.law.label,
                time=f"{result.seconds:.3f}",
            )
            if result.broken is not None:
                message = " ".join(result.broken.claim.split())
                failure = ElementTree.SubElement(case, "failure", message=message, type="E901")
                failure.text = counterexample(result, effort, seed)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _tensors(sources: Sources) -> list[str]:
    width = max(map(len, sources.tensors), default=0)
    return [
        f"{label:<{width}}  {shape_word(sources.dtype, x)}  {_values(x)}"
        for label, x in sources.tensors.items()
    ]


def shape_word(dtype: Dtype, x: Floats) -> str:
    """`bf16[2,3]`."""
    return f"{dtype.word}[{','.join(map(str, x.shape))}]"


def _values(x: Floats) -> str:
    """The numbers in full, for each is exactly what the dtype holds; few of many."""
    flat = [_number(value) for value in x.reshape(-1)[:_SHOWN].tolist()]
    more = f", … ({x.size} in all)" if x.size > _SHOWN else ""
    return f"[{', '.join(flat)}{more}]"


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")


def _listed(x: Floats) -> list[Any]:
    """At most the first values of a long tensor, as JSON has numbers."""
    return [_number(value) if value != value else value for value in x.reshape(-1)[:1024].tolist()]
