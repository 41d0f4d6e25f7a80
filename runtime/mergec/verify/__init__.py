"""Verification: digests and replay of a finished checkpoint."""

from mergec.verify.replay import Sample, parse_sample, verify
from mergec.verify.verdict import State, Verdict

__all__ = ["Sample", "State", "Verdict", "parse_sample", "verify"]
