"""Compare two checkpoints, or two deltas from one base: every shared tensor is read once."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

from mergec.backends import Backend
from mergec.catalog import Checkpoint, Sha256, TensorName, describe
from mergec.execute.likeness.figures import DELTAS, WEIGHTS, Figures
from mergec.execute.likeness.kinship import Kinship, kinship
from mergec.execute.likeness.layers import layer_of, layers_in_order
from mergec.execute.likeness.observe import BLOCK, Observed, observe
from mergec.execute.likeness.pairing import SIDES, Pairing, Side, Together, pair
from mergec.frozen import frozen
from mergec.ops.measures import Partial
from mergec.shards import SourceReader
from mergec.shards.waiting import wait_for

_PAIRS: tuple[tuple[Side, Side], ...] = (("base", "a"), ("base", "b"), ("a", "b"))


@frozen
class Tensor:
    """A tensor that every side has in one shape; `figures` is None where it is no float's."""

    together: Together
    layer: str
    figures: Figures | None
    digests: Mapping[Side, Sha256]

    @property
    def identical(self) -> bool:
        """Whether A and B have the same bytes and dtype."""
        entries = self.together.entries
        return self.digests["a"] == self.digests["b"] and entries["a"].dtype is entries["b"].dtype


@frozen
class Layer:
    """The figures of all tensors of a layer, or before or after all layers, together."""

    label: str
    figures: Figures


@frozen
class Comparison:
    """How two checkpoints compare.

    `duplicates` are groups of tensors, each with its side and its name there, that have the same
    dtype, shape and bytes, and not all the same name. `kinships` says of each two sides whether
    they seem related.
    """

    checkpoints: Mapping[Side, Checkpoint]
    pairing: Pairing
    whole: Figures
    layers: tuple[Layer, ...]
    tensors: tuple[Tensor, ...]
    duplicates: tuple[tuple[tuple[Side, TensorName], ...], ...]
    kinships: Mapping[tuple[Side, Side], Kinship]


class _Stopped(Exception):
    """Raised in workers when the work is given up; never leaves `compare`."""


def compare(
    checkpoints: Mapping[Side, Checkpoint],
    backend: Backend,
    *,
    threads: int = 1,
    block: int = BLOCK,
    progress: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """Compare `a` with `b`; with a `base`, their deltas from it.

    Memory is that of a few blocks for each thread, whatever the size of the tensors. `progress`
    takes bytes just read, from any thread. Raises what reading raises: E703, E715, E807, E809.
    """
    checkpoints = {side: checkpoints[side] for side in SIDES if side in checkpoints}
    pairing = pair(checkpoints)
    kinships: dict[tuple[Side, Side], Kinship] = {
        (one, other): kinship(checkpoints[one], checkpoints[other], backend)
        for one, other in _PAIRS
        if one in checkpoints
    }
    kind = DELTAS if "base" in checkpoints else WEIGHTS
    with ExitStack() as stack:
        readers: dict[Side, SourceReader] = {
            side: stack.enter_context(SourceReader(checkpoint))
            for side, checkpoint in checkpoints.items()
        }

        def observed(together: Together, told: Callable[[int], None]) -> Observed:
            return observe(together, readers, backend, kind, block, told)

        seen = _in_threads(pairing.shared, observed, threads, progress)
        for reader in readers.values():
            reader.unchanged()
    architecture = describe(checkpoints["a"].tensors.keys(), checkpoints["a"].config)
    tensors: list[Tensor] = []
    sums: list[tuple[str, Partial, int]] = []
    for together, found in zip(pairing.shared, seen, strict=True):
        layer = layer_of(together.name, architecture)
        figures: Figures | None = None
        if found.partial is not None:
            numel = together.entries["a"].numel
            figures = kind.figures([found.partial], numel)
            sums.append((layer, found.partial, numel))
        tensors.append(Tensor(together, layer, figures, found.digests))

    def of(parts: Sequence[tuple[str, Partial, int]]) -> Figures:
        return kind.figures([partial for _, partial, _ in parts], sum(n for *_, n in parts))

    labels = layers_in_order([layer for layer, *_ in sums], architecture)
    return Comparison(
        checkpoints=checkpoints,
        pairing=pairing,
        whole=of(sums),
        layers=tuple(Layer(label, of([p for p in sums if p[0] == label])) for label in labels),
        tensors=tuple(tensors),
        duplicates=_duplicates(tensors),
        kinships=kinships,
    )


def _in_threads(
    tensors: Sequence[Together],
    observed: Callable[[Together, Callable[[int], None]], Observed],
    threads: int,
    progress: Callable[[int], None],
) -> list[Observed]:
    """What `observed` says of each; the first error ends the work of all."""
    stop = Event()

    def told(count: int) -> None:
        if stop.is_set():
            raise _Stopped
        progress(count)

    with ThreadPoolExecutor(threads, "mergec") as pool:
        futures = [pool.submit(observed, together, told) for together in tensors]
        try:
            wait_for(futures)
            for future in futures:
                if future.done():
                    future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [future.result() for future in futures]


def _duplicates(
    tensors: Sequence[Tensor],
) -> tuple[tuple[tuple[Side, TensorName], ...], ...]:
    """Groups of equal tensors of more than one name, in the order of their first."""
    groups: dict[tuple[object, ...], list[tuple[Side, TensorName]]] = {}
    names: dict[tuple[object, ...], set[TensorName]] = {}
    for tensor in tensors:
        for side, digest in tensor.digests.items():
            entry = tensor.together.entries[side]
            if entry.nbytes:
                same = (entry.dtype, entry.shape, digest)
                groups.setdefault(same, []).append((side, entry.name))
                names.setdefault(same, set()).add(tensor.together.name)
    return tuple(tuple(group) for same, group in groups.items() if len(names[same]) > 1)
