"""Every row there is."""

from tests.peers import (
    mergekit_agreements,
    mergekit_delta_differences,
    mergekit_mean_differences,
    sd_mecha_cases,
)
from tests.peers.case import Agreement, Case, Difference, Sampled, Study

ROWS: tuple[Case, ...] = (
    *mergekit_agreements.ROWS,
    *mergekit_mean_differences.ROWS,
    *mergekit_delta_differences.ROWS,
    *sd_mecha_cases.ROWS,
)

AGREEMENTS = [row for row in ROWS if isinstance(row, Agreement)]
SAMPLED = [row for row in ROWS if isinstance(row, Sampled)]
DIFFERENCES = [row for row in ROWS if isinstance(row, Difference)]
STUDIES = {row.name: row for row in ROWS if isinstance(row, Study)}
