"""What `svd` makes of a delta of models, as an adapter: factors of each matrix, and all else named.

`mergec.plan.adapter_export` does it for sums of adapters, which have no matrices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from fractions import Fraction
from math import prod

from mergec.catalog import Checkpoint, Dtype
from mergec.catalog.architecture import Architecture
from mergec.catalog.quoted import counted, quoted
from mergec.diagnostics import Diagnostic
from mergec.elaborate import Elaborated, ExportDecl
from mergec.elaborate.adapted import Reduced, adapter_terms, reduced
from mergec.frozen import frozen
from mergec.ir import DELTA, NodeKey, Value
from mergec.plan.adapter_layers import AdaptedLayer, adapted_layer, room
from mergec.resolve import Leaf, ResolvedTensor, Resolver

_SHOWN = 4
# Factors are new numbers, whatever the dtype of what they were made of.
FACTOR_DTYPE = Dtype.F32


@frozen
class Factor:
    """One of the two factors of the change of the tensor `of`, and what it comes to."""

    name: str
    of: str
    shape: tuple[int, ...]
    leaf: Leaf
    resolved: ResolvedTensor


@frozen
class SvdExports:
    """Factors the deltas of a spec. `dropped` names what each export leaves out, if it may."""

    resolver: Resolver
    checkpoints: Mapping[str, Checkpoint]
    architectures: Mapping[str, Architecture]
    dropped: dict[NodeKey, tuple[str, ...]] = field(default_factory=dict[NodeKey, tuple[str, ...]])

    def factors(self, export: ExportDecl) -> list[Factor]:
        """Those of all matrices of an export; none for one that is made of adapters alone.

        Finds E314 to E316 and what the resolver finds.
        """
        made = reduced_model(self.resolver.elaborated, export)
        if made is None:
            return []
        found: list[Factor] = []
        layers: list[AdaptedLayer] = []
        others: list[str] = []
        for name, leaf in self.resolver.keys.of(made.of).origins.items():
            entry = self.resolver.keys.entry(leaf)
            if entry.dtype.is_integer:
                continue
            resolved = self.resolver.tensor((made.of,), name)
            if resolved is None or self._is_nothing(resolved):
                continue
            layer = self._layer(name, leaf)
            if layer is None:
                others.append(name)
                continue
            layers.append(layer)
            rank = min(made.rank, room(entry.shape))
            roots = self._split(resolved.roots[0], made.factor, layer, rank)
            for (factor, shape), root in zip(layer.factors(rank), roots, strict=True):
                found.append(Factor(factor, name, shape, leaf, replace(resolved, roots=(root,))))
        self._judge(export, made, layers, others)
        return found

    def _is_nothing(self, resolved: ResolvedTensor) -> bool:
        """Whether a tensor has no change, whatever the weights are."""
        node = self.resolver.builder[resolved.roots[0]]
        parts = node.param("coefficients") if node.op == "affine" else None
        return isinstance(parts, tuple) and not any(parts)

    def _layer(self, name: str, leaf: Leaf) -> AdaptedLayer | None:
        shape, held = self.resolver.keys.entry(leaf).shape, self.checkpoints[leaf.label]
        return adapted_layer(name, shape, self.architectures[leaf.label], held.config)

    def _split(
        self, delta: NodeKey, factor: Fraction, layer: AdaptedLayer, rank: int
    ) -> tuple[NodeKey, ...]:
        """A and B of one decomposition."""
        builder = self.resolver.builder
        scaled = builder.add("affine", [delta], {"coefficients": (factor,)}, type=DELTA)
        params: dict[str, Value] = {"rank": Fraction(rank), "turned": layer.turned}
        both = builder.add("svd_factors", [scaled], params, type=DELTA)
        sizes = [Fraction(prod(shape)) for _, shape in layer.factors(rank)]
        return tuple(
            builder.add("one_factor", [both], {"start": start, "count": count}, type=DELTA)
            for start, count in zip((Fraction(0), sizes[0]), sizes, strict=True)
        )

    def _judge(
        self,
        export: ExportDecl,
        made: Reduced,
        layers: Sequence[AdaptedLayer],
        others: Sequence[str],
    ) -> None:
        """E314 for what factors cannot say, E315 where they can say nothing."""
        if others and not made.drops:
            more = [f"and {len(others) - _SHOWN} more"] if len(others) > _SHOWN else []
            self._find(
                export,
                "E314",
                f"{counted(len(others), 'tensor')} of this delta cannot be changed by factors",
                (
                    f"{', '.join([*map(quoted, others[:_SHOWN]), *more])}",
                    "factors are for layers, convolutions and embeddings, which are matrices",
                ),
                f"to leave these changes out write `svd(...; rank={made.rank}, others=drop)`, or"
                " export the model itself",
            )
        elif not layers:
            self._find(
                export,
                "E315",
                "no tensor of this delta is a matrix that changes, so there is no adapter",
                (),
                "export the delta itself, or the model",
            )
        linear = {layer.turned for layer in layers if not layer.is_embedding}
        if len(linear) > 1:
            odd = [each.module for each in layers if not each.turned and not each.is_embedding]
            self._find(
                export,
                "E316",
                f"{quoted(odd[0])} is stored [out, in], and other layers of this model [in, out]",
                ("an adapter says `fan_in_fan_out` once, for all its layers",),
                "leave such layers out of the delta, as in `match { attn | mlp => code - base,"
                " else => 0*(code - base) }`",
            )
        self.dropped[export.node] = tuple(others)

    def _find(
        self, export: ExportDecl, code: str, message: str, notes: tuple[str, ...], hint: str
    ) -> None:
        found = Diagnostic(code, message, export.span, notes=notes, help=(hint,))
        self.resolver.findings.add((export.node, code), found)


def reduced_model(elaborated: Elaborated, export: ExportDecl) -> Reduced | None:
    """What an export truncates, if that has tensors of its own: it is no sum of adapters."""
    made = reduced(elaborated.graph.node, export.node) if export.is_adapter else None
    if made is None or adapter_terms(elaborated.graph, made.of) is not None:
        return None
    return made
