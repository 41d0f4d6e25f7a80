"""The licence files of all parents: most licences oblige whoever passes a work on to keep them."""

import hashlib
import re
from dataclasses import replace
from fnmatch import fnmatchcase

from mergec.catalog import Sha256
from mergec.catalog.open_checkpoint import LICENCE_FILES
from mergec.catalog.regular_file import read_whole
from mergec.plan.licences import parents_of
from mergec.plan.model import Plan, PlannedExport, SmallFile

_LONGEST = 40


def carry_licence_texts(plan: Plan) -> Plan:
    """The plan with the licence files of the parents that are no donors, under names of their own.

    `LICENSE.txt` of `./models/code` becomes `LICENSE-code.txt`. One that has the bytes of another
    is left away. Deltas get no small files.
    """
    exports = (each if each.decl.delta else _carried(plan, each) for each in plan.exports)
    return replace(plan, exports=tuple(exports))


def _carried(plan: Plan, export: PlannedExport) -> PlannedExport:
    files = list(export.files)
    taken = {file.target for file in files}
    known = {file.digest for file in files if is_licence_text(file.name)}
    for label in parents_of(export.decl, plan.written):
        checkpoint = plan.checkpoints[label]
        for name in filter(
            is_licence_text, checkpoint.small_files if label != export.donor else ()
        ):
            raw = read_whole(checkpoint.root / name)
            digest = Sha256(hashlib.sha256(raw).hexdigest())
            if digest not in known:
                target = _target(name, label, taken)
                files.append(SmallFile(label, name, len(raw), digest, target))
                known.add(digest)
                taken.add(target)
    return replace(export, files=tuple(files))


def is_licence_text(name: str) -> bool:
    """Whether a small file is a licence or a notice, by its name."""
    return any(fnmatchcase(name, pattern) for pattern in LICENCE_FILES)


def _target(name: str, label: str, taken: set[str]) -> str:
    """A name that says whose it is, and that is no other file's."""
    last = re.sub("[^A-Za-z0-9_.-]+", "-", label.rstrip("/").rpartition("/")[2])[:_LONGEST]
    stem, dot, suffix = name.partition(".")
    target = f"{stem}-{last or 'parent'}{dot}{suffix}"
    number = 2
    while target in taken:
        target = f"{stem}-{last or 'parent'}-{number}{dot}{suffix}"
        number += 1
    return target
