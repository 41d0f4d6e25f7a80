"""The six-element fixture of the golden values; every entry is exact in every storage dtype."""

import numpy as np

BASE = np.array([1, -2, 0.5, 0, 3, -1])
A = np.array([0.5, -0.125, 0, 0.375, -0.25, 0.0625])
B = np.array([0.125, 0.375, -0.25, 0.375, 0.5, -0.0625])
C = np.array([-0.375, 0.25, 0.125, -0.75, 0.125, 0.1875])
DELTAS = (A, B, C)
MODELS = (BASE + A, BASE + B, BASE + C)
