"""The command line: from options to cases."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.cases import SUITES, Case, Choice, joined, single_stages, suite
from benchmarks.peers import PEERS
from benchmarks.recipes import RECIPES
from benchmarks.sizes import SIZES
from benchmarks.variants import MODES, variants

_ROOT = Path(__file__).resolve().parent.parent


def option_parser() -> argparse.ArgumentParser:
    """All options of `benchmarks.run`."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.run",
        description="Time merges in paired rounds: a whole suite, or, with one of the options from "
        "--ops to --peers, what these name in all combinations.",
    )
    add = parser.add_argument
    add("--suite", choices=SUITES, default="ours", help="default: ours")
    add("--backend", type=_words, default=["native"], help="e.g. native,torch,reference")
    add("--ops", type=_some_of(RECIPES), help=f"among {', '.join(RECIPES)}")
    add("--size", type=_some_of(SIZES), help=f"among {', '.join(SIZES)}; default mid")
    add("--cache", type=_some_of(("warm", "cold")), help="warm, cold or both; default warm")
    add("--modes", type=_some_of(MODES), help=f"among {', '.join(MODES)}; default fast,default")
    add("--threads", type=_counts, help="e.g. 1,2; default: mergec's")
    add("--memory", type=_words, help="e.g. 256MiB,1GiB; default: mergec's")
    add("--peers", type=_some_of(PEERS), help=f"among {', '.join(PEERS)}; all in suite peers")
    add("--peer-python", type=Path, default=_ROOT / ".venv-peers" / "bin" / "python")
    add("--peer-dtype", choices=("bfloat16", "float32"), default="bfloat16", help="of mergekit")
    add("--rounds", type=int, default=3)
    add("--limit", type=float, default=3600, help="seconds after which a command is ended")
    add("--data", type=Path, default=_ROOT / "build" / "bench", help="models, outputs, drafts")
    add("--results", type=Path, help="folder of the history and tables; default: results/")
    add("--fresh", action="store_true", help="measure again what is measured already")
    add("--list", action="store_true", help="print the cases and what disk they need")
    return parser


def chosen_cases(options: argparse.Namespace) -> list[Case]:
    """The cases that the options name, each once."""
    named = ("ops", "size", "cache", "modes", "threads", "memory", "peers")
    if not any(getattr(options, name) for name in named):
        return suite(options.suite, options.backend)
    ways = variants(
        options.modes or ("fast", "default"),
        options.backend,
        options.threads or (None,),
        options.memory or (None,),
    )
    whole = suite(options.suite, options.backend)
    choice = Choice(
        recipes=options.ops or [name for name in RECIPES if name in {one.recipe for one in whole}],
        sizes=options.size or ("mid",),
        variants=single_stages(ways),
        caches=options.cache or ("warm",),
        peers=options.peers or (PEERS if options.suite == "peers" else ()),
    )
    return joined([choice])


def _words(text: str) -> list[str]:
    return text.split(",")


def _counts(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _some_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    names = list(known)

    def parse(text: str) -> list[str]:
        unknown = [word for word in text.split(",") if word not in names]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)} not among {', '.join(names)}")
        return text.split(",")

    return parse
