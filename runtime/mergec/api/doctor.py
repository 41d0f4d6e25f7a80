"""What this machine has for mergec, and what is to be done about what it lacks."""

import os
import platform
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mergec.backends import get_backend, self_test
from mergec.backends.native.objects import cache_folder
from mergec.backends.registry import BACKENDS, installed_backends
from mergec.diagnostics import MergecError
from mergec.execute import tool_version
from mergec.execute.machine_memory import MemoryLimit, memory_limits
from mergec.frozen import frozen
from mergec.plan.calibration import load_rates
from mergec.shards.probe import Abilities, probe_folder

# What an extra brings: the module to look for, and the distribution that it comes with.
EXTRAS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "native": ("llvmlite", "llvmlite"),
        "torch": ("torch", "torch"),
        "jax": ("jax", "jax"),
        "match": ("scipy", "scipy"),
        "hub": ("huggingface_hub", "huggingface_hub"),
        "cloud": ("obstore", "obstore"),
        "aws": ("boto3", "boto3"),
        "report": ("matplotlib", "matplotlib"),
        "verify": ("hypothesis", "hypothesis"),
        "pytest": ("pytest", "pytest"),
        "demo": ("sklearn", "scikit-learn"),
    }
)
# Where credentials are looked for; that they are there is all that is ever said of them.
_LOGINS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "hub": ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
        "s3": ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        "gs": ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT"),
        "az": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_CLIENT_ID"),
    }
)
_LITTLE_MEMORY = 1 << 30
_FEW_FILES = 256


@frozen
class Cache:
    """The folder of compiled kernels: how many, how large, and whether they are used."""

    folder: str
    files: int
    nbytes: int
    trusted: bool


@frozen
class Facts:
    """What was found. `backends` has what is wrong with each, None where nothing is.

    `extras` has the version of each that is installed, None for others. `folder` is where results
    are to go, `abilities` what can be done there; None with `folder_fault` saying why not.
    """

    mergec: str
    python: str
    system: str
    libraries: Mapping[str, str]
    extras: Mapping[str, str | None]
    backends: Mapping[str, str | None]
    cuda: str | None
    memory: tuple[MemoryLimit, ...]
    cache: Cache
    folder: str
    abilities: Abilities | None
    folder_fault: str
    open_files: int
    logins: Mapping[str, bool]
    calibrated: tuple[str, ...]


@frozen
class Advice:
    """Something to know about this machine; a `problem` is what a run would fail by."""

    problem: bool
    what: str
    do: str


def examine(folder: Path, environment: Mapping[str, str] | None = None) -> Facts:
    """Look at everything; takes seconds where backends are installed, whose self-tests run."""
    environment = os.environ if environment is None else environment
    abilities, fault = _abilities(folder)
    return Facts(
        mergec=tool_version(),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        libraries={name: _version(name) or "?" for name in ("numpy", "ml_dtypes", "lark")},
        extras={extra: _installed(*names) for extra, names in EXTRAS.items()},
        backends={name: _fault_of(name) for name in installed_backends()},
        cuda=_cuda(),
        memory=tuple(memory_limits()),
        cache=_cache(cache_folder()),
        folder=str(folder),
        abilities=abilities,
        folder_fault=fault,
        open_files=_open_files(),
        logins=_logins(environment),
        calibrated=tuple(name for name in BACKENDS if load_rates(name, tool_version()) is not None),
    )


def advice(facts: Facts) -> tuple[Advice, ...]:
    """What follows from the facts, problems first."""
    found: list[Advice] = []

    def say(what: str, do: str, *, problem: bool = False) -> None:
        found.append(Advice(problem, what, do))

    for name, fault in facts.backends.items():
        if fault is not None:
            say(f"backend `{name}`: {fault}", "use another with `--backend`", problem=True)
    if facts.abilities is None:
        do = "choose a folder that you may write to"
        say(f"`{facts.folder}` cannot be written to: {facts.folder_fault}", do, problem=True)
    elif not facts.abilities.rename_without_replacing:
        what = f"the file system of `{facts.folder}` cannot rename without replacing"
        say(what, "let no two runs write to one output there")
    if facts.open_files < _FEW_FILES:
        do = f"raise the limit with `ulimit -n {_FEW_FILES}`"
        say(f"this process may have {facts.open_files} files open", do)
    room = min((limit.room for limit in facts.memory), default=None)
    if room is not None and room < _LITTLE_MEMORY:
        what = f"{room >> 20} MiB of memory are left, and `mergec run` takes up to 1 GiB"
        say(what, "give it less, as in `--memory 512MiB`")
    if facts.extras.get("native") is None:
        do = 'run `pip install "mergec[native]"`'
        say("the native backend is not installed, so runs are slower", do)
    elif not facts.cache.trusted:
        do = "make it yours alone: `chmod go-w` and the right owner"
        say(f"`{facts.cache.folder}` may be written to by others, so it is not used", do)
    if not facts.calibrated:
        say("plans do not say how long a run takes", "run `mergec calibrate`")
    return tuple(sorted(found, key=lambda each: not each.problem))


def as_document(facts: Facts, found: Sequence[Advice]) -> dict[str, Any]:
    """All of it for programs."""
    return {
        "schema": "mergec.doctor/1",
        "exit": int(any(each.problem for each in found)),
        **asdict(facts),
        "advice": [asdict(each) for each in found],
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _installed(module: str, distribution: str) -> str | None:
    return (_version(distribution) or "?") if find_spec(module) is not None else None


def _fault_of(name: str) -> str | None:
    try:
        self_test(get_backend(name))
    except MergecError as error:
        return error.diagnostics[0].message
    return None


def _cuda() -> str | None:
    """The first device that torch can use."""
    if find_spec("torch") is None:
        return None
    from mergec.backends.torch_import import import_torch

    torch = import_torch()
    return str(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else None


def _cache(folder: Path) -> Cache:
    sizes: list[int] = []
    trusted = True
    with suppress(OSError):
        found = folder.stat()
        trusted = found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        with os.scandir(folder) as entries:
            sizes = [entry.stat(follow_symlinks=False).st_size for entry in entries]
    return Cache(str(folder), len(sizes), sum(sizes), trusted)


def _abilities(folder: Path) -> tuple[Abilities | None, str]:
    try:
        return probe_folder(folder), ""
    except OSError as error:
        return None, (error.strerror or str(error)).lower()


def _open_files() -> int:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 30


def _logins(environment: Mapping[str, str]) -> dict[str, bool]:
    """Whether there is a login for each kind of place; never what it is."""
    found = {kind: any(environment.get(each) for each in names) for kind, names in _LOGINS.items()}
    found["hub"] = found["hub"] or _hub_token()
    return found


def _hub_token() -> bool:
    """Whether `hf auth login` left a token, by the library that would read it."""
    get_token: Callable[[], str | None]
    try:
        from huggingface_hub import get_token
    except ImportError:
        return False
    return get_token() is not None
