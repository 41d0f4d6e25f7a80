"""Arrays that note what is to be computed, for engines that compute a whole block at once.

Stages run as on every other backend, but their array operations only note (`array`). When results
are asked for (`requests`), everything noted for a block becomes one kernel (`kernel`), which an
engine compiles once and runs (`namespace.run`). Numbers such as coefficients and thresholds are
arguments of a kernel, so that the tensors of a model share a few. What is no such expression, such
as a sort of rows or linear algebra, is computed at once by an eager library (`eager`).
"""
