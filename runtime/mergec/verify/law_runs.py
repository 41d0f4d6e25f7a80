"""Many laws on several backends, in several processes: what `mergec laws` and others run.

Every law is tried with a seed of its own, made from the run's seed, the operator, the law and the
backend. So its result depends neither on the other laws of the run nor on how many processes share
them.
"""

import hashlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import cache

from mergec.backends import BACKENDS, Backend, get_backend, self_test
from mergec.diagnostics import fail, suggestion_help
from mergec.frozen import frozen
from mergec.ops import OPERATORS, Law, Operator
from mergec.verify.claims import CLAIMS
from mergec.verify.law_tensors import Floats
from mergec.verify.law_violation import Evaluation, LawViolation
from mergec.verify.laws import check_law

# Examples for each law. Claims that run long tensors take fewer, refutations more.
EFFORTS: Mapping[str, int] = {"fast": 4, "ci": 30, "thorough": 400}


@frozen
class Counterexample:
    """Why a law is broken: what was claimed, the evaluations, what came out of them."""

    claim: str
    evaluations: tuple[Evaluation, ...] = ()
    found: Floats | None = None
    expected: Floats | None = None


@frozen
class LawResult:
    """One law of one operator on one backend. `broken` is None if it holds."""

    operator: str
    law: Law
    backend: str
    seconds: float
    broken: Counterexample | None


def select_laws(
    operators: Iterable[str] = (), laws: Iterable[str] = ()
) -> list[tuple[Operator, Law]]:
    """The laws of these operators, by default of all, that have one of these names or labels.

    Raises E902 for an operator that is not there, and for a name that no law of them has.
    """
    names = list(operators) or sorted(OPERATORS)
    for name in names:
        if name not in OPERATORS:
            hint = suggestion_help(name, sorted(OPERATORS), "operators")
            raise fail("E902", f"there is no operator `{name}`", help=hint)
    found = [(OPERATORS[name], law) for name in names for law in OPERATORS[name].laws]
    for operator, law in found:
        if law.name not in CLAIMS:  # of a plugin
            hint = suggestion_help(law.name, sorted(CLAIMS), "laws")
            raise fail("E902", f"`{operator.name}` claims the unknown law `{law.name}`", help=hint)
    wanted = set(laws)
    known = {name for _, law in found for name in (law.name, law.label)}
    for name in sorted(wanted - known):
        hint = suggestion_help(name, sorted({law.name for _, law in found}), "laws")
        raise fail("E902", f"no operator that is asked for has a law `{name}`", help=hint)
    return [(o, law) for o, law in found if not wanted or {law.name, law.label} & wanted]


def run_laws(
    laws: Sequence[tuple[Operator, Law]],
    backends: Sequence[str],
    *,
    effort: str = "ci",
    seed: int = 0,
    jobs: int = 1,
    start: Callable[[], None] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[LawResult]:
    """The result of every law on every backend, in the order given, backend by backend.

    With several `jobs` the operators must be registered ones; `start` is what each process runs
    first to have them, and must be picklable. `progress` takes how many laws have been tried.
    E603 and E605 as `get_backend` and `self_test` raise them.
    """
    tasks = [_Task(operator, [*of], name) for name in backends for operator, of in _grouped(laws)]
    results: dict[int, list[LawResult]] = {}
    if jobs == 1 or len(tasks) == 1:
        for number, task in enumerate(tasks):
            results[number] = _run(task, effort, seed)
            progress(len(task.laws))
    else:
        for number, found in _in_processes(tasks, effort, seed, jobs, start):
            results[number] = found
            progress(len(found))
    return [result for number in range(len(tasks)) for result in results[number]]


def try_law(operator: Operator, law: Law, backend: Backend, effort: str, seed: int) -> LawResult:
    """One law, with the seed that is its own."""
    began = time.perf_counter()
    broken: Counterexample | None = None
    own = _own_seed(seed, operator.name, law.label, backend.name)
    try:
        check_law(operator, law, backend, examples=EFFORTS[effort], seed=own)
    except LawViolation as found:
        broken = Counterexample(found.claim, found.evaluations, found.found, found.expected)
    # Whatever else escapes, a law that cannot be tried must not pass for one that holds.
    except Exception as error:
        broken = Counterexample(f"raised {type(error).__name__}: {error}")
    return LawResult(operator.name, law, backend.name, time.perf_counter() - began, broken)


@frozen
class _Task:
    """The laws of one operator on one backend, which share what a backend compiles."""

    operator: Operator
    laws: list[Law]
    backend: str


def _grouped(laws: Sequence[tuple[Operator, Law]]) -> Iterator[tuple[Operator, list[Law]]]:
    by_name: dict[str, tuple[Operator, list[Law]]] = {}
    for operator, law in laws:
        by_name.setdefault(operator.name, (operator, []))[1].append(law)
    yield from by_name.values()


def _run(task: _Task, effort: str, seed: int) -> list[LawResult]:
    backend = _ready(task.backend)
    return [try_law(task.operator, law, backend, effort, seed) for law in task.laws]


@cache
def _ready(name: str) -> Backend:
    backend = get_backend(name)
    self_test(backend)
    return backend


def _own_seed(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:8])


def _in_processes(
    tasks: Sequence[_Task], effort: str, seed: int, jobs: int, start: Callable[[], None] | None
) -> Iterator[tuple[int, list[LawResult]]]:
    """Results with the number of their task, as they come; the slowest backends go first."""
    # Not fork: a process that has loaded an array library must not.
    context = multiprocessing.get_context("spawn")
    order = sorted(range(len(tasks)), key=lambda i: -BACKENDS.index(tasks[i].backend))
    with (
        _environment(),
        ProcessPoolExecutor(
            min(jobs, len(tasks)), context, initializer=_begin, initargs=(start,)
        ) as pool,
    ):
        futures = {
            pool.submit(
                _run_named, tasks[i].operator.name, tasks[i].laws, tasks[i].backend, effort, seed
            ): i
            for i in order
        }
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            # Whoever stops this waits for no law that is still being tried.
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _run_named(
    operator: str, laws: list[Law], backend: str, effort: str, seed: int
) -> list[LawResult]:
    return _run(_Task(OPERATORS[operator], laws, backend), effort, seed)


def _begin(start: Callable[[], None] | None) -> None:
    """A new process: what stops the command stops it from outside."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if start is not None:
        start()


_FOR_CHILDREN: Mapping[str, str] = {
    # There are as many processes as cores.
    "OMP_NUM_THREADS": "1",
    # A process of Python's frees the semaphores of an interrupted command, and need not say so.
    "PYTHONWARNINGS": "ignore::UserWarning:multiprocessing.resource_tracker",
}


@contextmanager
def _environment() -> Generator[None]:
    """What processes started inside find in their environment, unless it is set already."""
    added = {name: value for name, value in _FOR_CHILDREN.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
