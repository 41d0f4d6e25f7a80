"""What a run finds out about its tensors while it makes them, and what is told of it at the end."""

from collections.abc import Sequence

from mergec.execute.ancestors import Ancestors
from mergec.execute.cuts import ExportCuts
from mergec.execute.doubts import Doubts
from mergec.execute.left_out import LeftOut
from mergec.execute.measures import Measured, Measurements
from mergec.execute.numbers import Numbers, TensorNumbers
from mergec.frozen import frozen
from mergec.plan import Plan
from mergec.plan.model import PlannedExport


@frozen
class Findings:
    """What gathers while a run is at work; from any thread."""

    measurements: Measurements
    doubts: Doubts
    numbers: Numbers

    @classmethod
    def of(cls, plan: Plan) -> "Findings":
        """Nothing yet."""
        return cls(Measurements(plan), Doubts(), Numbers(plan.policy))


@frozen
class Outcome:
    """What lineage and cards tell of a finished run, besides its plan and its tensors.

    `numbers` counts NaN, infinities and small numbers, `cuts` says what operators left out of
    tensors, `left_out` what the run did not do although it is by default.
    """

    plan_hash: str
    measured: Measured
    ancestors: Ancestors
    numbers: tuple[TensorNumbers, ...] = ()
    cuts: tuple[ExportCuts, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    def numbers_of(self, export: PlannedExport) -> Sequence[TensorNumbers]:
        """The counts of one export's tensors."""
        return [each for each in self.numbers if each.folder == export.folder]

    def cuts_of(self, export: PlannedExport) -> ExportCuts | None:
        """What was left out of one export's tensors, if anything was."""
        return next((each for each in self.cuts if each.export == export.decl.name), None)
