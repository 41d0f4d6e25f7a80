"""The valid specs are written in the canonical form, without findings."""

from pathlib import Path

import pytest

from mergec.syntax import format_spec, parse_spec, read_spec

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "specs").glob("[!i]*/**/*.merge")), ids=lambda path: path.stem
)
def test_a_valid_spec_is_canonical(path: Path) -> None:
    source = read_spec(path, path.name)
    result = parse_spec(source)
    assert result.diagnostics == ()
    assert format_spec(result.spec) == source.text
