"""The domain of every operator's parameters: at its ends, a little beyond, and what is said.

One row a value: what `mergec check` finds in an expression, or nothing. What only the shapes or the
numbers of tensors tell is not here: `tsvm` of too many deltas (E209), and E817 in a run.
"""

import re

import pytest

from mergec.diagnostics import MergecError, SourceText
from mergec.plan import check_text

DELTAS = "a - base, b - base"
DOMAINS = f"""
linear(a, b; weights=[1, -1])                                E211
linear(a, b; weights=[1, -0.999999999])                      E211
linear(a, b; weights=[1, -1], normalize=false)
linear(a, b; weights=[2, 3])
linear(a, b; weights=[2, 0])
linear(a, b; weights=[-2, -3])
linear(a, b; weights=[3, -2])                                W210
linear(a, b; weights=[3, -2], normalize=false)               W210
linear({DELTAS}; weights=[3, -2])                            W210
linear({DELTAS}; weights=[2, -2], normalize=false)
linear({DELTAS}; weights=[2, 2], normalize=false)
linear({DELTAS}; weights=[2, -2.1], normalize=false)         W206
linear({DELTAS}; weights=[2, 2.1], normalize=false)          W206
linear({DELTAS}, c - base; weights=[1, 1, 1], normalize=false)  W206
base + 4*(a - base)
base + 4.1*(a - base)                                        W206
base - 4*(a - base)
base - 4.1*(a - base)                                        W206
base + 2.1*(a - base) + 2*(b - base)                         W206
base - 0.5*(a - base)
5*a - 4*b                                                    W206
base + (a - base) + (b - base)
base + (a - base) + (b - base) + 0.1*(c - base)              W206
ties(base, a, b; scale=0)
slerp(a, b; t=0)                                             W205
slerp(a, b; t=1)                                             W205
slerp(a, b; t=0.001)
slerp(a, b; t=1.001)                                         E203
slerp(a, b; t=-0.001)                                        E203
slerp(a, b; t=1.001, extrapolate=true)
slerp(a, b)                                                  E205
nuslerp(a, b; weights=[1, -1])                               E211
nuslerp(a, b; weights=[1, -0.9999999])                       E211
nuslerp(a, b; weights=[1, -0.99])
trim(a - base; density=0)                                    E203
trim(a - base; density=1)
trim(a - base; density=1.001)                                E203
trim(a - base)                                               E205
ties(base, a, b; density=0)                                  E203
ties(base, a, b; density=1)
ties(base, a, b; density=[0.5, 1.001])                       E203
dare(a - base; density=0)                                    E203
dare(a - base; density=1)
dare(a - base; density=1.001)                                E203
dare(a - base)                                               E205
dare(a - base; density=0.05)
dare(a - base; density=0.049)                                W209
dare(a - base; density=0.049, rescale=l1)                    W209
dare(a - base; density=0.049, rescale=none)
dare(a - base; density=0.049, q=1/2)
breadcrumbs(a - base; density=0)                             E203
breadcrumbs(a - base; density=1)
breadcrumbs(a - base)                                        E205
breadcrumbs(a - base; density=1/2, gamma=0)
breadcrumbs(a - base; density=1/2, gamma=1/2)
breadcrumbs(a - base; density=1/2, gamma=0.501)              W303
breadcrumbs(a - base; density=1/2, gamma=1)                  E203
breadcrumbs(a - base; density=1/2, gamma=-0.001)             E203
stitch(base, a, b; density=0)                                E203
della(a - base; density=1/2, epsilon=0)
della(a - base; density=1/2, epsilon=-0.001)                 E203
della(a - base; density=0.3, epsilon=0.3)                    E216
della(a - base; density=0.3, epsilon=0.299)
della(a - base; density=0.7, epsilon=0.3)
della(a - base; density=0.7, epsilon=0.301)                  E216
della(a - base; density=1)                                   E216
della(a - base; density=1, epsilon=0)
della(a - base; density=0.04, epsilon=0.01)                  W209
della(a - base)                                              E205
sce({DELTAS}; tau=0)                                         E203
sce({DELTAS}; tau=1)
sce({DELTAS}; tau=1.001)                                     E203
sce(base, a)                                                 E209
consensus({DELTAS}; kappa=0)                                 E203
consensus({DELTAS}; kappa=[0.1, 0])                          E203
consensus({DELTAS}; kappa=100)
consensus({DELTAS}; k=-1)                                    E203
consensus({DELTAS}; k=0)
consensus(base, a, b; k=3)
consensus(base, a, b; k=4)                                   E203
consensus({DELTAS}; k=4)                                     E203
ram({DELTAS}; epsilon=0, r=0, alpha=0)
ram({DELTAS}; epsilon=-0.001)                                E203
ram({DELTAS}; r=-0.001)                                      E203
ram({DELTAS}; alpha=-0.001)                                  E203
nearswap(a, b; limit=0)
nearswap(a, b; limit=-0.001)                                 E203
nearswap(a, b)                                               E205
model_stock(base, a)                                         E209
model_stock(base, a, b)
karcher(a, b; tol=0)                                         E203
karcher(a, b; tol=1e-15)
karcher(a, b; max_iter=0)                                    E203
karcher(a, b; max_iter=1)
fisher(a, b; fishers=[c, d], floor=0)
fisher(a, b; fishers=[c, d], floor=-1e-9)                    E203
regmean(a, b; grams=[c, d], alpha=0)
regmean(a, b; grams=[c, d], alpha=1)
regmean(a, b; grams=[c, d], alpha=1.001)                     E203
regmean(a, b; grams=[c, d], alpha=-0.001)                    E203
regmean(a, b; grams=[c, d], ridge=0)
regmean(a, b; grams=[c, d], ridge=-1e-9)                     E203
iso_c(base, a, b; rank_tol=0)
iso_c(base, a, b; rank_tol=0.999)
iso_c(base, a, b; rank_tol=1)                                E203
iso_c(base, a, b; rank_tol=-1e-9)                            E203
tsvm(base, a, b; scale=0)
lines(a - base; alpha=-1, beta=100)
lines(a - base; alpha=1)                                     E205
lines(a - base; beta=1)                                      E205
emr(base, a, b; task=0)                                      E203
emr(base, a, b; task=2)
emr(base, a, b; task=3)                                      E203
pcb(base, a, b; ratio=0)                                     E203
pcb(base, a, b; ratio=1)
pcb(base, a, b; ratio=1.001)                                 E203
dare(a - base; density=1/2, seed=0)
dare(a - base; density=1/2, seed=18446744073709551615)
dare(a - base; density=1/2, seed=18446744073709551616)       E203
dare(a - base; density=1/2, seed=-1)                         E203
"""
ROWS = [
    (row.removesuffix(code).rstrip(), code)
    for row in DOMAINS.strip().splitlines()
    for code in ["".join(re.findall(r" ([EW]\d{3})$", row))]
]


@pytest.mark.parametrize(("expression", "code"), ROWS, ids=[f"{e} {c}" for e, c in ROWS])
def test_a_value_is_in_its_domain_or_it_is_said(expression: str, code: str) -> None:
    labels = [label for label in ("base", *"abcd") if re.search(rf"\b{label}\b", expression)]
    head = "".join(f'{label} = model("./{label}", id="{label}")\n' for label in labels)
    assert {*said(head, expression)} == {*code.split()}


def said(head: str, expression: str) -> list[str]:
    """The codes of all that is found where a model or a delta is exported."""
    try:
        return codes(f'{head}export {expression} as "r"\n')
    except MergecError as error:
        found = [each.code for each in error.diagnostics]
        if "E308" not in found:
            return [each.code for each in error.diagnostics]
    return codes(f'{head}export delta {expression} as "r"\n')


def codes(text: str) -> list[str]:
    return [found.code for found in check_text(SourceText("x.merge", text)).warnings]
