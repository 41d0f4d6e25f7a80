"""Where sd-mecha and mergec compute the same, and where they do not."""

from math import nan, sqrt

from tests.peers.case import Agreement, Case, Difference, Sampled, Study, sd_mecha

DELTAS = "a - base, b - base, c - base"
THREE = "a b c"

AGREEMENTS: tuple[Case, ...] = (
    *(
        Agreement(
            "linear", sd_mecha("weighted_sum", "a b", alpha=alpha), f"{1 - alpha}*a + {alpha}*b"
        )
        for alpha in (0.0, 0.25, 1.0)
    ),
    Agreement("linear", sd_mecha("n_average", THREE), "linear(a, b, c)"),
    Agreement(
        "linear",
        sd_mecha("add_difference", "a b", alpha=0.25),
        "a + 0.25*(b - base)",
        "with `subtract` before it",
    ),
    Agreement("linear", sd_mecha("subtract", "a base"), "a - base"),
    Agreement("scale", sd_mecha("scale", "a", alpha=0.25), "scale(a - base; by=0.25)"),
    *(
        Agreement(
            "slerp", sd_mecha("slerp", "a b", alpha=alpha), f"slerp(a, b; t={alpha}, norm=polar)"
        )
        for alpha in (0.0, 0.25, 1.0)
    ),
    *(
        Agreement(
            "ties",
            sd_mecha(function, THREE, k=1.0, vote_sgn=vote, **settings),
            f"ties({DELTAS}; density=1, elect={elect}, agg=mean)",
            note,
            draws=("normal", "coarse"),
        )
        for vote, elect, note in (
            (True, "mass", "`vote_sgn` is the sum of entries"),
            (False, "count", "without `vote_sgn` signs are counted"),
        )
        for function, settings in (
            ("ties_sum", {}),
            ("ties_sum_extended", {"apply_stock": True}),
        )
    ),
    Agreement(
        "model_stock",
        sd_mecha("model_stock", "a b"),
        "model_stock(a - base, b - base; guard=none, scope=row)",
    ),
    Sampled(
        "dare",
        sd_mecha("dropout", "a", probability=0.75, seed=0),
        "dare(a - base; density=0.25)",
        0.25,
        "density",
        note="`probability` is the share dropped",
    ),
    Sampled(
        "dare",
        sd_mecha("dropout", "a", probability=0.75, rescale=0.0, seed=0),
        "dare(a - base; density=0.25, rescale=none)",
        0.25,
        "none",
    ),
)

DIFFERENCES = (
    Difference(
        "linear",
        sd_mecha("weighted_sum", "a b", alpha=0.5),
        "shapes that differ are broadcast there",
        {"a": ((1.0,), (2.0,)), "b": ((1.0, 2.0), (3.0, 4.0))},
        ((1.0, 1.5), (2.5, 3.0)),
        "0.5*a + 0.5*b",
        "E402",
    ),
    Difference(
        "slerp",
        sd_mecha("slerp", "a b", alpha=0.5),
        "lengths are interpolated apart from directions there, tensors as they are here",
        {"a": (3.0, 0.0), "b": (0.0, 4.0)},
        (3.5 * sqrt(0.5), 3.5 * sqrt(0.5)),
        "slerp(a, b; t=0.5)",
        (3 * sqrt(0.5), 4 * sqrt(0.5)),
        "slerp(a, b; t=0.5, norm=polar)",
    ),
    Difference(
        "slerp",
        sd_mecha("slerp", "a b", alpha=0.5),
        "of opposite directions the middle is zero there, and an error here",
        {"a": (1.0, 2.0), "b": (-2.0, -4.0)},
        (0.0, 0.0),
        "slerp(a, b; t=0.5, norm=polar)",
        "E808",
    ),
    Difference(
        "trim",
        sd_mecha("ties_sum", "a", k=0.5),
        "one more entry is kept there, and all that equal it",
        {"base": (0.0,) * 6, "a": (1.0, 2.0, 3.0, 3.0, 4.0, 5.0)},
        (0.0, 0.0, 3.0, 3.0, 4.0, 5.0),
        "trim(a - base; density=0.5)",
        (0.0, 0.0, 3.0, 0.0, 4.0, 5.0),
        "trim(a - base; density=0.5, dialect=sd_mecha)",
    ),
    Difference(
        "ties",
        sd_mecha("ties_sum", THREE),
        "signs are counted by default there, entries summed here",
        {"base": (0.0,), "a": (1.0,), "b": (1.0,), "c": (-3.0,)},
        (1.0,),
        f"ties({DELTAS}; density=1)",
        (-3.0,),
        f"ties({DELTAS}; density=1, elect=count)",
    ),
    Difference(
        "ties",
        sd_mecha("ties_sum", "a"),
        "all entries are kept by default there, a fifth of them here",
        {"base": (0.0,) * 5, "a": (5.0, 4.0, 3.0, 2.0, 1.0)},
        (5.0, 4.0, 3.0, 2.0, 1.0),
        "ties(a - base)",
        (5.0, 0.0, 0.0, 0.0, 0.0),
        "ties(a - base; density=1)",
    ),
    Difference(
        "ties",
        sd_mecha("ties_sum", "a b"),
        "NaN counts as 0 there; here the run stops and names the tensor",
        {"base": (0.0, 0.0), "a": (1.0, nan), "b": (2.0, 1.0)},
        (1.5, 0.0),
        "ties(a - base, b - base; density=1)",
        "E805",
    ),
    Difference(
        "ties",
        sd_mecha("ties_sum_extended", "a", k=1.0),
        "one task vector needs `apply_stock=True` there, which turns the scaling off",
        {"base": (0.0, 0.0), "a": (1.0, 2.0)},
        "RuntimeError",
        "ties(a - base; density=1)",
        (1.0, 2.0),
    ),
    Difference(
        "ties",
        sd_mecha("ties_sum_extended", "a b", k=1.0),
        "unless `apply_stock=True` the sum is scaled by rows as `model_stock` does",
        {"base": (0.0, 0.0), "a": (3.0, 4.0), "b": (4.0, 3.0)},
        (3.4285715, 3.4285715),
        "ties(a - base, b - base; density=1)",
        (3.5, 3.5),
    ),
    Difference(
        "model_stock",
        sd_mecha("model_stock", THREE),
        "only operands next to each other are compared there, all pairs here",
        {"base": (0.0, 0.0), "a": (3.0, 1.0), "b": (2.0, 2.0), "c": (1.0, 3.0)},
        (1.9242893, 1.9242893),
        f"model_stock({DELTAS}; scope=row)",
        (1.8428469, 1.8428469),
    ),
    Difference(
        "median",
        sd_mecha("geometric_median", THREE),
        "the point nearest to all tensors there, the middle of each entry here",
        {"base": (0.0,) * 3, "a": (1.0, 0.0, 0.0), "b": (0.0, 1.0, 0.0), "c": (0.0, 0.0, 1.0)},
        (1 / 3, 1 / 3, 1 / 3),
        f"median({DELTAS})",
        (0.0, 0.0, 0.0),
    ),
    Study(
        "same_mask_for_all",
        "dare",
        "sd-mecha",
        "dropout(seed=0)",
        "every tensor of one shape has the same mask there",
        "one mask",
        "a mask for each tensor name",
    ),
    Study(
        "overlap_of_dropout",
        "dare",
        "sd-mecha",
        "dropout(probability=0.5)",
        "entries are averaged over the task vectors that keep them; the mean of two equal `v` is",
        "1.5·v",
        "v, with `linear`",
    ),
    Study(
        "ranks_of_the_tensor",
        "della",
        "sd-mecha",
        "ties_sum_with_dropout(probability=0.5, della_eps=0.5)",
        "ranks are those of the whole tensor, `della_eps` is the whole width, and all that is kept "
        "is divided by the density",
        "the tensor, ±della_eps/2, δ/density",
        "the row, ±epsilon, δ/probability",
    ),
)

ROWS: tuple[Case, ...] = (*AGREEMENTS, *DIFFERENCES)
