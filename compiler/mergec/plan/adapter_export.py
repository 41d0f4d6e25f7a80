"""A sum of adapters as one adapter: factors side by side, and the config that says so."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn

from mergec.catalog import Checkpoint, TensorEntry, TensorName
from mergec.catalog.adapter import Factors
from mergec.catalog.quoted import quoted
from mergec.diagnostics import fail
from mergec.elaborate import Elaborated, ExportDecl
from mergec.elaborate.adapted import adapter_terms
from mergec.ir import Value
from mergec.ops import STAGES
from mergec.plan.bind_readings import work_dtype
from mergec.plan.model import Place, Row
from mergec.plan.program import Program, StageCall

_OUTER = "base_model.model."


@dataclass(frozen=True, slots=True)
class _Term:
    """One adapter's part in one module: its factors, and their coefficient in the sum."""

    label: str
    a: TensorEntry
    b: TensorEntry
    coefficient: Fraction
    turned: bool
    is_embedding: bool


_Modules = Mapping[str, Sequence[_Term]]


def adapter_rows(
    elaborated: Elaborated, export: ExportDecl, checkpoints: Mapping[str, Checkpoint], place: Place
) -> list[Row]:
    """The factors of the sum that is exported; E313 and E417 for what is no such sum."""
    rows: list[Row] = []
    for module, terms in _modules(elaborated, export, checkpoints).items():
        rank = sum(term.a.shape[0] for term in terms)
        first = terms[0]
        stem = "lora_embedding_{}" if first.is_embedding else "lora_{}.weight"
        a_shape = (rank, *first.a.shape[1:])
        b_shape = (first.b.shape[0], rank, *first.b.shape[2:])
        for which, shape in (("A", a_shape), ("B", b_shape)):
            name = f"{_OUTER}{module}.{stem.format(which)}"
            rows.append(_row(export, name, shape, terms, place, across=which == "B"))
    return rows


def adapter_config(
    elaborated: Elaborated, export: ExportDecl, checkpoints: Mapping[str, Checkpoint]
) -> bytes:
    """The bytes of adapter_config.json: ranks by module, and alphas such that every scale is 1."""
    modules = _modules(elaborated, export, checkpoints)
    ranks = {module: sum(t.a.shape[0] for t in terms) for module, terms in modules.items()}
    rank = next(iter(ranks.values()))
    pattern = {module: own for module, own in ranks.items() if own != rank}
    labels = {term.label for terms in modules.values() for term in terms}
    bases = {found.base for label in labels if (found := checkpoints[label].adapter) is not None}
    turned = any(t.turned and not t.is_embedding for terms in modules.values() for t in terms)
    stated = {
        "alpha_pattern": pattern,
        "base_model_name_or_path": next(iter(bases)) if len(bases) == 1 else None,
        "bias": "none",
        "fan_in_fan_out": turned,
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": rank,
        "rank_pattern": pattern,
        "target_modules": sorted(modules),
        "task_type": None,
        "use_dora": False,
        "use_rslora": False,
    }
    return (json.dumps(stated, indent=2, ensure_ascii=False) + "\n").encode()


def _modules(
    elaborated: Elaborated, export: ExportDecl, checkpoints: Mapping[str, Checkpoint]
) -> _Modules:
    found: dict[str, list[_Term]] = {}
    terms = adapter_terms(elaborated.graph, export.node)
    assert terms is not None
    for key, coefficient in terms.items():
        label = str(elaborated.graph.node(key).param("label"))
        held = checkpoints[label]
        for name, part in held.adapter.parts.items() if held.adapter is not None else ():
            if not isinstance(part, Factors) or part.onto is not None:
                _refuse(export, f"`{label}` replaces {quoted(name)}, which no factors can say")
            term = _Term(
                label,
                held.tensors[TensorName(part.a)],
                held.tensors[TensorName(part.b)],
                coefficient * part.scale,
                part.turned,
                ".lora_embedding_" in part.a,
            )
            found.setdefault(name.removesuffix(".weight"), []).append(term)
    if not found:
        _refuse(export, "the adapters cancel")
    for module, parts in found.items():
        _check_alike(export, module, parts)
    linear = {t.turned for parts in found.values() for t in parts if not t.is_embedding}
    if len(linear) > 1:
        _refuse(export, "these adapters differ in `fan_in_fan_out`, which one config says for all")
    return found


def _check_alike(export: ExportDecl, module: str, terms: Sequence[_Term]) -> None:
    """E417 for factors that do not fit beside each other."""
    first = terms[0]
    for term in terms[1:]:
        kinds = first.is_embedding == term.is_embedding
        sides = first.a.shape[1:] == term.a.shape[1:] and first.b.shape[0] == term.b.shape[0]
        if not (kinds and sides):
            raise fail(
                "E417",
                f"`{first.label}` and `{term.label}` change {quoted(module)} in two shapes",
                export.span,
                notes=(
                    f"A is {first.a.describe()} in one and {term.a.describe()} in the other,"
                    f" B {first.b.describe()} and {term.b.describe()}",
                ),
                help="add up adapters of one model",
            )


def _refuse(export: ExportDecl, why: str) -> NoReturn:
    raise fail(
        "E313",
        f"{why}, so this sum is no low-rank adapter",
        export.span,
        help="export the adapted model itself, as in `base + l1 + l2`",
    )


def _row(
    export: ExportDecl,
    name: str,
    shape: tuple[int, ...],
    terms: Sequence[_Term],
    place: Place,
    *,
    across: bool,
) -> Row:
    entries = tuple(term.b if across else term.a for term in terms)
    ones = (Fraction(1),) * len(terms)
    params: dict[str, Value] = {
        "across": across,
        "coefficients": ones if across else tuple(term.coefficient for term in terms),
        "ranks": tuple(term.a.shape[0] for term in terms),
    }
    stage = STAGES["stack_factors"]
    count = len(terms)
    call = StageCall(
        export.node,
        stage.name,
        stage.revision,
        tuple(range(count)),
        tuple(sorted(params.items())),
    )
    labels = tuple(term.label for term in terms)
    program = Program(labels, (call,), (count,))
    dtypes = tuple(entry.dtype for entry in entries)
    dtype = export.dtype or max(dtypes, key=lambda each: each.bits)
    work = work_dtype(program, (*dtypes, dtype))
    exactness = program.exactness(dtypes, work)
    return Row(
        name, shape, dtype, "merge", program, labels, entries, (), (), work, exactness, 1, place
    )
