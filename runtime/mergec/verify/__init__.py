"""Verification: digests and replay of a finished checkpoint, and the laws of operators.

`mergec.verify.laws` needs Hypothesis, so it is imported where it is used and not from here.
"""

from mergec.verify.folders import verify_all
from mergec.verify.replay import Sample, parse_sample, verify
from mergec.verify.verdict import State, Verdict, worst

__all__ = ["Sample", "State", "Verdict", "parse_sample", "verify", "verify_all", "worst"]
