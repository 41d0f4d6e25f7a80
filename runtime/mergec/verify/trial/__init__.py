"""Trying a spec: the laws of its operators, and its plan on small checkpoints of its own shapes.

`mergec.verify.trial.laws` needs Hypothesis, so it is imported where it is used and not from here.
"""

from mergec.verify.trial.labour import Labour
from mergec.verify.trial.report import Compared, LawTried, Report
from mergec.verify.trial.run import SIZES, Effort, try_plan

__all__ = ["SIZES", "Compared", "Effort", "Labour", "LawTried", "Report", "try_plan"]
