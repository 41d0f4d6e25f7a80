"""Every merge method of mergekit 0.1.5, over whole models."""

from collections.abc import Mapping, Sequence

from tests.peers.recipe_case import Recipe, of_models

WEIGHTS: Mapping[str, Sequence[object]] = {"weight": [1, 0.5, 0.3]}
THINNED: Mapping[str, Sequence[object]] = {"weight": [1, 0.5, 0.3], "density": [0.2, 0.5, 0.9]}
ALONE: Mapping[str, Sequence[object]] = {"weight": [1], "density": [0.3]}
WHOLE: Mapping[str, Sequence[object]] = {"weight": [1, 0.5, 0.3], "density": [1, 1, 1]}

FUSION = "the divergence of a row cancels in float32 there, so that single entries are kept or not"

AVERAGES = (
    Recipe("linear", "linear", of_models("linear", base="", each=WEIGHTS)),
    Recipe(
        "linear, one weight negative",
        "linear",
        of_models("linear", base="", each={"weight": [1, 0.5, -0.3]}),
    ),
    Recipe(
        "linear, not normalised",
        "linear",
        of_models("linear", base="", each={"weight": [0.5, 0.3, 0.1]}, normalize=False),
        note="weights sum to 0.9",
    ),
    Recipe("task_arithmetic", "task_arithmetic", of_models("task_arithmetic", each=WEIGHTS)),
    Recipe(
        "task_arithmetic, normalised",
        "task_arithmetic",
        of_models("task_arithmetic", each=WEIGHTS, normalize=True, lambda_=0.7),
        note="lambda 0.7",
    ),
    Recipe("model_stock", "model_stock", of_models("model_stock")),
    Recipe("model_stock, by rows", "model_stock", of_models("model_stock", filter_wise=True)),
    Recipe("nearswap", "nearswap", of_models("nearswap", "a", t=0.01)),
    Recipe(
        "arcee_fusion",
        "arcee_fusion",
        of_models("arcee_fusion", "a b", base="a"),
        kind="borders",
        note=FUSION,
    ),
    Recipe("passthrough", "passthrough", of_models("passthrough", "a", base="")),
)

ARCS = (
    Recipe("slerp", "slerp", of_models("slerp", "b", base="a", t=0.3)),
    Recipe("slerp, at an end", "slerp", of_models("slerp", "b", base="a", t=1)),
    Recipe("nuslerp", "nuslerp", of_models("nuslerp", "a b", base="", each={"weight": [3, 1]})),
    Recipe(
        "nuslerp, of task vectors", "nuslerp", of_models("nuslerp", "a b", each={"weight": [3, 1]})
    ),
    Recipe(
        "nuslerp, not flat",
        "nuslerp",
        of_models("nuslerp", "a b", base="", each={"weight": [3, 1]}, nuslerp_flatten=False),
    ),
    Recipe(
        "nuslerp, by rows",
        "nuslerp",
        of_models(
            "nuslerp",
            "a b",
            base="",
            each={"weight": [3, 1]},
            nuslerp_flatten=False,
            nuslerp_row_wise=True,
        ),
        note="which interpolates columns",
    ),
    Recipe("multislerp", "multislerp", of_models("multislerp", base="", each=WEIGHTS)),
    Recipe("multislerp, of task vectors", "multislerp", of_models("multislerp", each=WEIGHTS)),
    Recipe("karcher", "karcher", of_models("karcher", base="")),
    Recipe("karcher, with a base", "karcher", of_models("karcher", "a b")),
)

ELECTIONS = (
    Recipe("ties", "ties", of_models("ties", each=THINNED)),
    Recipe("ties, untrimmed", "ties", of_models("ties", each=WEIGHTS)),
    Recipe("ties, summed", "ties", of_models("ties", each=THINNED, normalize=False, lambda_=0.7)),
    Recipe("ties, rescaled", "ties", of_models("ties", each=THINNED, rescale=True)),
    Recipe(
        "ties, density 0.29",
        "ties",
        of_models("ties", each=WEIGHTS, density=0.29),
        note="0.29 of 100 entries are 28 in binary floating point",
    ),
    Recipe("breadcrumbs", "breadcrumbs", of_models("breadcrumbs", each=THINNED, gamma=0.1)),
    Recipe("breadcrumbs, default gamma", "breadcrumbs", of_models("breadcrumbs", each=THINNED)),
    Recipe("breadcrumbs_ties", "breadcrumbs_ties", of_models("breadcrumbs_ties", each=THINNED)),
    Recipe("sce", "sce", of_models("sce")),
    Recipe("sce, half selected", "sce", of_models("sce", select_topk=0.5)),
    Recipe("ram", "ram", of_models("ram", epsilon=0.02)),
    Recipe("ram, default epsilon", "ram", of_models("ram")),
    Recipe("ramplus_tl", "ramplus_tl", of_models("ramplus_tl", epsilon=0.02)),
)

MASKS = (
    *(
        Recipe(f"{method}, whole", method, of_models(method, each=WHOLE), note="density 1")
        for method in ("dare_linear", "dare_ties", "della", "della_linear")
    ),
    *(
        Recipe(method, method, of_models(method, "a", each=ALONE), kind="draws")
        for method in ("dare_linear", "dare_ties", "della", "della_linear")
    ),
)

METHODS = (*AVERAGES, *ARCS, *ELECTIONS, *MASKS)
