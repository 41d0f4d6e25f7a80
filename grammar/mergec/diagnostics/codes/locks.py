"""Codes of locks, and of what is compared with them or with each other."""

from mergec.diagnostics.codes.code import code

ROWS = (
    code(
        "E870",
        "lock-missing",
        "there is no lock beside the spec",
        "`--locked` and `mergec lock --check` want the lock of a spec, a file of its name with "
        "`.lock` behind it in the same folder. There is none. Make it with `mergec lock`, review "
        "it, and check it in with the spec.",
        exit=10,
    ),
    code(
        "E871",
        "lock-format",
        "a lock is not one that mergec can use",
        "A lock is read strictly, because a run trusts it: JSON of the schema `mergec.lock/1` with "
        "the members that mergec writes, and SHA-256 as the only digest. A member that mergec does "
        "not know could weaken it unnoticed, so it is refused. Take the file from version control, "
        "or remove it and make it anew.",
        exit=10,
    ),
    code(
        "E872",
        "lock-stale",
        "a spec or mergec asks for something else than is locked",
        "Since the lock was made the spec got other sources or operators, or mergec another "
        "revision of an operator. The lock cannot say whether that is meant. `mergec lock` brings "
        "it up to date and tells what changed; `--unlocked` runs without it.",
        exit=10,
    ),
    code(
        "E873",
        "lock-mismatch",
        "a source is not what is locked",
        "A file of a source has another size, header or digest than the lock says, or stands where "
        "the lock has none. What was reviewed is not what would run, so nothing does. Put the "
        "locked files back, or let `mergec lock` take the new ones, and review what changed.",
        exit=10,
    ),
    code(
        "E874",
        "locked-bytes",
        "a run read other bytes than are locked",
        "A locked run hashes the bytes that it computes with, as it reads them, in every sweep. "
        "These are not those of the file that was found to be the locked one: it was written to "
        "meanwhile, or the disk or memory gave back something else. Nothing was published. Let "
        "whatever writes to the file finish; if nothing does, check disk and memory.",
        exit=10,
    ),
    code(
        "E875",
        "no-digest",
        "a hub does not state the digest of a file of weights",
        "A lock takes the SHA-256 of weights on a hub from what the hub states, without fetching "
        "them. For this file it states none, or it cannot be asked, and the file is not in the "
        "cache either. Run the spec once, which fetches it, and lock it then.",
        exit=10,
    ),
    code(
        "E876",
        "outputs-differ",
        "two checkpoints are not the same",
        "`mergec verify --against` compares two checkpoints tensor by tensor, however they are "
        "spread over files, and the small files beside them. The message says what differs, and "
        "for a tensor from which element on. Lineages may differ: they say what made each.",
        exit=10,
    ),
    code(
        "W871",
        "lock-outdated",
        "a lock does not match, and a run would refuse",
        "A lock stands beside the spec, and what the spec and the headers of its sources say now "
        "is not what is locked. `run` would end with E872 or E873. No weights were hashed to find "
        "this out. Put the locked files back, or bring the lock up to date with `mergec lock`.",
    ),
)
