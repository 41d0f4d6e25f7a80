"""Verification: digests and replay of a finished checkpoint, and the laws of operators.

To check digests takes the standard library alone. What computes, and `mergec.verify.laws`, which
needs Hypothesis, are imported where they are used and not from here.
"""

from mergec.catalog.sample import Sample, parse_sample
from mergec.verify.against import against_all
from mergec.verify.check import verify
from mergec.verify.folders import verify_all
from mergec.verify.verdict import State, Verdict, worst

__all__ = [
    "Sample",
    "State",
    "Verdict",
    "against_all",
    "parse_sample",
    "verify",
    "verify_all",
    "worst",
]
