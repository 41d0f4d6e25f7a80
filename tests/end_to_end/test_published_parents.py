"""Published models: relatives that merge, strangers that a run refuses, an older architecture.

They come from packages on PyPI, taken without their dependencies and without running their code:
`silero-vad` 5.1.2 and 6.2.3 (MIT), one voice detector trained twice, `chgnet` 0.4.2 (modified BSD),
a model of atomic forces, its fine-tune on other data, and its previous version, and `rxnfp` 0.1.0
(MIT), a language model of chemistry and two fine-tunes. Where they cannot be had, the tests are
skipped.
"""

import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from specs.demo.checkpoint import write_tensors
from tests.end_to_end.command_line import ROOT, Mergec, refused, write_spec

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.slow

_CACHE = ROOT / "build" / "published"
_DETECTOR = "silero_vad/data/silero_vad.jit"
_FORCES = "chgnet/pretrained"
_CHEMISTRY = "rxnfp/models/transformers"
_SHA256 = {
    "silero-vad==5.1.2": "93b41953d7774b165407fda6b533c119c5803864e367d5034dc626c82cfdf661",
    "silero-vad==6.2.3": "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
    "rxnfp==0.1.0": "c5c1e818add6f34539a6b29bc680c47c9e7311e9383d1b34ce901481e34b58cf",
    "chgnet==0.4.2": "f60a3ed0dacc4657c511807eb1de44e12654e54d8f5a0cc483d1255564fb378a",
}


def wheel(requirement: str) -> zipfile.ZipFile:
    """The package's wheel, downloaded once; skips the test if it cannot be had."""
    folder = _CACHE / requirement.replace("==", "-")
    if not list(folder.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--retries", "1", "--dest", str(folder), requirement]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it said nothing"]
            pytest.skip(f"no {requirement} from pip ({said[-1]})")
    (path,) = folder.glob("*.whl")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != _SHA256[requirement]:
        pytest.skip(f"{path.name} is another file than this test was written for")
    return zipfile.ZipFile(path)


def put(name: str, tensors: Mapping[str, Any]) -> None:
    Path(name).mkdir()
    write_tensors(Path(name) / "model.safetensors", tensors)


def detector(version: str) -> Mapping[str, Any]:
    with wheel(f"silero-vad=={version}") as package:
        found = torch.jit.load(io.BytesIO(package.read(_DETECTOR)), map_location="cpu")
    return dict(found.state_dict())


def forces(version: str) -> Mapping[str, Any]:
    with wheel("chgnet==0.4.2") as package:
        (name,) = [
            n for n in package.namelist() if n.startswith(f"{_FORCES}/{version}/") and "pth" in n
        ]
        held = torch.load(io.BytesIO(package.read(name)), map_location="cpu", weights_only=True)
    return {name: x for name, x in held["model"]["state_dict"].items() if x.numel()}


@pytest.mark.filterwarnings("ignore:.torch.jit.load. is deprecated:DeprecationWarning")
def test_one_detector_trained_twice_is_refused(mergec: Mergec) -> None:
    put("five", detector("5.1.2"))
    put("six", detector("6.2.3"))
    write_spec('a = model("./five")', 'b = model("./six")', "child = linear(a, b)")
    assert mergec("check", "spec.merge").codes == []
    outcome = mergec("run", "spec.merge", "-o", "out")
    refused(outcome, "E821", 5)
    assert re.search(r"median cosine of \d+ sampled matrices is -?0\.0\d", outcome.err)
    write_spec(
        'a = model("./five")',
        'b = model("./six")  # mergec: allow W705 because it is known to be noise',
        "child = linear(a, b)",
    )
    assert mergec("run", "spec.merge", "-o", "out").status == 0


def test_a_model_and_its_fine_tune_on_other_data_are_merged(mergec: Mergec) -> None:
    put("pbe", forces("0.3.0"))
    put("r2scan", forces("r2scan"))
    write_spec('a = model("./pbe")', 'b = model("./r2scan")', "child = a + 0.5*(b - a)")
    outcome = mergec("run", "spec.merge", "-o", "out")
    assert (outcome.codes, outcome.status) == ([], 0), outcome.err


def test_the_previous_architecture_is_an_error_before_the_run(mergec: Mergec) -> None:
    put("new", forces("0.3.0"))
    put("old", forces("0.2.0"))
    write_spec('a = model("./new")', 'b = model("./old")', "child = linear(a, b)")
    outcome = mergec("check", "spec.merge")
    assert (outcome.codes, outcome.status, outcome.made) == (["E401", "E402"], 5, set())
    assert "`./old` lacks 46 of the 136 tensors" in outcome.err


def chemistry(name: str) -> Mapping[str, Any]:
    with wheel("rxnfp==0.1.0") as package:
        held = torch.load(
            io.BytesIO(package.read(f"{_CHEMISTRY}/{name}/pytorch_model.bin")),
            map_location="cpu",
            weights_only=True,
        )
    floats = {name: x.contiguous() for name, x in held.items() if x.is_floating_point()}
    return {name: x.clone() for name, x in floats.items()}


def cosine(mergec: Mergec, *arguments: str) -> float:
    found = mergec("compare", *arguments, "--json", "--quiet")
    assert found.status == 0, found.err
    return float(json.loads(found.out)["all"]["cosine"])


def test_a_language_model_of_chemistry_and_its_fine_tunes(mergec: Mergec) -> None:
    """The three name their tensors with a prefix, without one, and with a head."""
    for name in ("bert_pretrained", "bert_ft", "bert_ft_10k_25s"):
        put(name, chemistry(name))
    base, tuned, small = "./bert_pretrained", "./bert_ft", "./bert_ft_10k_25s"
    # As they were published of the tensors that all three have, to three digits and two.
    assert cosine(mergec, base, tuned) == pytest.approx(0.977, abs=1e-3)
    assert cosine(mergec, base, small) == pytest.approx(0.996, abs=1e-3)
    assert cosine(mergec, tuned, small, "--base", base) == pytest.approx(0.09, abs=5e-3)
