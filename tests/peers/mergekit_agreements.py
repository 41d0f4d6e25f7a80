"""Where mergekit and mergec compute the same."""

from tests.peers.case import Agreement, Call, Case, Sampled, mergekit

DELTAS = "a - base, b - base, c - base"
CRUMBS = ", ".join(f"breadcrumbs({x} - base; density=0.5, gamma=0.1)" for x in "abc")
RESCALED = ", ".join(f"trim({x} - base; density=0.5, rescale=l1)" for x in "abc")


def of_models(function: str, **settings: object) -> Call:
    """A method on three models and their base."""
    named = {name.removesuffix("_"): value for name, value in settings.items()}
    return Call("mergekit", function, ("base", "a", "b", "c"), named, "base")


AVERAGES = (
    Agreement(
        "linear",
        mergekit("linear", "a b c", weight=[1, 2, -0.5]),
        "linear(a, b, c; weights=[1, 2, -0.5])",
    ),
    Agreement(
        "linear",
        of_models("task_arithmetic", weight=[1, 2, -0.5], lambda_=0.7),
        f"base + 0.7*linear({DELTAS}; weights=[1, 2, -0.5], normalize=false)",
    ),
    Agreement(
        "linear",
        of_models("task_arithmetic", weight=[1, 2, -0.5], normalize=True),
        f"base + linear({DELTAS}; weights=[1, 2, -0.5])",
    ),
    Agreement(
        "model_stock",
        of_models("model_stock"),
        "model_stock(base, a, b, c; guard=none)",
        "the mean of the cosines of all pairs",
    ),
    Agreement(
        "model_stock",
        of_models("model_stock", filter_wise=True),
        "model_stock(base, a, b, c; guard=none, scope=row)",
    ),
    Agreement(
        "nearswap", mergekit("nearswap", "a b", base="a", t=0.5), "nearswap(a, b; limit=0.5)"
    ),
    Agreement("arcee_fusion", mergekit("arcee_fusion", "a b", base="a"), "arcee_fusion(a, b)"),
)

ARCS = (
    *(
        Agreement("slerp", mergekit("slerp", "a b", base="a", t=t), f"slerp(a, b; t={t})")
        for t in (0, 0.25, 1)
    ),
    Agreement(
        "slerp", mergekit("slerp", "a b", base="a", t=1.5), "slerp(a, b; t=1.5, extrapolate=true)"
    ),
    Agreement(
        "nuslerp", mergekit("nuslerp", "a b", weight=[3, 1]), "nuslerp(a, b; weights=[3, 1])"
    ),
    Agreement(
        "nuslerp",
        mergekit("nuslerp", "base a b", base="base", weight=[3, 1]),
        "base + nuslerp(a - base, b - base; weights=[3, 1])",
    ),
    Agreement(
        "nuslerp",
        mergekit("nuslerp", "a b", weight=[3, 1], nuslerp_flatten=False),
        "nuslerp(a, b; weights=[3, 1], axis=in)",
        "rows, although not called row-wise",
    ),
    Agreement(
        "nuslerp",
        mergekit("nuslerp", "a b", weight=[3, 1], nuslerp_flatten=False, nuslerp_row_wise=True),
        "nuslerp(a, b; weights=[3, 1], axis=out)",
        "columns, although called row-wise",
        shapes=((16, 25), (40,)),
    ),
    Agreement(
        "nlerp",
        mergekit("multislerp", "a b c", weight=[3, 1, 0.5]),
        "nlerp(a, b, c; weights=[3, 1, 0.5])",
        "the step along the tangent that it describes is always zero",
    ),
    Agreement(
        "nlerp",
        of_models("multislerp", weight=[3, 1, 0.5]),
        f"base + nlerp({DELTAS}; weights=[3, 1, 0.5])",
    ),
    Agreement(
        "karcher",
        mergekit("karcher", "a b c"),
        "karcher(a, b, c)",
        "no weights, and ten steps of at least 1e-5",
    ),
)

MASKS: tuple[Case, ...] = (
    *(
        Agreement(
            "trim",
            mergekit("sparsify.magnitude", "a", density=0.3, rescale_norm=norm),
            f"trim(a - base; density=0.3, rescale={word})",
        )
        for norm, word in ((None, "none"), ("l1", "l1"), ("l2", "l2"))
    ),
    *(
        Agreement(
            "breadcrumbs",
            mergekit("sparsify.magnitude_outliers", "a", density=density, gamma=gamma),
            f"breadcrumbs(a - base; density={density}, gamma={gamma})",
            note,
        )
        for density, gamma, note in (
            (0.5, 0.1, ""),
            (0.5, 0.001, "no whole outlier; 0.1.4 zeroes the task vector"),
            (0.5, 0, "no outlier; 0.1.4 zeroes the task vector"),
            (0.5, 0.75, "both drop fewer outliers, to keep the density"),
            (1, 0.1, "density 1 keeps the outliers too"),
        )
    ),
    Agreement(
        "breadcrumbs",
        of_models("breadcrumbs", weight=[1, 2, -0.5], density=0.5, gamma=0.1),
        f"base + linear({CRUMBS}; weights=[1, 2, -0.5], normalize=false)",
    ),
    Sampled(
        "dare",
        mergekit("sparsify.bernoulli", "a", density=0.25, rescale_norm="l1"),
        "dare(a - base; density=0.25, rescale=l1)",
        0.25,
        "l1",
        note="what its methods do by default",
    ),
    Sampled(
        "dare",
        mergekit("sparsify.bernoulli", "a", density=0.25),
        "dare(a - base; density=0.25, rescale=none)",
        0.25,
        "none",
    ),
    Sampled(
        "della",
        mergekit("sparsify.della_magprune", "a", density=0.5, epsilon=0.25, rescale_norm="l1"),
        "della(a - base; density=0.5, epsilon=0.25, rescale=l1)",
        0.5,
        "l1",
        0.25,
        note="what its methods do by default",
    ),
    Sampled(
        "della",
        mergekit("sparsify.della_magprune", "a", density=0.5, epsilon=0.25),
        "della(a - base; density=0.5, epsilon=0.25, rescale=none)",
        0.5,
        "none",
        0.25,
    ),
)

ELECTIONS = (
    *(
        Agreement(
            "ties",
            mergekit("get_mask", "a b c", method=method),
            f"ties({DELTAS}; density=1, elect={elect}, zero=positive, agg=sum)",
            note,
            draws=("normal", "coarse"),
        )
        for method, elect, note in (
            ("sum", "mass", "the entries that the mask lets through, summed"),
            ("count", "count", "no method of its configuration elects by count"),
        )
    ),
    Agreement(
        "ties",
        of_models("ties", weight=[1, 2, 0.5], density=[0.2, 0.5, 1], lambda_=0.7),
        "ties(base, a, b, c; density=[0.2, 0.5, 1], weights=[1, 2, 0.5], zero=positive, scale=0.7)",
    ),
    Agreement(
        "ties",
        of_models("ties", weight=[1, 2, 0.5], int8_mask=True),
        "ties(base, a, b, c; density=1, weights=[1, 2, 0.5], zero=positive)",
        "`int8_mask` changes nothing, and exact zeros never agree",
        draws=("normal", "coarse"),
    ),
    Agreement(
        "ties",
        of_models("ties", weight=[1, 2, 0.5], density=0.5, normalize=False),
        "ties(base, a, b, c; density=0.5, weights=[1, 2, 0.5], zero=positive, agg=sum)",
    ),
    Agreement(
        "ties",
        of_models("ties", weight=1, density=0.5, rescale=True),
        f"ties(base, {RESCALED}; density=1, zero=positive)",
    ),
    Agreement(
        "ties",
        of_models("breadcrumbs_ties", weight=[1, 2, 0.5], density=0.5, gamma=0.1),
        f"ties(base, {CRUMBS}; density=1, weights=[1, 2, 0.5], zero=positive, agg=sum)",
    ),
    Agreement(
        "ties",
        of_models("dare_ties", weight=[1, 2, 0.5], density=1),
        "ties(base, a, b, c; density=1, weights=[1, 2, 0.5], zero=positive, agg=sum)",
        "of what `dare` keeps; it sums where TIES averages",
        draws=("normal", "coarse"),
    ),
    Agreement(
        "ties",
        of_models("della", weight=[1, 2, 0.5], density=1),
        "ties(base, a, b, c; density=1, weights=[1, 2, 0.5], zero=positive)",
        "of what `della` keeps",
        draws=("normal", "coarse"),
    ),
    Agreement(
        "sce",
        of_models("sce", select_topk=1),
        "sce(base, a, b, c; tau=1, zero=positive)",
        draws=("normal", "coarse"),
    ),
    Agreement(
        "sce", of_models("sce", select_topk=0.3), "sce(base, a, b, c; tau=0.3, zero=positive)"
    ),
    Agreement(
        "ram",
        of_models("ram", epsilon=0.5),
        "ram(base, a, b, c; epsilon=0.5)",
        draws=("normal", "coarse"),
    ),
    Agreement(
        "ram",
        of_models("ramplus_tl", epsilon=0.5, r=0.1, alpha=0.2),
        "ram(base, a, b, c; epsilon=0.5, r=0.1, alpha=0.2)",
        draws=("normal", "coarse"),
    ),
)

ROWS: tuple[Case, ...] = (*AVERAGES, *ARCS, *MASKS, *ELECTIONS)
