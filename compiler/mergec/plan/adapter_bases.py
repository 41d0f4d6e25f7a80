"""Whether an adapter says that it was trained on another model than the one it is added to."""

from collections.abc import Iterator, Mapping

from mergec.catalog import Checkpoint
from mergec.catalog.quoted import quoted
from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate import Elaborated, SourceDecl
from mergec.elaborate.parameters import Report
from mergec.ir import NodeKey


def warn_of_other_base(
    elaborated: Elaborated, checkpoints: Mapping[str, Checkpoint], report: Report
) -> None:
    """W403 for each adapter whose model says by its own name that it is another.

    A folder may have any name; only what a hub or the model's config.json calls it speaks against
    an adapter, and each of its names speaks for it.
    """
    decls = {decl.label: decl for decl in elaborated.sources}
    for key, models in elaborated.adapted.items():
        decl = decls[str(elaborated.graph.node(key).param("label"))]
        adapter = checkpoints[decl.label].adapter
        if adapter is None or adapter.base is None:
            continue
        for model in models:
            sources = [decls[label] for label in _labels(elaborated, model)]
            names = {last for each in sources for last in _names(each, checkpoints[each.label])}
            stated = [name for each in sources for name in _stated(checkpoints[each.label])]
            if stated and _last(adapter.base) not in names:
                report(_other_base(decl, sources[0], adapter.base, stated[0]))


def _labels(elaborated: Elaborated, model: NodeKey) -> list[str]:
    leaves = elaborated.graph.leaves(model)
    return [str(leaf.param("label")) for leaf in leaves if leaf.op == "source"]


def _stated(checkpoint: Checkpoint) -> Iterator[str]:
    """What a model is called by its hub, or where it was saved."""
    if checkpoint.hub is not None:
        yield checkpoint.hub.repo
    name = (checkpoint.config or {}).get("_name_or_path")
    if isinstance(name, str) and name:
        yield name


def _names(decl: SourceDecl, checkpoint: Checkpoint) -> Iterator[str]:
    yield _last(decl.ref)
    yield from map(_last, _stated(checkpoint))


def _last(name: str) -> str:
    """The part of a name that mirrors and copies keep.

    >>> _last("org/Llama-3-8B"), _last("/models/llama-3-8b/")
    ('llama-3-8b', 'llama-3-8b')
    """
    return name.rstrip("/").rpartition("/")[2].casefold()


def _other_base(decl: SourceDecl, model: SourceDecl, base: str, stated: str) -> Diagnostic:
    return Diagnostic(
        "W403",
        f"the adapter `{decl.ref}` was trained on {quoted(base)}",
        decl.span,
        labels=(Label(model.span, f"is added to {quoted(stated)}"),),
        notes=("the shapes fit; whether the models are the same, only their names say",),
        help=("add it to the model that it was trained on, if this is another",),
    )
