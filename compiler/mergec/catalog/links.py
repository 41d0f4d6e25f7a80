"""Links in a checkpoint's folder that lead out of it.

Whoever packs a folder can put a link into it that leads to a file of whoever unpacks it. Small
files are copied into the child, so that such a link would publish that file.
"""

import os
from pathlib import Path


def leads_outside(root: Path, name: str) -> bool:
    """Whether the file `name` of the folder `root` is a link to a place outside it.

    A snapshot in the cache of a hub consists of links to the blobs of its model, beside it.
    """
    if not os.path.islink(root / name):
        return False
    home = os.path.realpath(root)
    above, model = os.path.split(os.path.dirname(home))
    allowed = [home, above] if model == "snapshots" else [home]
    target = os.path.realpath(root / name)
    return not any(os.path.commonpath([place, target]) == place for place in allowed)
