"""Contracts: what can be decided from headers and small files is decided when compiling."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mergec.catalog import Checkpoint
from mergec.catalog.late_files import small_file
from mergec.catalog.licence_union import key_of
from mergec.catalog.open_checkpoint import is_of_tokenizer
from mergec.catalog.regular_file import read_whole
from mergec.diagnostics import Diagnostic
from mergec.elaborate import Contract, Elaborated
from mergec.elaborate.facts import FACTS
from mergec.elaborate.parameters import Report
from mergec.ir import Condition, Fact, Known, Operation, evaluate, facts
from mergec.resolve import KeySets


def decide_contracts(
    elaborated: Elaborated,
    keys: KeySets,
    checkpoints: Mapping[str, Checkpoint],
    report: Report,
) -> tuple[Contract, ...]:
    """The contracts that need statistics of the run, with all other facts filled in.

    Reports E501 for every contract that is decided by headers and small files and does not hold.
    """
    known: dict[Fact, Known] = {}
    left: list[Contract] = []
    for contract in elaborated.contracts:
        named = [f for f in facts(contract.condition) if not FACTS[f.kind].statistic]
        for fact in named:
            known[fact] = _known(fact, keys, elaborated, checkpoints)
        condition = _folded(contract.condition, known)
        if condition is False:
            report(_broken(contract, named, known, elaborated))
        elif condition is not True:
            left.append(replace(contract, condition=condition))
    return tuple(left)


def _known(
    fact: Fact, keys: KeySets, elaborated: Elaborated, checkpoints: Mapping[str, Checkpoint]
) -> Known:
    (node,) = fact.operands
    value = keys.of(node)
    match fact.kind:
        case "license":
            leaves = elaborated.graph.leaves(node)
            labels = [str(leaf.param("label")) for leaf in leaves]
            return " + ".join(sorted({key_of(checkpoints[label].licence) for label in labels}))
        case "params":
            return sum(keys.entry(leaf).numel for leaf in value.origins.values())
        case "layer_count":
            return value.architecture.layers
        case "dtype":
            dtypes = {keys.entry(leaf).dtype for leaf in value.origins.values()}
            return " + ".join(sorted(dtype.word for dtype in dtypes if dtype.is_float))
        case "tokenizer":
            return _tokenizer(checkpoints[value.donor])
        case _:
            raise AssertionError(f"{fact.kind} is no fact of headers")


def _tokenizer(checkpoint: Checkpoint) -> str:
    """A digest over the names and bytes of the tokenizer's files."""
    digest = hashlib.sha256()
    for name in checkpoint.small_files:
        if is_of_tokenizer(name):
            content = hashlib.sha256(read_whole(small_file(checkpoint, name))).hexdigest()
            digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()


def _folded(condition: Condition, known: Mapping[Fact, Known]) -> Condition:
    """`condition` with known facts as constants, decided as far as it can be."""
    if isinstance(condition, Fact):
        return _constant(known[condition]) if condition in known else condition
    if not isinstance(condition, Operation):
        return condition
    parts = tuple(_folded(part, known) for part in condition.operands)
    if condition.op in ("and", "or"):
        decisive = condition.op == "or"
        if any(part is decisive for part in parts):
            return decisive
        open_parts = [part for part in parts if not isinstance(part, bool)]
        if len(open_parts) < 2:
            return open_parts[0] if open_parts else not decisive
        return Operation(condition.op, parts)
    folded = Operation(condition.op, parts)
    if any(isinstance(part, Fact | Operation) for part in parts):
        return folded
    return _constant(evaluate(folded, {}))


def _constant(value: Known) -> Condition:
    return value if isinstance(value, bool | str | Fraction) else Fraction(value)


def _broken(
    contract: Contract, named: Sequence[Fact], known: Mapping[Fact, Known], elaborated: Elaborated
) -> Diagnostic:
    return Diagnostic(
        "E501",
        f"`{contract.text}` does not hold",
        contract.span,
        notes=(*fact_notes(named, known, elaborated), f"why it is required: {contract.why}"),
        help=("choose other sources, or change the contract",),
    )


def fact_notes(
    named: Sequence[Fact], known: Mapping[Fact, Known], elaborated: Elaborated
) -> tuple[str, ...]:
    """One line for each fact: `license(base)` is `mit`."""
    notes: list[str] = []
    for fact in named:
        if fact.kind == "tokenizer":
            continue  # a digest tells nobody anything
        operands = ", ".join(
            elaborated.places.names.get(key) or " ".join(elaborated.places.nodes[key].text.split())
            for key in fact.operands
        )
        notes.append(f"`{fact.kind}({operands})` is `{known[fact]}`")
    return tuple(notes)
