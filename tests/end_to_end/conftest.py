"""The command line as a fixture."""

import re
from pathlib import Path

import pytest

from mergec.cli.main import run_command
from tests.end_to_end.command_line import SPEC, Mergec, Outcome, tree
from tests.toy_checkpoints import write_family


@pytest.fixture
def mergec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mergec:
    """Runs the command line in a folder with the toy family and `spec.merge`.

    After each command, whatever was there before must be there still, byte for byte.
    """
    write_family(tmp_path)
    (tmp_path / "spec.merge").write_text(SPEC)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Outcome:
        before = tree()
        status = run_command(arguments)
        out, err = capsys.readouterr()
        after = tree()
        assert {path: after.get(path) for path in before} == before
        assert "Traceback" not in err, err
        codes = re.findall(r"^(?:error|warning)\[(\w+)\]", err, re.MULTILINE)
        return Outcome(status, codes, out, err, after.keys() - before.keys())

    return run
