"""The part of the demo on published models: a BERT for chemical reactions and two fine-tunes."""

from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from specs.demo.bert import Vocabulary, encode, without_prefix
from specs.demo.checkpoint import Weights, read_tensors
from specs.demo.reaction_models import (
    FOLDERS,
    PUBLISHED_FINGERPRINT,
    PUBLISHED_REACTION,
    convert,
)
from specs.demo.reactions import reactions
from specs.demo.skills import Answers, answer, questions, skills
from specs.demo.workshop import Workshop

SHOWN = "arithmetic"
AGREEMENT = 1e-4


def show_reactions(console: Console, wheel: Path) -> int:
    """Convert, merge, verify and score; how many children were verified."""
    console.rule("chemical reactions")
    shop = Workshop("rxnfp", console)
    convert(wheel, shop.folder)
    vocabulary = Vocabulary.read(shop.folder / "ft" / "vocab.txt")
    console.print(
        "A reaction BERT (base) and two fine-tunes: fingerprints (ft), 50 classes (ft10k).\n"
        "The encoder that scores them gives ft's published fingerprint, "
        f"largest difference {_difference(shop.folder, vocabulary):.0e}."
    )
    shop.mergec("plan", f"{SHOWN}.merge")
    made = {name: shop.make(f"{name}.merge", f"out-{name}") for name in shop.specs}

    parents = {name: shop.folder / name for name in FOLDERS}
    asked = questions(reactions(), vocabulary)
    heads = read_tensors(shop.folder / "heads")
    answers = {
        name: answer(asked, _encoder(folder), heads) for name, folder in (parents | made).items()
    }
    console.print("\n", _table(answers))
    return len(made)


def _encoder(folder: Path) -> Weights:
    return without_prefix(read_tensors(folder))


def _difference(folder: Path, vocabulary: Vocabulary) -> float:
    """How far our encoder is from the fingerprint that the package's README prints."""
    with torch.inference_mode():
        states = encode(_encoder(folder / "ft"), vocabulary.encode([PUBLISHED_REACTION]))
    published = torch.tensor(PUBLISHED_FINGERPRINT)
    difference = (states[0, 0, : len(published)] - published).abs().max().item()
    if difference > AGREEMENT:
        raise RuntimeError(f"the encoder is off by {difference}: its scores would mean nothing")
    return difference


def _table(answers: dict[str, Answers]) -> Table:
    measured = {
        name: skills(given, answers["ft10k"], answers["ft"]) for name, given in answers.items()
    }
    parents = [measured[name] for name in FOLDERS]
    best_tokens = max(parent.masked_tokens for parent in parents)

    def both(name: str) -> float:
        # The expert agrees with itself on every class, so that share is relative already.
        return min(measured[name].masked_tokens / best_tokens, measured[name].classes)

    best = max(both(name) for name in FOLDERS)
    table = Table("model", title="skills on 96 reactions, measured now", title_justify="left")
    for column in ("masked tokens", "classes", "neighbours", "both", "combines"):
        table.add_column(column, justify="right")
    for number, (name, skill) in enumerate(measured.items()):
        shares = [skill.masked_tokens, skill.classes, skill.neighbours, both(name)]
        verdict = "" if name in FOLDERS else "yes" if both(name) > best else "no"
        end = number == len(FOLDERS) - 1
        table.add_row(name, *(f"{share:.3f}" for share in shares), verdict, end_section=end)
    table.caption_justify = "left"
    table.caption = (
        "classes: as ft10k says. neighbours: as ft says. both: the smaller of the first two, "
        "relative to the best parent's; a child combines the skills if no parent has as much of "
        "both. Weights and densities were picked on these same reactions."
    )
    return table
