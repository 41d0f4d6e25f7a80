"""The merges in the languages of other tools, and where those tools are."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from benchmarks import mecha
from benchmarks.recipes import DENSITY, Recipe, cut
from benchmarks.traffic import layer_count

MERGEKIT = "mergekit"
MECHA = "sd-mecha"
PEERS = (MERGEKIT, MECHA)
VERSIONS: Mapping[str, str] = MappingProxyType({MERGEKIT: "0.1.5", MECHA: "1.1.8"})

_QUIET = ("--quiet", "--no-write-model-card")
_SPARSE = f"weight: 1.0, density: {DENSITY}"
_NORMALIZE = "normalize: true"


def knows(peer: str, recipe: Recipe) -> bool:
    """Whether the tool has that merge."""
    return recipe.name in (_YAML if peer == MERGEKIT else mecha.MERGES)


def peer_command(
    peer: str, python: Path, recipe: Recipe, *, family: Path, specs: Path, output: Path, dtype: str
) -> tuple[str, ...]:
    """The command of another tool; its checkpoint appears at `output`/model.

    python: interpreter of an environment that has the tool. specs: folder that takes a recipe.
    dtype: in which mergekit computes, bfloat16 or float32; sd-mecha always takes float32.
    """
    target = output / "model"
    if peer == MECHA:
        sources = [str(family / name / "model.safetensors") for name in recipe.sources]
        script, file = str(mecha.__file__), str(target / "model.safetensors")
        return (str(python), script, recipe.name, DENSITY, file, *sources)
    path = specs / f"{recipe.name}.yaml"
    path.write_text(mergekit_recipe(recipe, family, dtype), encoding="utf-8")
    if recipe.single is None:
        return (str(python.with_name("mergekit-yaml")), str(path), str(target), *_QUIET)
    # a stage that another one reads is a checkpoint on disk there
    command = (str(python.with_name("mergekit-multi")), str(path), "--out-path", str(target))
    return (*command, "--intermediate-dir", str(output / "stages"), *_QUIET)


def require_peers(peers: Sequence[str], python: Path) -> None:
    """A RuntimeError unless that environment has these tools in the versions compared with."""
    found = peer_versions(python, peers)
    for peer in peers:
        if found.get(peer) != VERSIONS[peer]:
            needed = f"{peer} {VERSIONS[peer]}"
            raise RuntimeError(
                f"the environment of {python} has no {needed}: run `make bench-peers`, or "
                f"`pip install {peer}=={VERSIONS[peer]}` there, or leave it out with `--peers`"
            )


def peer_versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """Versions of those packages that the environment of `python` has."""
    program = (
        "import sys\nfrom importlib.metadata import version, PackageNotFoundError\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(name, version(name))\n"
        "    except PackageNotFoundError: pass\n"
    )
    command = [str(python), "-c", program, *packages]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except OSError:
        return {}
    return dict(line.split() for line in answer.stdout.splitlines())


def mergekit_recipe(recipe: Recipe, family: Path, dtype: str) -> str:
    """The YAML for mergekit; computes in `dtype` (bfloat16 or float32), writes bfloat16."""
    tail = f"dtype: {dtype}\n" + ("" if dtype == "bfloat16" else "out_dtype: bfloat16\n")
    fields: dict[str, object] = {name: family / name for name in recipe.sources}
    if recipe.sliced:
        layers = layer_count(family)
        fields["upper"], fields["lower"] = cut(layers)
        fields["layers"] = layers
    return _YAML[recipe.name].format(**fields, dtype=tail.rstrip()) + tail


def _models(
    method: str, count: int, *, each: str = "", overall: str = "", base: str | None = "base"
) -> str:
    """A recipe of `count` fine-tunes with the same parameters."""
    lines = [f"merge_method: {method}", *([f"base_model: {{{base}}}"] if base else []), "models:"]
    for number in range(count):
        lines.append(f"  - model: {{ft{number}}}")
        lines += [f"    parameters: {{{{{each}}}}}"] if each else []
    lines += [f"parameters: {{{{{overall}}}}}"] if overall else []
    return "\n".join([*lines, ""])


_TIES = _models("ties", 3, each=_SPARSE, overall=_NORMALIZE)

_YAML: Mapping[str, str] = MappingProxyType(
    {
        **{
            f"linear{count}": _models("linear", count, each="weight: 1.0", base=None)
            for count in (1, 2, 3, 4, 8)
        },
        "ta3": _models("task_arithmetic", 3, each="weight: 0.5"),
        "slerp": _models("slerp", 2, overall="t: 0.5", base="ft0"),
        "dare_ties3": _models("dare_ties", 3, each=_SPARSE, overall=_NORMALIZE),
        "model_stock3": _models("model_stock", 3),
        "passthrough": """\
merge_method: passthrough
slices:
  - sources:
      - model: {base}
        layer_range: [0, {upper}]
  - sources:
      - model: {ft0}
        layer_range: [{lower}, {layers}]
""",
        "ties3": _TIES,
        "breadcrumbs3": _models(
            "breadcrumbs", 3, each=f"{_SPARSE}, gamma: 0.01", overall=_NORMALIZE
        ),
        "della3": _models("della", 3, each=f"{_SPARSE}, epsilon: 0.15", overall=_NORMALIZE),
        "sce3": _models("sce", 3, overall="select_topk: 0.3"),
        "ties_slerp": f"""\
name: first
{_TIES}{{dtype}}
---
merge_method: slerp
base_model: first
models:
  - model: first
  - model: {{ft2}}
parameters: {{{{t: 0.5}}}}
""",
    }
)
