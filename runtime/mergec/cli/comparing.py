"""`mergec compare`."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mergec.cli import options
from mergec.cli.options import computing, reach
from mergec.cli.printing import counted, print_diagnostics
from mergec.cli.progress import progress_bar
from mergec.cli.writing import require_folder, write_text
from mergec.diagnostics import fail

if TYPE_CHECKING:
    from mergec.api.comparison import Compared
    from mergec.execute.likeness import Comparison, Figures
    from mergec.execute.likeness.pairing import Together

# How many names are listed, and how many of a group of duplicates.
_SHOWN = 8
_ALIKE = 4


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--base", metavar="REF", help="Compare the deltas of A and B from this model.")
@click.option("--json", "as_json", is_flag=True, help="Every tensor and digest, for programs.")
@click.option(
    "--html",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write a page with plots too, that needs nothing beside itself.",
)
@click.option("--tensors", "by_tensor", is_flag=True, help="A row for each tensor, too.")
@computing
@options.threads
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@reach
def compare(
    a: str,
    b: str,
    base: str | None,
    as_json: bool,
    html: Path | None,
    by_tensor: bool,
    backend: str,
    threads: int | None,
    quiet: bool,
) -> None:
    """Compare the checkpoints A and B, tensor by tensor and layer by layer.

    With a base, their deltas from it: how large they are, whether they point the same way, how many
    of their entries conflict, how many are zero. References are written as in a spec: `./code`.
    """
    from mergec.api.comparison import compare_checkpoints
    from mergec.cli.comparison_document import document

    if html is not None:
        _require_page(html)
    with ExitStack() as stack:

        def begin(total: int) -> Callable[[int], None]:
            return stack.enter_context(progress_bar("comparing", total, quiet=quiet))

        compared = compare_checkpoints(a, b, base, backend=backend, threads=threads, begin=begin)
    print_diagnostics(compared.warnings)
    if html is not None:
        from mergec.cli.comparison_page import page

        write_text(html, page(compared))
    if as_json:
        click.echo(json.dumps(document(compared), indent=1))
        return
    _print(compared, by_tensor=by_tensor)


def _require_page(path: Path) -> None:
    """What a page needs, before the models are read."""
    if find_spec("matplotlib") is None:
        raise fail(
            "E603",
            "`--html` draws with Matplotlib, which is not installed",
            help='run `pip install "mergec[report]"`',
        )
    require_folder(path)


def _print(compared: "Compared", *, by_tensor: bool) -> None:
    from mergec.cli.figure_words import HEADS, cells
    from mergec.cli.tables import columns, facts, show

    result = compared.result
    head = HEADS[type(result.whole)]
    rows: list[list[str]] = [[each.label, *cells(each.figures)] for each in result.layers]
    parts = [
        facts(_facts(compared)),
        columns(["layer", *head], [*rows, ["all", *cells(result.whole)]]),
    ]
    if by_tensor:
        listed = [
            [each.together.name, *cells(each.figures)[1:]]
            for each in result.tensors
            if each.figures is not None
        ]
        parts.append(columns(["tensor", *head[1:]], listed))
    remarks = [*_remarks(result)]
    if remarks:
        parts.append(facts(remarks))
    show(*parts)


def _facts(compared: "Compared") -> Iterator[tuple[str, str]]:
    from mergec.catalog.inspection import Amount

    for side, reference in compared.references.items():
        held = Amount.of(compared.result.checkpoints[side].tensors.values())
        rule = compared.result.pairing.rules.get(side)
        named = f", names by {rule}" if rule is not None else ""
        size = f"{counted(held.tensors)}, {held.parameters:,} parameters"
        yield side, f"{reference}  {size}{named}"


def _remarks(result: "Comparison") -> Iterator[tuple[str, str]]:
    """What the table does not show, if there is anything of the kind."""
    identical = sum(tensor.identical for tensor in result.tensors)
    yield "identical", f"{identical} of {counted(len(result.tensors))} in a and b"
    if result.duplicates:
        first = result.duplicates[0]
        names = [f"{side}:{name}" for side, name in first[:_ALIKE]]
        names += ["…"] * (len(first) > _ALIKE)
        others = len(result.duplicates) - 1
        more = f", and {others} more group{'s' * (others != 1)}" if others else ""
        yield "duplicates", f"{' = '.join(names)}{more}"
    copied = [tensor for tensor in result.tensors if tensor.figures is None]
    if copied:
        equal = sum(tensor.identical for tensor in copied)
        yield "not computed", f"{_named([t.together for t in copied])}\n{equal} equal in a and b"
    unknown = [t.together for t in result.tensors if t.figures is not None and _odd(t.figures)]
    if unknown:
        yield "not finite", _named(unknown)
    for sides in dict.fromkeys(tuple(each.entries) for each in result.pairing.partial):
        found = [each for each in result.pairing.partial if tuple(each.entries) == sides]
        yield f"only in {' and '.join(sides)}", _named(found)
    if result.pairing.reshaped:
        yield "other shapes", _listed([_shapes(each) for each in result.pairing.reshaped])


def _shapes(together: "Together") -> str:
    held = (f"{side} {entry.describe()}" for side, entry in together.entries.items())
    return f"{together.name}: {', '.join(held)}"


def _odd(figures: "Figures") -> bool:
    """Whether the tensor has NaN or infinities, or squares beyond float64."""
    from mergec.execute.likeness import DeltaFigures

    if isinstance(figures, DeltaFigures):
        return None in (figures.base_norm, figures.delta_a, figures.delta_b)
    return None in (figures.norm_a, figures.norm_b)


def _named(tensors: "Sequence[Together]") -> str:
    return _listed([each.name for each in tensors])


def _listed(lines: Sequence[str]) -> str:
    """The first lines, and how many more there are."""
    more = len(lines) - _SHOWN
    return "\n".join([*lines[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])
