"""Every whole recipe that is compared, and what `make peers` measured last."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.peers.family_recipes import OTHERS
from tests.peers.method_recipes import METHODS
from tests.peers.recipe_case import Recipe
from tests.peers.structure_recipes import STRUCTURES
from tests.peers.vocabulary_recipes import VOCABULARIES

RECIPES: tuple[Recipe, ...] = (*METHODS, *STRUCTURES, *OTHERS, *VOCABULARIES)
MEASURED = Path(__file__).with_name("measured.json")


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one day; `recipes` has the largest relative difference of each, or none."""

    date: str
    versions: Mapping[str, str]
    recipes: Mapping[str, str]


def measured() -> Measured:
    """Those that are kept beside the tests."""
    found = json.loads(MEASURED.read_text())
    return Measured(found["date"], found["versions"], found["recipes"])
