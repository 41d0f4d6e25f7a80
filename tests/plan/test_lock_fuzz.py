"""A changed lock is another lock or refused with E871, whatever is changed."""

from pathlib import Path
from random import Random

from mergec.diagnostics import MergecError
from mergec.plan.lock_file import read_lock
from tests.plan.test_lock_files import LOCK

_BYTES = b'{}[]":,0123456789abcdef-.\\ue\n\xff\x00 '


def mutated(random: Random, raw: bytes) -> bytes:
    """A few bytes of it replaced, put in, taken out, or a stretch of it doubled or lost."""
    changed = bytearray(raw)
    for _ in range(random.randint(1, 3)):
        at, count = random.randrange(len(changed)), random.randint(0, 40)
        match random.randrange(4):
            case 0:
                changed[at] = random.choice(_BYTES)
            case 1:
                changed.insert(at, random.choice(_BYTES))
            case 2:
                del changed[at : at + count]
            case _:
                changed[at:at] = changed[at : at + count]
    return bytes(changed)


def test_random_changes(tmp_path: Path) -> None:
    random, path = Random(11), tmp_path / "spec.merge.lock"
    read, codes = 0, set[str]()
    for _ in range(400):
        raw = mutated(random, LOCK.text.encode())
        path.write_bytes(raw)
        try:
            lock = read_lock(path)
        except MergecError as error:
            codes.update(found.code for found in error.diagnostics)
            continue
        read += 1
        # Whatever is read says all of itself again: nothing in the file was passed over.
        path.write_text(lock.text)
        assert read_lock(path) == lock
    assert codes == {"E871"}
    assert 0 < read < 400
