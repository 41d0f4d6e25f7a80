"""Specs tried out: what `mergec test` does."""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from mergec.backends import get_backend, installed_backends
from mergec.elaborate import Bundle, Setting
from mergec.plan import check_bundle, compile_bundle
from mergec.syntax import read_spec
from mergec.verify.trial import Effort, Labour, Report, try_plan


def try_spec(
    path: Path,
    *,
    settings: Mapping[str, Setting] | None = None,
    backends: Sequence[str] | None = None,
    effort: Effort = "fast",
    seed: int = 0,
    arguments: Sequence[str] = (),
    labour: Labour | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Try the laws of the operators that the spec at `path` uses, and its plan.

    The plan is run as `mergec run` would on small random checkpoints of the sources' own names,
    dtypes and ranks, and compared with two oracles. Headers of the sources are read, and no weight.
    `backends` are by default all that are installed; `arguments` are those of the command line that
    a replay needs too; `labour` says how laws are tried. `progress` takes how many laws were tried,
    or checkpoints merged. MergecError with all errors of a spec that does not compile, E603 for a
    backend that is not there.
    """
    chosen = [get_backend(name) for name in backends or installed_backends()]
    bundle = Bundle(read_spec(path, str(path)), path.parent, settings or {})
    plan = compile_bundle(bundle).plan
    report = Report(str(path), seed, effort, arguments=tuple(arguments))
    if find_spec("hypothesis") is None:
        report.notes.append('no law was tried: install them by `pip install "mergec[verify]"`')
    else:
        from mergec.verify.trial.laws import try_laws

        try_laws(plan, chosen, effort, report, labour or Labour(), progress)
    sources = {source.decl.label: source.checkpoint for source in plan.sources}
    checked = check_bundle(bundle)
    try_plan(checked, sources, chosen, effort, report, progress, bundle.root)
    return report
