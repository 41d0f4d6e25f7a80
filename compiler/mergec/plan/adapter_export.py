"""Rows and config of an export that is an adapter: a sum of adapters, or what `svd` made.

Factors stand side by side, or are computed from those of all terms at a lower rank. What adapters
add to a bias, or replace, is a sum of tensors. The config follows from the rows.
"""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod

from mergec.catalog import Checkpoint, Dtype, TensorEntry
from mergec.elaborate import Elaborated, ExportDecl
from mergec.ir import Value
from mergec.ops import STAGES
from mergec.plan.adapter_layers import OUTER, AdaptedLayer
from mergec.plan.adapter_sum import AdapterSum, FactorTerm, TensorTerm, adapter_sum
from mergec.plan.bind_readings import work_dtype
from mergec.plan.model import Action, FactorOf, Place, Row
from mergec.plan.program import Program, StageCall, recoding

_Params = Mapping[str, Value]


def adapter_rows(
    elaborated: Elaborated, export: ExportDecl, checkpoints: Mapping[str, Checkpoint], place: Place
) -> list[Row]:
    """The tensors of a sum of adapters; E313 and E417 for what is no such sum."""
    found = adapter_sum(elaborated, export, checkpoints)
    rank = None if found.reduced is None else found.reduced.rank
    rows = _Rows(found, place)
    for module, terms in found.modules.items():
        rows.factors(module, terms, rank)
    for name, parts in found.added.items():
        rows.tensor(f"{name.removesuffix('.bias')}.lora_B.bias", parts)
    for name, parts in found.replaced.items():
        module, _, kind = name.rpartition(".")
        rows.tensor(f"{module}.base_layer.{kind}" if module in found.modules else name, parts)
    return rows.rows


class _Rows:
    """Makes the rows of one export."""

    def __init__(self, found: AdapterSum, place: Place) -> None:
        self.export = found.export
        self.place = place
        self.rows: list[Row] = []

    def factors(self, module: str, terms: Sequence[FactorTerm], rank: int | None) -> None:
        """A and B of one module."""
        first, ranks = terms[0], [term.a.shape[0] for term in terms]
        layer = AdaptedLayer(
            module, first.b.shape[0], first.a.shape[1:], first.turned, first.is_embedding
        )
        if rank is None:
            (a, a_shape), (b, b_shape) = layer.factors(sum(ranks))
            self._stacked(a, a_shape, terms, across=False)
            self._stacked(b, b_shape, terms, across=True)
            return
        rank = min(rank, sum(ranks), layer.out, prod(layer.across))
        shapes = layer.factors(rank)
        sizes = [prod(shape) for _, shape in shapes]
        for start, size, factor in zip((0, sizes[0]), sizes, shapes, strict=True):
            self._reduced(module, factor, terms, rank, (start, size))

    def tensor(self, name: str, parts: Sequence[TensorTerm]) -> None:
        """A tensor that is a sum of tensors as they are."""
        labels, entries = [part.label for part in parts], [part.entry for part in parts]
        shape, only = entries[0].shape, parts[0]
        dtype = self.export.dtype or _widest(entries)
        if len(parts) == 1 and only.coefficient == 1:
            program = recoding(only.label)
            action: Action = "copy" if only.entry.dtype == dtype else "cast"
            self._append(f"{OUTER}{name}", shape, dtype, action, program, entries, None)
            return
        params = {"coefficients": tuple(part.coefficient for part in parts)}
        call = self._call("affine", range(len(parts)), params)
        self._add(f"{OUTER}{name}", shape, Program(tuple(labels), (call,), (len(parts),)), entries)

    def _stacked(
        self, name: str, shape: tuple[int, ...], terms: Sequence[FactorTerm], *, across: bool
    ) -> None:
        ones = (Fraction(1),) * len(terms)
        call = self._call(
            "stack_factors",
            range(len(terms)),
            {
                "across": across,
                "coefficients": ones if across else tuple(term.coefficient for term in terms),
                "ranks": tuple(term.a.shape[0] for term in terms),
            },
        )
        labels = tuple(term.label for term in terms)
        entries = [term.b if across else term.a for term in terms]
        self._add(name, shape, Program(labels, (call,), (len(terms),)), entries)

    def _reduced(
        self,
        module: str,
        factor: tuple[str, tuple[int, ...]],
        terms: Sequence[FactorTerm],
        rank: int,
        part: tuple[int, int],
    ) -> None:
        count = 2 * len(terms)
        params: _Params = {
            "coefficients": tuple(term.coefficient for term in terms),
            "rank": Fraction(rank),
            "ranks": tuple(Fraction(term.a.shape[0]) for term in terms),
        }
        both = self._call("svd_of_sum", range(count), params)
        one = self._call(
            "one_factor", [count], {"count": Fraction(part[1]), "start": Fraction(part[0])}
        )
        labels = tuple(term.label for term in terms) * 2
        entries = [*(term.b for term in terms), *(term.a for term in terms)]
        sides = prod(terms[0].a.shape[1:]) + terms[0].b.shape[0]
        program = Program(labels, (both, one), (count + 1,))
        of = FactorOf(f"{module}.weight", (rank, sides))
        self._add(*factor, program, entries, of)

    def _call(self, stage: str, operands: Sequence[int], params: _Params) -> StageCall:
        revision = STAGES[stage].revision
        ordered = tuple(sorted(params.items()))
        return StageCall(self.export.node, stage, revision, tuple(operands), ordered)

    def _add(
        self,
        name: str,
        shape: tuple[int, ...],
        program: Program,
        entries: Sequence[TensorEntry],
        of: FactorOf | None = None,
    ) -> None:
        dtype = self.export.dtype or _widest(entries)
        self._append(name, shape, dtype, "merge", program, entries, of)

    def _append(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: Dtype,
        action: Action,
        program: Program,
        entries: Sequence[TensorEntry],
        of: FactorOf | None,
    ) -> None:
        dtypes = tuple(entry.dtype for entry in entries)
        work = dtype if action == "copy" else work_dtype(program, (*dtypes, dtype))
        exactness = program.exactness(dtypes, work)
        row = Row(
            name, shape, dtype, action, program, program.inputs, tuple(entries), (), (), work,
            exactness, 1, self.place, of,
        )  # fmt: skip
        self.rows.append(row)


def _widest(entries: Sequence[TensorEntry]) -> Dtype:
    return max((entry.dtype for entry in entries), key=lambda each: each.bits)


def adapter_config(rows: Sequence[Row], base: str | None, *, turned: bool) -> bytes:
    """The bytes of adapter_config.json: ranks by module, and alphas such that every scale is 1.

    `turned` says that layers are stored [in, out].
    """
    ranks: dict[str, int] = {}
    saved: set[str] = set()
    biases: set[str] = set()
    for row in rows:
        name = row.tensor.removeprefix(OUTER)
        for end in (".lora_A.weight", ".lora_embedding_A"):
            if name.endswith(end):
                ranks[name.removesuffix(end)] = row.shape[0]
        if ".lora_" not in name and ".base_layer." not in name and name.endswith(".weight"):
            saved.add(name.removesuffix(".weight"))
    for row in rows:
        name = row.tensor.removeprefix(OUTER)
        if name.endswith(".bias") and ".lora_" not in name:
            biases.add(name.removesuffix(".bias"))
    rank = next(iter(ranks.values()), 1)
    pattern = {module: own for module, own in ranks.items() if own != rank}
    stated = {
        "alpha_pattern": pattern,
        "base_model_name_or_path": base,
        "bias": "all" if biases - saved else "none",
        "fan_in_fan_out": turned,
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_alpha": rank,
        "lora_bias": any(row.tensor.endswith(".lora_B.bias") for row in rows),
        "lora_dropout": 0.0,
        "modules_to_save": sorted(saved) or None,
        "peft_type": "LORA",
        "r": rank,
        "rank_pattern": pattern,
        "target_modules": sorted(ranks),
        "task_type": None,
        "use_dora": False,
        "use_rslora": False,
    }
    return (json.dumps(stated, indent=2, ensure_ascii=False) + "\n").encode()
