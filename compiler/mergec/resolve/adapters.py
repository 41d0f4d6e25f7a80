"""What an adapter does to each tensor of its model: found by names, checked by shapes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from mergec.catalog import Checkpoint, TensorEntry, TensorName, match_names
from mergec.catalog.adapter import Adapter, Dora, Factors, Part, Replacement
from mergec.catalog.quoted import counted, quoted
from mergec.diagnostics import Diagnostic, Label
from mergec.elaborate import Elaborated, SourceDecl
from mergec.frozen import frozen
from mergec.ir import Node, NodeKey
from mergec.resolve.findings import Findings, StoppedError
from mergec.resolve.key_sets import KeySets

_SHOWN = 3


@frozen
class Change:
    """What becomes of one tensor; `model` is the value whose tensor a replacement is a step from.

    `rank` is that of the factors, 0 where there are none.
    """

    label: str
    part: Part
    model: NodeKey
    rank: int

    @property
    def factors(self) -> Factors | None:
        """The factors that are multiplied, if there are any."""
        part = self.part.factors if isinstance(self.part, Dora) else self.part
        return part if isinstance(part, Factors) else None

    @property
    def needs_model(self) -> bool:
        """Whether the change depends on the model's own tensor."""
        return self.whole is not None or isinstance(self.part, Dora)

    @property
    def whole(self) -> str | None:
        """The tensor that takes the place of the model's, if one does."""
        if isinstance(self.part, Replacement):
            return self.part.tensor
        return None if self.factors is None else self.factors.onto


@dataclass(slots=True)
class Adapters:
    """Matches each adapter of a spec with the models that it is added to, once."""

    elaborated: Elaborated
    keys: KeySets
    findings: Findings
    _found: dict[NodeKey, Mapping[str, Change]] = field(
        default_factory=dict[NodeKey, Mapping[str, Change]]
    )

    _failed: set[NodeKey] = field(default_factory=set[NodeKey])

    def change(self, node: Node, name: str) -> Change | None:
        """What an adapter does to the tensor `name` of its model; None if nothing.

        Finds E416 to E419, once for an adapter.
        """
        if node.key in self._failed:
            raise StoppedError
        if node.key not in self._found:
            found: dict[str, Change] = {}
            for model in self.elaborated.adapted[node.key]:
                found |= self._matched(node, model)
            self._found[node.key] = found
        return self._found[node.key].get(name)

    def model(self, node: Node) -> NodeKey:
        """The model that gives an adapter its tensors."""
        return self.elaborated.adapted[node.key][0]

    def _matched(self, node: Node, model: NodeKey) -> Mapping[str, Change]:
        label = str(node.param("label"))
        held, adapter = self._opened(label)
        have = [TensorName(name) for name in self.keys.of(model).origins]
        names = match_names([TensorName(name) for name in adapter.parts], have)
        if names.missing:
            self._other_model(node, model, names.missing, len(adapter.parts), have)
        found = {
            str(names.names[TensorName(name)]): Change(label, part, model, _rank(held, part))
            for name, part in adapter.parts.items()
        }
        self._check_dtypes(node, model, found)
        self._check_shapes(node, model, found, held)
        replaced = [name for name, change in found.items() if change.needs_model]
        if replaced and len(self.elaborated.adapted[node.key]) > 1:
            self._two_models(node, replaced)
        return found

    def _opened(self, label: str) -> tuple[Checkpoint, Adapter]:
        held = self.keys.checkpoints[label]
        assert held.adapter is not None
        return held, held.adapter

    def _entry(self, model: NodeKey, name: str) -> TensorEntry:
        return self.keys.entry(self.keys.of(model).origins[name])

    def _other_model(
        self,
        node: Node,
        model: NodeKey,
        missing: Sequence[str],
        count: int,
        have: Sequence[str],
    ) -> None:
        from difflib import get_close_matches  # on this path only: keeps start-up fast

        near = get_close_matches(missing[0], have[:20_000], n=3)
        notes = [f"the adapter changes {', '.join(map(quoted, missing[:_SHOWN]))}"]
        notes += [f"names like it are {', '.join(map(quoted, near))}"] if near else []
        self._stop(
            node,
            model,
            "E416",
            f"the model lacks {len(missing)} of the {counted(count, 'tensor')} that"
            f" `{self._ref(node)}` changes",
            "lacks them",
            notes,
            "add the adapter to the model that it was trained on",
        )

    def _check_dtypes(self, node: Node, model: NodeKey, found: Mapping[str, Change]) -> None:
        for name in found:
            entry = self._entry(model, name)
            if not entry.dtype.is_float:
                self._stop(
                    node,
                    model,
                    "E419",
                    f"`{self._ref(node)}` changes {quoted(name)}, which is stored as"
                    f" {entry.dtype.word}",
                    "stored in a quantised form",
                    [],
                    "name the model with the weights that it had before quantisation",
                )

    def _check_shapes(
        self, node: Node, model: NodeKey, found: Mapping[str, Change], held: Checkpoint
    ) -> None:
        clashes = [
            f"{quoted(name)} is {entry.describe()} in the model, and the adapter's change of it"
            f" is [{','.join(map(str, shape))}]"
            for name, change in found.items()
            for entry in [self._entry(model, name)]
            for shape in _shapes(held, change.part)
            if shape != entry.shape
        ]
        if not clashes:
            return
        more = [f"and {len(clashes) - _SHOWN} more"] if len(clashes) > _SHOWN else []
        some = "tensor" if len(clashes) == 1 else "tensors"
        self._stop(
            node,
            model,
            "E417",
            f"{len(clashes)} {some} of the model cannot take the changes of `{self._ref(node)}`",
            "other shapes here",
            [*clashes[:_SHOWN], *more],
            "add the adapter to the model that it was trained on; shapes are never broadcast",
        )

    def _two_models(self, node: Node, replaced: Sequence[str]) -> None:
        first, second = self.elaborated.adapted[node.key][:2]
        self._stop(
            node,
            second,
            "E418",
            f"`{self._ref(node)}` changes {quoted(replaced[0])} by what it is in the model, and is"
            " added to two models",
            "the second one",
            ["a tensor that is replaced, or given a length, is a step from one model"],
            f'name it once more for the second, as in `adapter("{self._ref(node)}", id="again")`',
            also=first,
        )

    def _stop(
        self,
        node: Node,
        model: NodeKey,
        code: str,
        message: str,
        label: str,
        notes: Sequence[str],
        hint: str,
        also: NodeKey | None = None,
    ) -> NoReturn:
        """Keep a finding about an adapter and its model."""
        places = self.elaborated.places.nodes
        labels = [Label(places[model], label)] if model in places else []
        labels += [Label(places[also], "the first one")] if also in places and also else []
        found = Diagnostic(
            code, message, self._decl(node).span, "", tuple(labels), tuple(notes), (hint,)
        )
        self._failed.add(node.key)
        self.findings.stop((node.key, code), found)

    def _decl(self, node: Node) -> SourceDecl:
        label = node.param("label")
        return next(decl for decl in self.elaborated.sources if decl.label == label)

    def _ref(self, node: Node) -> str:
        return self._decl(node).ref


def _rank(held: Checkpoint, part: Part) -> int:
    part = part.factors if isinstance(part, Dora) else part
    return held.tensors[TensorName(part.a)].shape[0] if isinstance(part, Factors) else 0


def _shapes(held: Checkpoint, part: Part) -> Iterator[tuple[int, ...]]:
    """The shapes of what a part adds or puts in place, which should be the model's."""
    part = part.factors if isinstance(part, Dora) else part
    if not isinstance(part, Factors):
        yield held.tensors[TensorName(part.tensor)].shape
        return
    a, b = (held.tensors[TensorName(name)].shape for name in (part.a, part.b))
    change = (b[0], *a[1:])
    yield change[::-1] if part.turned else change
    if part.onto is not None:
        yield held.tensors[TensorName(part.onto)].shape
