"""The JSON of a comparison; docs/looking.md says what its members mean."""

from dataclasses import asdict
from typing import Any

from mergec.api.comparison import Compared
from mergec.catalog.inspection import Amount
from mergec.execute.likeness import Comparison, Tensor
from mergec.execute.likeness.pairing import Together

SCHEMA = "mergec.compare/1"


def document(compared: Compared) -> dict[str, Any]:
    """Everything that was found; null for what is not defined."""
    result = compared.result
    return {
        "schema": SCHEMA,
        "sources": {
            side: {
                "reference": reference,
                **_amount(compared, side),
                "names": result.pairing.rules.get(side),
            }
            for side, reference in compared.references.items()
        },
        "all": asdict(result.whole),
        "layers": [{"layer": each.label, **asdict(each.figures)} for each in result.layers],
        "tensors": [_tensor(each) for each in result.tensors],
        "identical": sum(each.identical for each in result.tensors),
        "duplicates": [
            [{"source": side, "name": name} for side, name in group] for group in result.duplicates
        ],
        "partial": [_held(each) for each in result.pairing.partial],
        "reshaped": [_held(each) for each in result.pairing.reshaped],
        "kinship": _kinships(result),
        "warnings": [{"code": each.code, "message": each.message} for each in compared.warnings],
    }


def _amount(compared: Compared, side: Any) -> dict[str, int]:
    held = Amount.of(compared.result.checkpoints[side].tensors.values())
    return {"tensors": held.tensors, "parameters": held.parameters, "bytes": held.nbytes}


def _tensor(tensor: Tensor) -> dict[str, Any]:
    held = _held(tensor.together)
    for side, digest in tensor.digests.items():
        held["sources"][side]["sha256"] = digest
    return {
        **held,
        "layer": tensor.layer,
        "identical": tensor.identical,
        "figures": asdict(tensor.figures) if tensor.figures is not None else None,
    }


def _held(together: Together) -> dict[str, Any]:
    """A tensor as each of the sources has it that has it."""
    return {
        "name": together.name,
        "sources": {
            side: {"name": entry.name, "dtype": entry.dtype.word, "shape": [*entry.shape]}
            for side, entry in together.entries.items()
        },
    }


def _kinships(result: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "of": [one, other],
            "verdict": kinship.verdict,
            "cosine": kinship.cosine,
            "sampled": dict(kinship.cosines),
        }
        for (one, other), kinship in result.kinships.items()
    ]
