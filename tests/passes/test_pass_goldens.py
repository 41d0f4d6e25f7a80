"""Each pass on graphs as text: what goes in, `---`, what comes out. Each case is also computed.

After a change that is meant: ACCEPT=1 pytest tests/passes, and read the diff.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mergec.catalog import Dtype
from mergec.ir import (
    Graph,
    GraphBuilder,
    Node,
    NodeKey,
    parse_graph,
    print_graph,
    rewrite,
    verify_graph,
)
from mergec.ops import STAGES
from mergec.passes import OPTIONAL, PIPELINE
from mergec.verify.exact_value import exact, unstated
from mergec.verify.law_tensors import stored
from mergec.verify.whole import whole

FOLDER = Path(__file__).parent
PASSES = {each.name: each for each in PIPELINE}
# The others put sums together anew, within a unit of the work dtype.
BITWISE = {"expand_composites", "drop_identities", *OPTIONAL}

rng = np.random.default_rng(6)
ELEMENTS = {label: rng.integers(-64, 65, 12) / 16 for label in ("base", "a", "b", "c")}


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a golden file."""

    run: str
    title: str
    before: str
    after: str


def cases() -> Iterator[Case]:
    """All cases, in the order of the pipeline and of the files."""
    for name in PASSES:
        text = (FOLDER / f"{name}.txt").read_text()
        for part in text.removeprefix("# ").split("\n# "):
            title, _, body = part.partition("\n")
            before, _, after = body.partition("---\n")
            yield Case(name, title, before, after.strip() + "\n")


CASES = list(cases())
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.run}: {case.title}")


@each_case
def test_golden(case: Case) -> None:
    graph = verify_graph(parse_graph(case.before))
    found = verify_graph(PASSES[case.run](graph))
    assert print_graph(graph) == case.before
    if os.environ.get("ACCEPT") == "1":
        _accept(case, print_graph(found))
    else:
        assert print_graph(found) == case.after
        assert PASSES[case.run](found) == found, "a second time it finds nothing to do"


@each_case
def test_golden_is_true(case: Case) -> None:
    before, after = (whole_numbers(parse_graph(text)) for text in (case.before, case.after))
    elements = {label: x.tolist() for label, x in ELEMENTS.items()}
    if not unstated(before) and not unstated(after):
        assert near(exact(before, elements), exact(after, elements))
    if not _is_of_stages(before):
        return
    found, wanted = (computed(graph) for graph in (after, before))
    if case.run in BITWISE:
        assert found.tobytes() == wanted.tobytes()
    else:
        np.testing.assert_allclose(found, wanted, rtol=2.0**-48, atol=2.0**-48)


def test_every_pass_has_several_cases() -> None:
    for name in PASSES:
        titles = [case.title for case in CASES if case.run == name]
        assert len(titles) == len(set(titles)) >= 3


def whole_numbers(graph: Graph) -> Graph:
    """As graphs are that come from specs: in the text a seed is a number like others."""

    def rule(builder: GraphBuilder, node: Node, operands: tuple[NodeKey, ...]) -> NodeKey:
        params = dict(node.params)
        for name in params.keys() & {"seed", "k"}:
            params[name] = int(Fraction(str(params[name])))
        return builder.add(node.op, operands, params, type=node.type, revision=node.revision)

    return rewrite(graph, rule)


def computed(graph: Graph) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """The value by stages on whole tensors, in float64 with coefficients of all its bits."""
    sources = {label: stored(x, Dtype.F64) for label, x in ELEMENTS.items()}
    return np.frombuffer(whole(graph, sources, Dtype.F64, Dtype.F64), np.float64)


def near(found: tuple[Fraction, ...], wanted: tuple[Fraction, ...]) -> bool:
    """Equal as rationals; an arc's coefficients pass through float64."""
    return all(abs(x - y) <= Fraction(1, 2**40) for x, y in zip(found, wanted, strict=True))


def _is_of_stages(graph: Graph) -> bool:
    return all(node.op == "source" or node.op in STAGES for node in graph.nodes())


def _accept(case: Case, after: str) -> None:
    path = FOLDER / f"{case.run}.txt"
    old = f"# {case.title}\n{case.before}---\n{case.after}"
    path.write_text(path.read_text().replace(old, f"# {case.title}\n{case.before}---\n{after}"))
