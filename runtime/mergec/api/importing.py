"""Recipes of other tools to specs: what `mergec import` does."""

from pathlib import Path

from mergec.catalog.quoted import quoted
from mergec.catalog.regular_file import open_regular
from mergec.diagnostics import SourceText, fail
from mergec.recipes import MAX_BYTES, Folders, Imported, import_mergekit


def import_recipe(
    recipe: Path, output: Path | None, *, paper: bool = False, lenient: bool = False
) -> Imported:
    """The spec that says what the recipe of mergekit at `recipe` does.

    Relative paths in a recipe start where the command is called, as mergekit's do; those of the
    spec in the folder of `output`, if it is to lie somewhere. MergecError with everything that is
    wrong with the recipe.
    """
    start = Path.cwd()
    target = start if output is None else (start / output).resolve().parent
    folders = Folders(start, target)
    return import_mergekit(_read(recipe), folders, paper=paper, lenient=lenient)


def _read(path: Path) -> SourceText:
    shown = quoted(path)
    with open_regular(path) as file:
        if file.size > MAX_BYTES:
            hint = "check that this file is a recipe; no recipe needs that much text"
            raise fail("E904", f"{shown} is larger than {MAX_BYTES >> 10} KiB", help=hint)
        data = file.read(0, file.size)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"{shown} is not UTF-8 text: byte {error.start:,} cannot be read"
        raise fail("E904", message, help="save the file as UTF-8") from None
    plain = text.removeprefix("\ufeff")
    return SourceText(str(path), plain, byte_order_mark=plain != text)
