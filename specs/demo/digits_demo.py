"""The part of the demo that needs no network: experts for handwritten digits, trained here."""

import os
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from specs.demo.checkpoint import Weights, read_tensors
from specs.demo.digits import (
    EXPERTS,
    Images,
    accuracy,
    load_split,
    save_family,
    train_family,
)
from specs.demo.workshop import Workshop

STAND_INS = {"base": "base", "code": "low", "math": "middle", "instruct": "high"}
"""The names in the README's first example, and which digit models stand in for them."""


def show_digits(console: Console) -> int:
    """Train, merge, verify and score; how many children were verified."""
    console.rule("handwritten digits")
    split = load_split()
    family = train_family(split)
    rows = [*family.items()]

    first = Workshop("first", console)
    save_family({name: family[member] for name, member in STAND_INS.items()}, first.folder)
    experts = ", ".join(f"{name} = {STAND_INS[name]}" for name in STAND_INS)
    console.print(f"The README's first example, with digit models as stand-ins ({experts}).")
    child = first.make("code-math.merge", "out")
    rows.append(("code-math", read_tensors(child)))

    digits = Workshop("digits", console)
    save_family(family, digits.folder)
    for name in digits.specs:
        rows.append((name, read_tensors(digits.make(f"{name}.merge", f"out-{name}"))))
    console.print("\n", _table(rows, split.scoring))
    # The reader is to make it: an output that exists is never replaced.
    shutil.rmtree(first.folder / "out")
    console.print(
        f"\nTo run the first example yourself:\n  cd {os.path.relpath(first.folder)}\n"
        f"  {Path(sys.executable).with_name('mergec')} run code-math.merge -o out",
        soft_wrap=True,
    )
    return 1 + len(digits.specs)


def _table(rows: list[tuple[str, Weights]], images: Images) -> Table:
    groups = {"all": tuple(range(10)), **EXPERTS}
    title = f"right answers on {len(images.digits)} unseen images"
    table = Table("model", title=title, title_justify="left", caption_justify="left")
    table.caption = (
        "An expert forgets what it was not shown; a child worth its name beats every parent on "
        "all ten. code-math shows the language; for these stand-ins it is no good recipe."
    )
    for group, members in groups.items():
        digits = "" if group == "all" else f" ({members[0]}-{members[-1]})"
        table.add_column(group + digits, justify="right")
    for number, (name, weights) in enumerate(rows):
        shares = [f"{accuracy(weights, images.of(digits)):.3f}" for digits in groups.values()]
        table.add_row(name, *shares, end_section=number == len(EXPERTS))
    return table
