"""Codes of types and mass."""

from mergec.diagnostics.codes.code import code

ROWS = (
    code(
        "E301",
        "mass",
        "an expression is neither a model (mass 1) nor a delta (mass 0)",
        "Every expression has a mass: a source has 1, a difference of two sources has 0, "
        "and sums and multiples follow. A model has mass 1 and a delta has mass 0; other "
        "weights would scale the whole network. For an average use weights that sum to 1; "
        "to add skills to a base, add deltas.",
    ),
    code(
        "E302",
        "model-or-delta",
        "a model stands where a delta is needed, or the reverse",
        "A model is a point and a delta is a step from one point to another; some "
        "operators take the one, some the other. To get a delta from a model subtract its "
        "base, as in `code - base`. To get a model from a delta add it to a base.",
    ),
    code(
        "E303",
        "pipe-into-base",
        "`|>` would make its left side the base of an operator",
        "`x |> f(y)` means `f(x, y)`, and the first operand of `f` is its base: the model "
        "that all others are compared with. A pipe reads as if `x` were one operand among "
        "equals, so this is refused. Write the call out, with the base first.",
    ),
    code(
        "E304",
        "foreign-delta",
        "a delta of one base meets the deltas of another",
        "A consensus operator compares deltas entry by entry, and that is meaningful only "
        "if all were taken from one base. One of these deltas was taken from another. "
        "Take it from the operator's base, or apply it in a second step.",
    ),
    code(
        "E305",
        "not-a-number",
        "an expression of the wrong kind in arithmetic",
        "Arithmetic combines models and deltas by `+` and `-`, and scales them by numbers "
        "with `*` and `/`. Lists, text, sizes and truth values take no part in it, and "
        "two models cannot be multiplied.",
    ),
    code(
        "E306",
        "masses-differ",
        "operands that must all be models or all be deltas are mixed",
        "This operator mixes its operands as equals, so all must be models or all must be "
        "deltas. A mixture has no meaning as a point or as a step. Subtract the base from "
        "the models, or add it to the deltas.",
    ),
    code(
        "E307",
        "division-by-zero",
        "a division by zero",
        "A division by zero has no value. Numbers are exact in mergec, so this divisor is "
        "zero and not merely small.",
    ),
    code(
        "E308",
        "export-kind",
        "`export` of a delta, or `export delta` of a model",
        "`export` writes a model, and `export delta` writes a delta, marked so that no "
        "tool loads it as a model. The word decides nothing about the value, it states "
        "what you expect; the two disagree here.",
    ),
    code(
        "E309",
        "misplaced-condition",
        "a condition stands where a value is needed, or the reverse",
        "Comparisons, `and`, `or` and `not` stand in `require`, and what `require` gets "
        "is a condition. A spec has no other place where a decision is taken: what is "
        "merged does not depend on what is found.",
    ),
    code(
        "E310",
        "misplaced-statistic",
        "a statistic or fact stands outside `require`",
        "`norm`, `cosine`, `sparsity`, `finite` and `sign_conflict` are known when a run "
        "has seen all weights, `license`, `params`, `tokenizer`, `dtype` and "
        "`layer_count` when sources were opened. They are for contracts; no merge depends "
        "on them.",
    ),
    code(
        "E311",
        "adapter-without-model",
        "nothing says which model an adapter changes",
        "An adapter is a change of some model's tensors, and has its names, shapes and dtypes from "
        "that model. Where it is written by itself, or measured, nothing says which model that is. "
        "Add it to one, as in `base + lora`.",
    ),
    code(
        "E312",
        "part-of-adapter",
        "layers or tensors are taken of an adapter by itself",
        "Layers and tensors are those of a model, and an adapter says how some of them change. "
        "Take the part of the adapted model instead: `(base + lora)[0..8]`; or choose by tensor "
        "with `match`, which takes adapters.",
    ),
    code(
        "E313",
        "no-adapter",
        "a delta of adapters alone cannot be written as an adapter",
        "A delta that is made of adapters alone has no tensors of its own, so it is written as an "
        "adapter: the factors of a sum are those of its terms, side by side, or of a lower rank "
        "by `svd`. What other operators make of adapters has no such factors. A tensor that "
        "adapters replace is the sum of theirs only where their weights sum to 1, and a DoRA "
        "depends on its model. Export the adapted model instead, or its delta.",
    ),
    code(
        "E314",
        "not-by-factors",
        "tensors change that no factors of an adapter can say",
        "`export delta svd(...)` writes an adapter: factors of layers, convolutions and "
        "embeddings, which are matrices. Norms and biases are none, so their changes have no place "
        "in it, and an adapter without them is another model than was asked for. Leave them out by "
        "`others=drop`, if they matter little, or export the model `base + svd(...)`, which keeps "
        "them.",
    ),
    code(
        "E315",
        "no-factors",
        "a delta has no matrix that changes",
        "`export delta svd(...)` writes factors of the matrices that change, and there are none: "
        "the delta is of other tensors alone, or its parts cancel. Export the delta itself.",
    ),
    code(
        "E316",
        "two-orientations",
        "layers that are stored in two orientations cannot be in one adapter",
        "Some families store most of their layers [in, out], and others [out, in]. The config of "
        "an adapter says once for all layers, by `fan_in_fan_out`, which of these they are. Leave "
        "the layers of one kind out of the delta.",
    ),
)
