"""Codes of laws and tests."""

from mergec.diagnostics.codes.code import code

ROWS = (
    code(
        "E901",
        "law-broken",
        "an operator does not do what one of its laws claims",
        "Operators declare laws, and `mergec laws` searches for counterexamples: small tensors "
        "for which a law is false. It found one, made it as simple as it could, and printed it "
        "with the spec, the values and the command that comes to it again. Either the operator "
        "computes something else than it says on this backend, or the law claims too much.",
        exit=10,
    ),
    code(
        "E902",
        "unknown-law",
        "there is no such operator, or no such law of it",
        "`mergec laws` takes names of operators, and by `--law` the name or the label of a law, "
        "as `mergec laws --list` prints them. Nothing of this name is there, so nothing was "
        "tried. An operator of a plugin is there only with that plugin.",
        exit=2,
    ),
    code(
        "E903",
        "optimised-plan-differs",
        "a plan computes something else than its spec says",
        "`mergec test` merged small random checkpoints by the plan of the spec, and an element "
        "of the result is not what the oracles say: the reference backend on whole tensors, "
        "stage by stage, or exact rationals. This is a bug in mergec, in a backend, or in an "
        "operator of your own. The notes name both values and the command that makes the "
        "comparison again.",
        exit=10,
    ),
)
