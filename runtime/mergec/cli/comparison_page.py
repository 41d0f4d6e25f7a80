"""A comparison as one HTML page that needs nothing beside itself: no script, font or network."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from mergec.api.comparison import Compared
from mergec.cli.comparison_plots import plots
from mergec.cli.figure_words import HEADS, cells
from mergec.cli.version import tool_version
from mergec.diagnostics import escape as printable
from mergec.execute.likeness import Comparison

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
svg { width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { padding: .15rem .7rem .15rem 0; text-align: right; white-space: nowrap; }
th { border-bottom: 1px solid #999; }
th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
tr:last-child.all td { border-top: 1px solid #999; }
.warning { border-left: 4px solid #d55e00; padding-left: .8rem; }
.wide { overflow-x: auto; }
"""
_NOTES = """
<p>Norms are Euclidean. <em>of base</em>: the norm of a delta in norms of the base.
<em>conflicts</em>: of the entries at which both deltas are not zero, those of opposite signs.
<em>zeros</em>: entries at which a delta is zero. <em>equal</em>: entries that are equal in a and b.
A dash stands for what is not defined, such as the cosine with a delta that is all zeros. Sums are
formed in float64 over all entries.</p>
"""


def page(compared: Compared) -> str:
    """The page; the same bytes for the same checkpoints under the same names."""
    result = compared.result
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        # Even if a name were to slip through as markup, nothing would be fetched or run.
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(_title(compared))}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{_text(_title(compared))}</h1>",
        *_sources(compared),
        *(_warning(each.message, each.notes) for each in compared.warnings),
        "<h2>Over the depth of the model</h2>",
        f'<div role="img" aria-label="plots by layer">{plots(result)}</div>',
        "<h2>By layer</h2>",
        _by_layer(result),
        _NOTES,
        "<h2>By tensor</h2>",
        _by_tensor(result),
        *_apart(result),
        *_duplicates(result),
        *_kinships(result),
        f"<p>Made by mergec {_text(tool_version())}.</p>",
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _title(compared: Compared) -> str:
    a, b, *base = compared.references.values()
    return f"{a} and {b}" + (f", beside {base[0]}" if base else "")


def _sources(compared: Compared) -> Iterator[str]:
    rows: list[list[str]] = []
    for side, reference in compared.references.items():
        tensors = compared.result.checkpoints[side].tensors
        numbers = sum(entry.numel for entry in tensors.values())
        rule = compared.result.pairing.rules.get(side, "as they are")
        rows.append([f"{side}: {reference}", f"{len(tensors):,}", f"{numbers:,}", rule])
    yield _table(("source", "tensors", "parameters", "names"), rows)


def _by_layer(result: Comparison) -> str:
    rows = [[layer.label, *cells(layer.figures)] for layer in result.layers]
    return _table(("layer", *HEADS[type(result.whole)]), rows, last=["all", *cells(result.whole)])


def _by_tensor(result: Comparison) -> str:
    head = ("tensor", "layer", *HEADS[type(result.whole)][1:])
    rows = [
        [each.together.name, each.layer, *cells(each.figures)[1:]]
        for each in result.tensors
        if each.figures is not None
    ]
    return _table(head, rows)


def _apart(result: Comparison) -> Iterator[str]:
    """What was not computed: integers and the like, other shapes, what some sources lack."""
    rows = [
        *((each.together, "equal" if each.identical else "differs")
          for each in result.tensors if each.figures is None),
        *((each, "other shapes") for each in result.pairing.reshaped),
        *((each, f"only in {' and '.join(each.entries)}") for each in result.pairing.partial),
    ]  # fmt: skip
    if rows:
        yield "<h2>Not computed</h2>"
        yield _table(
            ("tensor", "as it is", "why"),
            [
                [each.name, ", ".join(f"{s} {e.describe()}" for s, e in each.entries.items()), why]
                for each, why in rows
            ],
        )


def _duplicates(result: Comparison) -> Iterator[str]:
    if result.duplicates:
        yield "<h2>Duplicates under several names</h2>"
        groups = [" = ".join(f"{side}:{name}" for side, name in it) for it in result.duplicates]
        yield _table(("tensors of equal bytes",), [[group] for group in groups])


def _kinships(result: Comparison) -> Iterator[str]:
    yield "<h2>Common ancestry, from sampled rows of large matrices</h2>"
    yield _table(
        ("of", "seem", "median cosine", "matrices"),
        [
            [
                f"{one} and {other}",
                found.verdict,
                "-" if found.cosine is None else f"{found.cosine:.4f}",
                f"{len(found.cosines)}",
            ]
            for (one, other), found in result.kinships.items()
        ],
    )


def _warning(message: str, notes: Sequence[str]) -> str:
    lines = "<br>".join(_text(line) for line in (message, *notes))
    return f'<p class="warning">{lines}</p>'


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], last: Sequence[str] | None = None
) -> str:
    body = [_row("td", row) for row in rows]
    if last is not None:
        body.append(_row("td", last).replace("<tr>", '<tr class="all">', 1))
    return f'<div class="wide"><table>{_row("th", head)}{"".join(body)}</table></div>'


def _row(kind: str, texts: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{kind}>{_text(text)}</{kind}>' for text in texts)}</tr>\n"


def _text(text: str) -> str:
    """A stranger's text, as text."""
    return escape(printable(text))
