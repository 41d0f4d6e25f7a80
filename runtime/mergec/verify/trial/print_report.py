"""A report for people, and for CI systems."""

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from mergec.diagnostics import render_text
from mergec.diagnostics.printable import escape
from mergec.verify.trial.report import Report

_NAMES = {"exact": "exact rationals"}


def as_text(report: Report) -> str:
    """The outcome in tables: laws that hold, and tensors compared, by backend."""
    sources = _counted(report.sources, "source")
    tensors = _counted(report.tensors, "tensor")
    head = f"{escape(report.spec)}: {sources}, {tensors}; {report.effort}, seed {report.seed}"
    broken = [tried.broken for tried in report.laws if tried.broken is not None]
    parts = [head, *_laws(report), *_compared(report), *_remarks(report), *broken, report.state]
    return "".join(f"{line}\n" for line in parts)


def as_junit(report: Report) -> str:
    """The outcome as JUnit XML: a case for each law and backend, and for each comparison."""
    suite = ElementTree.Element("testsuite", name=_plain(f"mergec test {report.spec}"))
    for tried in report.laws:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=_plain(f"laws.{tried.operator}"),
            name=_plain(f"{tried.law} on {tried.backend}"),
        )
        if tried.broken is not None:
            failure = ElementTree.SubElement(case, "failure", message="a law is broken")
            failure.text = _plain(tried.broken)
    for name, compared in report.compared.items():
        case = ElementTree.SubElement(
            suite, "testcase", classname="tensors", name=f"{name}: {compared.tensors} compared"
        )
        if compared.differing:
            message = f"{compared.differing} of {compared.tensors} differ"
            ElementTree.SubElement(case, "failure", message=message)
    about_tensors = [found for found in report.findings if found.code == "E903"]
    if about_tensors:
        case = ElementTree.SubElement(suite, "testcase", classname="tensors", name="findings")
        failure = ElementTree.SubElement(case, "failure", message="the plan differs")
        failure.text = _plain(render_text(about_tensors))
    failures = len(suite.findall("testcase/failure"))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _laws(report: Report) -> Iterator[str]:
    if not report.laws:
        return
    backends = [*dict.fromkeys(tried.backend for tried in report.laws)]
    rows: list[list[str]] = [["laws that hold", *backends]]
    for operator in dict.fromkeys(tried.operator for tried in report.laws):
        row = [operator]
        for backend in backends:
            here = [e for e in report.laws if (e.operator, e.backend) == (operator, backend)]
            row.append(f"{sum(e.broken is None for e in here)} of {len(here)}")
        rows.append(row)
    yield ""
    yield from _table(rows)


def _compared(report: Report) -> Iterator[str]:
    rows: list[list[str]] = [["tensors that agree", "tensors", "elements"]]
    for name, each in report.compared.items():
        agree = f"{each.tensors - each.differing} of {each.tensors}"
        rows.append([_NAMES.get(name, f"a run on {name}"), agree, str(each.elements)])
    yield ""
    yield from _table(rows)


def _remarks(report: Report) -> Iterator[str]:
    yield ""
    for reason, count in sorted(report.left_out.items()):
        yield f"not compared {reason}: {_counted(count, 'tensor')}"
    for code, count in sorted(report.refused.items()):
        yield f"refused with {code}: {_counted(count, 'tensor')}, compared on ordinary numbers"
    exact = report.compared.get("exact")
    if exact is not None and exact.open:
        hang = "hang" if exact.open > 1 else "hangs"
        yield f"{_counted(exact.open, 'element')} {hang} on a rounding, which no rationals foresee"
    yield from report.notes


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        first = f"{row[0] if number == 0 else '  ' + row[0]:<{widths[0] + 2}}"
        others = (f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        yield "  ".join((first, *others)).rstrip()


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _plain(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(
        c
        if c in "\n\t" or 0x20 <= ord(c) < 0xD800 or 0xE000 <= ord(c) < 0xFFFE or ord(c) > 0xFFFF
        else "\ufffd"
        for c in text
    )
