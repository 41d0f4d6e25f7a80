"""What a spec may hold at most. Nobody writes as much; a hostile spec is refused cheaply."""

SPEC_BYTES = 1 << 20
TOKENS = 100_000
BRACKETS = 64
"""Brackets open at one place."""
HEIGHT = 200
"""Nested calls, brackets, operators and selectors, so that a chain `a + b + …` or `a | b | …` has
at most this many terms.

Every walk over a syntax tree may therefore recurse: at four frames a level this is within Python's
own limit of 1000.
"""
STRING_BYTES = 64 << 10
NAME_LENGTH = 256
DIGITS = 40
EXPONENT = 400
DIAGNOSTICS = 50
"""Findings after which the parser stops looking for more."""
