"""What every test starts from: repeatable Hypothesis runs, a plain environment, no network."""

import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from hypothesis import HealthCheck, Phase, settings

# `pytest --hypothesis-profile=nightly` searches on: other examples every time, and many.
settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=50,
    print_blob=True,
    # A busy machine is no defect of the test.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "nightly", settings.get_profile("ci"), derandomize=False, max_examples=2000
)
# A mutant is tried against every test that calls its function: few examples each, and none made
# simpler, for nobody reads them.
settings.register_profile(
    "mutation",
    settings.get_profile("ci"),
    max_examples=20,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("ci")

# Set before anything is imported, so that the processes tests start inherit it too.
_CHANGES_OUTPUT = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE")
# Or each of hundreds of processes would compile all of mergec.
_SLOW = "PYTHONDONTWRITEBYTECODE"
for _name in [*os.environ]:
    if _name in (*_CHANGES_OUTPUT, _SLOW) or _name.startswith("MERGEC_"):
        del os.environ[_name]
os.environ.update(
    {"LC_ALL": "C.UTF-8", "TERM": "dumb", "HF_HUB_OFFLINE": "1", "MERGEC_OFFLINE": "1"}
)
# Not the user's, where this machine may be calibrated; kept, so that kernels are compiled once.
_CACHE = Path(tempfile.gettempdir(), f"mergec-tests-{os.getuid()}")
_CACHE.mkdir(mode=0o700, exist_ok=True)
os.environ["XDG_CACHE_HOME"] = str(_CACHE)


def _refuse_network(event: str, args: tuple[object, ...]) -> None:
    # Addresses of the internet are tuples; a local socket's is a path. Servers that tests start
    # listen on loopback.
    if event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        address = cast("tuple[object, ...]", args[1])
        if address[0] != "127.0.0.1":
            raise AssertionError(f"a test tried to reach {address}")


sys.addaudithook(_refuse_network)

# Named here and not imported there: a fixture that several files of tests share.
pytest_plugins = (
    "tests.end_to_end.command_line",
    "tests.faults.injected",
    "tests.hub.at_loopback",
    "tests.stores.at_loopback_stores",
)

# What operators of other tools compute is compared where these are installed: `make peers`.
collect_ignore_glob = [] if find_spec("mergekit") and find_spec("sd_mecha") else ["peers/*"]
