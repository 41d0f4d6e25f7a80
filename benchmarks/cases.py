"""What is timed: cases, each with its contestants, chosen by a suite or one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from types import MappingProxyType
from typing import Literal

from benchmarks.peers import MECHA, MERGEKIT, knows
from benchmarks.recipes import RECIPES, Recipe
from benchmarks.traffic import Cache
from benchmarks.variants import Variant, variants

FloorKind = Literal["plain", "fsync", "sha256"]


@dataclass(frozen=True, slots=True)
class Case:
    """One merge of one family, by all its contestants in turn.

    recipe, size: names. peers: other tools that take part, those alone that have the merge.
    floors: floors that do more than the plain one, to show what that costs by itself.
    """

    recipe: str
    size: str
    cache: Cache
    variants: tuple[Variant, ...]
    peers: tuple[str, ...] = ()
    floors: tuple[FloorKind, ...] = ()

    @property
    def key(self) -> str:
        """Unique among the cases of a suite, and fit for the name of a file."""
        words = [self.recipe, self.size, self.cache]
        return "-".join([*words, "peers"] if self.peers else words)


@dataclass(frozen=True, slots=True)
class Choice:
    """All combinations of some recipes, sizes and states of the cache."""

    recipes: Sequence[str]
    sizes: Sequence[str]
    variants: tuple[Variant, ...]
    caches: Sequence[Cache] = ("warm",)
    peers: Sequence[str] = ()
    floors: tuple[FloorKind, ...] = ()

    def cases(self) -> Iterator[Case]:
        """One case each."""
        for size, cache, name in product(self.sizes, self.caches, self.recipes):
            peers = tuple(peer for peer in self.peers if knows(peer, RECIPES[name]))
            ways = tuple(way for way in self.variants if _takes(RECIPES[name], way))
            yield Case(name, size, cache, ways, peers, self.floors)


def joined(choices: Iterable[Choice]) -> list[Case]:
    """The cases of several choices; one that several have gets the contestants of all."""
    found: dict[str, Case] = {}
    for case in (case for choice in choices for case in choice.cases()):
        known = found.setdefault(case.key, case)
        found[case.key] = replace(
            known,
            variants=tuple(dict.fromkeys((*known.variants, *case.variants))),
            peers=tuple(dict.fromkeys((*known.peers, *case.peers))),
            floors=tuple(dict.fromkeys((*known.floors, *case.floors))),
        )
    return list(found.values())


def suite(name: str, backends: Sequence[str]) -> list[Case]:
    """The cases of `make bench` (`ours`) or of `make bench-peers` (`peers`)."""
    return joined(_SUITES[name](backends))


def single_stages(ways: Sequence[Variant]) -> tuple[Variant, ...]:
    """These, and the first of two stages alone in the same ways."""
    return (*ways, *(replace(way, single=True) for way in ways if way.writes))


def _takes(recipe: Recipe, way: Variant) -> bool:
    return recipe.single is not None or not way.single


_PLENTY = ("tensors200", "tensors2000", "tensors20000")
_HEAVY_FOR_MECHA = ("ties3", "dare_ties3", "della3")


def _ours(backends: Sequence[str]) -> list[Choice]:
    usual = single_stages(variants(("fast", "default"), backends))
    one_thread = variants(("fast",), backends, threads=(1, 2))
    costs = variants(("synced", "checked"), backends)
    planned = variants(("plan", "fast"), backends)
    start = variants(("version", "check", "fast"), backends)
    typical = ("linear2", "ties3")
    return [
        Choice(("linear2",), ("toy",), start),
        Choice(("linear4",), _PLENTY, planned),
        Choice(tuple(RECIPES), ("small",), usual),
        Choice(tuple(RECIPES), ("mid",), usual),
        Choice(typical, ("mid",), one_thread),
        Choice(("linear2",), ("mid",), costs, floors=("fsync", "sha256")),
        Choice(typical, ("mid",), variants(("fast", "default"), backends), caches=("cold",)),
    ]


def _peers(backends: Sequence[str]) -> list[Choice]:
    ways = variants(("fast", "default"), backends)
    every = tuple(
        name
        for name, recipe in RECIPES.items()
        if knows(MERGEKIT, recipe) and (name == "linear2" or not name.startswith("linear"))
    )
    light = tuple(name for name in every if name not in _HEAVY_FOR_MECHA)
    return [
        Choice(every, ("small",), ways, peers=(MERGEKIT, MECHA)),
        Choice(light, ("mid",), ways, peers=(MERGEKIT, MECHA)),
        Choice(_HEAVY_FOR_MECHA, ("mid",), ways, peers=(MERGEKIT,)),
    ]


_SUITES = MappingProxyType({"ours": _ours, "peers": _peers})
SUITES: tuple[str, ...] = tuple(_SUITES)
