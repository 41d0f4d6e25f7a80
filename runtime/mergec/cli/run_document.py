"""What `mergec run --output-format json` prints of a run that published."""

import json
from typing import TYPE_CHECKING

from mergec.cli.run_state import SCHEMA
from mergec.diagnostics.render_json import diagnostic_fields
from mergec.execute.numbers_told import numbers_member

if TYPE_CHECKING:
    from mergec.execute import RunReport


def print_run(done: "RunReport") -> None:
    """One object; where the run failed, `run_state` prints its like with the error."""
    import click

    document = {
        "schema": SCHEMA,
        "code": None,
        "exit": 0,
        "state": "published",
        "resume_command": None,
        "output": str(done.target),
        "errors": [],
        "warnings": [diagnostic_fields(each) for each in done.warnings],
        "tensors": done.tensors,
        "bytes_read": done.bytes_read,
        "bytes_written": done.bytes_written,
        "seconds": round(done.seconds, 3),
        "peak_memory": done.peak_memory,
        "left_out": [*done.left_out],
        "read_back": "none" if "read_back" in done.left_out else str(done.read_back),
        "numbers": [
            {**({"folder": found.folder} if found.folder else {}), **member}
            for found, member in zip(done.numbers, numbers_member(done.numbers), strict=True)
        ],
    }
    click.echo(json.dumps(document, indent=2))
