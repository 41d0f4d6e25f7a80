"""Parents that meet must agree on what the head is: the embedding, or a tensor of its own."""

from collections.abc import Iterator, Mapping

from mergec.catalog import Checkpoint, TensorName
from mergec.catalog.tied import head_kind
from mergec.diagnostics import Diagnostic, Label, escape
from mergec.elaborate import Elaborated, SourceDecl
from mergec.ir import Node, part_statistics
from mergec.plan.model import Plan, TiedCopy
from mergec.resolve import KeySet, KeySets
from mergec.resolve.routing import VIEWS


def tied_and_untied(
    elaborated: Elaborated, keys: KeySets, checkpoints: Mapping[str, Checkpoint]
) -> Iterator[Diagnostic]:
    """E422 where one operand has a head of its own and the head of another is its embedding."""
    decls = {decl.label: decl for decl in elaborated.sources}
    seen: set[tuple[str, str]] = set()
    for export in [each for each in elaborated.exports if not each.is_adapter]:
        for node in elaborated.graph.below(export.node):
            pair = _disagreeing(node, keys, checkpoints)
            if pair is None or (pair[0].donor, pair[1].donor) in seen:
                continue
            tied, own = (decls[each.donor] for each in pair)
            seen.add((tied.label, own.label))
            names = elaborated.places.names
            words = [names.get(decl.key, decl.label) for decl in (tied, own)]
            span = elaborated.places.nodes.get(node.key, export.span)
            yield _disagree(tied, own, words, pair[1], Label(span, "they meet here"))


def tied_copies(plan: Plan) -> tuple[TiedCopy, ...]:
    """The heads that sources store beside the embedding that they should be, if that is read."""
    copies: list[TiedCopy] = []
    for source in plan.sources:
        if head_kind(source.checkpoint, source.architecture) == "copy":
            tensors = source.checkpoint.tensors
            copies += [
                TiedCopy(source.decl.label, tensors[TensorName(head)], tensors[TensorName(table)])
                for head, table in source.architecture.tied
                if head in tensors
            ]
    if not copies:  # as nearly always
        return ()
    read = {
        (label, entry.stored)
        for row in plan.rows
        for label, entry in zip(row.labels, row.entries, strict=True)
    }
    return tuple(copy for copy in copies if (copy.label, copy.table) in read)


def _disagreeing(
    node: Node, keys: KeySets, checkpoints: Mapping[str, Checkpoint]
) -> tuple[KeySet, KeySet] | None:
    """The first operand of a node that is tied and the first that is not, if there are both."""
    if node.op == "source" or node.op in VIEWS:
        return None
    values, _ = part_statistics(node.operands, dict(node.params))
    found: dict[bool, KeySet] = {}
    for operand in values:
        key_set = keys.of(operand)
        tied = _is_tied(key_set, checkpoints[key_set.donor])
        if tied is not None:
            found.setdefault(tied, key_set)
    return (found[True], found[False]) if len(found) == 2 else None


def _is_tied(keys: KeySet, donor: Checkpoint) -> bool | None:
    """None for a value without a head, or of which nothing is known."""
    if any(head in keys.origins for head, _ in keys.architecture.tied):
        return False
    if keys.layers.untied or all(table not in keys.origins for _, table in keys.architecture.tied):
        return None
    return True if head_kind(donor, keys.architecture) in ("tied", "copy") else None


def _disagree(
    tied: SourceDecl, own: SourceDecl, words: list[str], untied: KeySet, met: Label
) -> Diagnostic:
    heads = [head for head, _ in untied.architecture.tied if head in untied.origins]
    a, b = f"`{escape(tied.ref)}`", f"`{escape(own.ref)}`"
    return Diagnostic(
        "E422",
        f"the head of {a} is tied to its embedding, and {b} has a head of its own",
        own.span,
        f"stores `{escape(heads[0])}`",
        labels=(Label(tied.span, "tied here"), met),
        notes=("merged as they are, the child would lose one head or lack the other",),
        help=(
            f"to give the child a head of its own, write `stack({words[0]}; untie=true)` "
            f"for `{words[0]}`",
            f"to keep the head tied, write `select({words[1]}, !head)` for `{words[1]}`, "
            f"and name `{words[0]}` first",
        ),
    )
