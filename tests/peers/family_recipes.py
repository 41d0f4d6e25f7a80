"""Recipes over models of other families, with tied heads, and with tensors that are odd."""

from tests.peers.recipe_case import Recipe, of_models, recipe

_WEIGHTS = {"weight": [1, 0.5, 0.3]}

FAMILIES = (
    *(
        Recipe(f"{words}, linear", "linear", of_models("linear", base="", each=weights), family)
        for family, words in (("gpt2", "GPT-2"), ("bert", "BERT"))
        for weights in ({"weight": [1, 0.5, 0.3]},)
    ),
    *(
        Recipe(
            f"{words}, ties",
            "ties",
            of_models("ties", each={"weight": [1, 0.5, 0.3]}, density=0.4),
            family,
        )
        for family, words in (("gpt2", "GPT-2"), ("bert", "BERT"))
    ),
)

TIED = (
    Recipe("tied head", "ties", of_models("ties", each=_WEIGHTS, density=0.4), "tied"),
    recipe(
        "tied head, stacked",
        "passthrough",
        """
        slices:
          - sources: [{model: ./a, layer_range: [0, 3]}]
          - sources: [{model: ./a, layer_range: [1, 4]}]
        merge_method: passthrough
        dtype: float32
        """,
        family="tied",
    ),
)

ODD = (
    *(
        Recipe(f"{method} of two that are the same", method, text, "odd")
        for method, text in (
            ("slerp", of_models("slerp", "twin", base="a", t=0.4)),
            ("nuslerp", of_models("nuslerp", "a twin", base="", weight=1)),
            ("sce", of_models("sce", "a twin", select_topk=0.5)),
            ("model_stock", of_models("model_stock", "a twin")),
            ("karcher", of_models("karcher", "a twin", base="")),
            ("ram", of_models("ram", "a twin")),
        )
    ),
    *(
        Recipe(f"{method} with zeros", method, text, "odd")
        for method, text in (
            ("slerp", of_models("slerp", "zeros", base="a", t=0.4)),
            ("nuslerp", of_models("nuslerp", "a zeros", base="", weight=1)),
            ("ties", of_models("ties", "a zeros", weight=1, density=0.5)),
            ("multislerp", of_models("multislerp", "a zeros base", base="", weight=1)),
        )
    ),
    *(
        Recipe(f"{method} of opposites", method, text, "odd")
        for method, text in (
            ("slerp", of_models("slerp", "minus", base="a", t=0.4)),
            ("multislerp", of_models("multislerp", "a minus", base="", weight=1)),
            ("ties", of_models("ties", "a minus", weight=1)),
            ("dare_ties", of_models("dare_ties", "a minus", weight=1)),
        )
    ),
    Recipe(
        "models that are their base",
        "della",
        of_models("della", "base", base="a", weight=0, density=0.5),
        "odd",
    ),
)

REFUSED = (
    Recipe(
        "BERT without a head",
        "linear",
        of_models("linear", base="", each={"weight": [1, 0.5, 0.3]}),
        "bare bert",
        differs="optional tensors with a second name end in an error there",
        error="TypeError",
    ),
    Recipe(
        "BERT for masked words",
        "linear",
        of_models("linear", base="", each={"weight": [1, 0.5, 0.3]}),
        "masked bert",
        differs="a pooler is asked for there, which this model of transformers has not",
        error="RuntimeError",
    ),
)

OTHERS = (*FAMILIES, *TIED, *ODD, *REFUSED)
