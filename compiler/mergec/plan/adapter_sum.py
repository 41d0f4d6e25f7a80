"""A sum of adapters, tensor by tensor: which factors stand side by side, which tensors are added.

A model's own tensors are not needed for what is found here. So a tensor that adapters replace may
be in the sum only if their weights sum to 1: then it is replaced again, by the sum of theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NoReturn

from mergec.catalog import Checkpoint, TensorEntry, TensorName
from mergec.catalog.adapter import Dora, Factors, Part, Step
from mergec.catalog.quoted import quoted
from mergec.diagnostics import fail
from mergec.elaborate import Elaborated, ExportDecl
from mergec.elaborate.adapted import Reduced, adapter_terms, reduced
from mergec.elaborate.wording import shown
from mergec.frozen import frozen
from mergec.ops.matrices import is_matrix


@frozen
class FactorTerm:
    """One adapter's part in one module: its factors, and their coefficient in the sum."""

    label: str
    a: TensorEntry
    b: TensorEntry
    coefficient: Fraction
    turned: bool
    is_embedding: bool


@frozen
class TensorTerm:
    """One adapter's part in a tensor that is added or put in place whole."""

    label: str
    entry: TensorEntry
    coefficient: Fraction


@dataclass(slots=True)
class AdapterSum:
    """The terms of a sum: factors by module; what is added to, and what replaces, a tensor.

    `reduced` says what truncates it, if anything does; then the coefficients include its factor.
    `dropped` names tensors that are left out, as was asked for.
    """

    export: ExportDecl
    reduced: Reduced | None
    modules: dict[str, list[FactorTerm]] = field(default_factory=dict[str, list[FactorTerm]])
    added: dict[str, list[TensorTerm]] = field(default_factory=dict[str, list[TensorTerm]])
    replaced: dict[str, list[TensorTerm]] = field(default_factory=dict[str, list[TensorTerm]])
    dropped: list[str] = field(default_factory=list[str])

    def add(self, name: str, part: Part, coefficient: Fraction, held: Checkpoint, of: str) -> None:
        """One adapter's part in the tensor `name` of its model."""
        module = name.removesuffix(".weight")
        if isinstance(part, Dora):
            self.refuse(f"`{of}` is a DoRA, which scales rows of {quoted(name)} by the model's own")
        if isinstance(part, Factors):
            a, b = (held.tensors[TensorName(each)] for each in (part.a, part.b))
            is_embedding = ".lora_embedding_" in part.a
            scaled = coefficient * part.scale
            term = FactorTerm(of, a, b, scaled, part.turned, is_embedding)
            self.modules.setdefault(module, []).append(term)
            if part.onto is not None:
                whole = held.tensors[TensorName(part.onto)]
                self.replaced.setdefault(name, []).append(TensorTerm(of, whole, coefficient))
            return
        entry = held.tensors[TensorName(part.tensor)]
        scaled = coefficient * part.scale if isinstance(part, Step) else coefficient
        terms = self.added if isinstance(part, Step) else self.replaced
        terms.setdefault(name, []).append(TensorTerm(of, entry, scaled))

    def check(self) -> None:
        """E313 and E417 for what is no adapter."""
        if not (self.modules or self.added or self.replaced):
            self.refuse("the adapters cancel")
        for module, parts in self.modules.items():
            self._check_alike(module, parts)
        for name, whole in self.replaced.items():
            self._check_replaced(name, whole)
        for name, whole in (*self.replaced.items(), *self.added.items()):
            self._check_shapes(name, whole)
        biased = {name.removesuffix(".bias") for name in self.added}
        if biased and biased != self.modules.keys():
            odd = min(biased ^ self.modules.keys())
            self.refuse(f"PEFT says `lora_bias` once for all layers, and {quoted(odd)} differs")
        linear = {
            term.turned
            for parts in self.modules.values()
            for term in parts
            if not term.is_embedding
        }
        if len(linear) > 1:
            self.refuse("these adapters differ in `fan_in_fan_out`, which one config says for all")

    def drop_vectors(self) -> None:
        """Leave out what is no matrix."""
        for terms in (self.added, self.replaced):
            for name in [name for name, parts in terms.items() if not _of_matrix(parts)]:
                del terms[name]
                self.dropped.append(name)

    def refuse(self, why: str) -> NoReturn:
        """E313: the sum is nothing that PEFT's format can say."""
        raise fail(
            "E313",
            f"{why}, so this sum is no low-rank adapter",
            self.export.span,
            help="export the adapted model itself, as in `base + l1 + l2`",
        )

    def _check_replaced(self, name: str, parts: Sequence[TensorTerm]) -> None:
        total, of = sum((part.coefficient for part in parts), Fraction(0)), parts[0].label
        if self.reduced is not None and _of_matrix(parts):
            self.refuse(f"`{of}` replaces {quoted(name)}, and without the model it has no svd")
        if total != 1:
            self.refuse(
                f"`{of}` replaces {quoted(name)}, which has the weight {shown(total)} and not 1"
            )

    def _check_alike(self, module: str, terms: Sequence[FactorTerm]) -> None:
        """Factors must fit beside each other."""
        first = terms[0]
        for term in terms[1:]:
            kinds = first.is_embedding == term.is_embedding
            sides = first.a.shape[1:] == term.a.shape[1:] and first.b.shape[0] == term.b.shape[0]
            if not (kinds and sides):
                note = (
                    f"A is {first.a.describe()} in one and {term.a.describe()} in the other,"
                    f" B {first.b.describe()} and {term.b.describe()}"
                )
                raise self._shapes(first.label, term.label, module, note)

    def _check_shapes(self, name: str, parts: Sequence[TensorTerm]) -> None:
        first = parts[0]
        for part in parts[1:]:
            if part.entry.shape != first.entry.shape:
                note = f"{first.entry.describe()} in one and {part.entry.describe()} in the other"
                raise self._shapes(first.label, part.label, name, note)

    def _shapes(self, one: str, other: str, what: str, note: str) -> Exception:
        return fail(
            "E417",
            f"`{one}` and `{other}` change {quoted(what)} in two shapes",
            self.export.span,
            notes=(note,),
            help="add up adapters of one model",
        )


def adapter_sum(
    elaborated: Elaborated, export: ExportDecl, checkpoints: Mapping[str, Checkpoint]
) -> AdapterSum:
    """The sum of adapters that an export is, reduced or not. Raises E313 and E417."""
    made = reduced(elaborated.graph.node, export.node)
    terms = adapter_terms(elaborated.graph, export.node if made is None else made.of)
    assert terms is not None
    found = AdapterSum(export, made)
    for key, weight in terms.items():
        coefficient = weight if made is None else weight * made.factor
        label = str(elaborated.graph.node(key).param("label"))
        for name, part in _parts(checkpoints[label]):
            found.add(name, part, coefficient, checkpoints[label], label)
    if made is not None and made.drops:
        found.drop_vectors()
    found.check()
    return found


def _parts(held: Checkpoint) -> Iterator[tuple[str, Part]]:
    assert held.adapter is not None
    return iter(held.adapter.parts.items())


def _of_matrix(parts: Sequence[TensorTerm]) -> bool:
    return is_matrix(parts[0].entry.shape)
