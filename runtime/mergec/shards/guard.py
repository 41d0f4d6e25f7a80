"""What stands around every call of a writer that reaches the file system."""

from types import TracebackType
from typing import Protocol, final


class Guarded(Protocol):
    """What a guard watches over."""

    def require_open(self) -> None:
        """Raise if it is over."""
        ...

    def fail_for(self, error: OSError | ValueError) -> None:
        """Raise the failure that an error is part of, if it is part of one."""
        ...


@final
class Guard:
    """Turns a system error into the end of a writer, told once and the same to everyone.

    A class, for it stands around every block; a generator takes three times as long.
    """

    __slots__ = ("_writer",)

    def __init__(self, writer: Guarded) -> None:
        self._writer = writer

    def __enter__(self) -> None:
        self._writer.require_open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError | ValueError):
            self._writer.fail_for(error)
