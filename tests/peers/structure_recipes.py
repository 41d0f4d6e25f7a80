"""What a recipe can say besides its method: filters, gradients, slices, levels, files.

Six of them have the structure of the example files of mergekit's repository, with stand-ins for
their models.
"""

from tests.peers.method_recipes import FUSION
from tests.peers.recipe_case import Recipe, of_models, recipe

EXAMPLES = (
    recipe(
        "example linear.yml",
        "linear",
        """
        models:
          - model: ./a
            parameters:
              weight: 1.0
          - model: ./b
            parameters:
              weight: 0.3
          - model: ./c
            parameters:
              weight: 0.5
        merge_method: linear
        dtype: float32
        """,
    ),
    recipe(
        "example ties.yml",
        "ties",
        """
        models:
          - model: ./a
            parameters:
              density: [1, 0.7, 0.1]
              weight: 1.0
          - model: ./b
            parameters:
              density: 0.5
              weight: [0, 0.3, 0.7, 1]
          - model: ./c
            parameters:
              density: 0.33
              weight:
                - filter: mlp
                  value: 0.5
                - value: 0
        merge_method: ties
        base_model: ./base
        parameters:
          normalize: true
          int8_mask: true
        dtype: float32
        """,
        note="gradients, a filter, an option that does nothing",
    ),
    recipe(
        "example gradient-slerp.yml",
        "slerp",
        """
        slices:
          - sources:
              - model: ./a
                layer_range: [0, 4]
              - model: ./b
                layer_range: [0, 4]
        merge_method: slerp
        base_model: ./a
        parameters:
          t:
            - filter: self_attn
              value: [0, 0.5, 0.3, 0.7, 1]
            - filter: mlp
              value: [1, 0.5, 0.7, 0.3, 0]
            - value: 0.5
        dtype: float32
        """,
        note="filters that each hold a gradient",
    ),
    recipe(
        "example orcamini-platy-44layer.yml",
        "passthrough",
        """
        slices:
          - sources:
            - model: ./a
              layer_range: [0, 3]
          - sources:
            - model: ./b
              layer_range: [1, 4]
        merge_method: passthrough
        dtype: float32
        """,
        note="stacked layers that overlap",
    ),
    recipe(
        "example bio-merge.yml",
        "ties",
        """
        models:
          - model: ./a
            parameters:
              density: 0.5
              weight: 0.5
          - model: ./b
            parameters:
              density: 0.5
              weight: 0.5
        merge_method: ties
        base_model: ./base
        parameters:
          normalize: false
          int8_mask: true
        dtype: float32
        """,
        note="a base that is not among the models",
    ),
    recipe(
        "example arcee_fusion.yml",
        "arcee_fusion",
        """
        models:
          - model: ./a
          - model: ./b
        merge_method: arcee_fusion
        base_model: ./a
        dtype: float32
        """,
        kind="borders",
        note=FUSION,
    ),
)

SETTINGS = (
    Recipe(
        "gradient over whole models",
        "slerp",
        of_models("slerp", "b", base="a", t=[0, 1]),
        note="embeddings, last norm and head have the first value",
    ),
    Recipe(
        "gradient in scientific notation",
        "slerp",
        of_models("slerp", "b", base="a").replace("dtype", "parameters: {t: [1e-1, 5e-1]}\ndtype"),
        note="`1e-1` is a text in YAML 1.1",
    ),
    Recipe(
        "first filter wins",
        "slerp",
        of_models(
            "slerp",
            "b",
            base="a",
            t=[
                {"filter": "o_proj", "value": 0.9},
                {"filter": "self_attn", "value": 0.2},
                {"filter": "*", "value": 0.5},
                {"filter": "mlp", "value": 1},
            ],
        ),
        note="filters behind `*` are never reached",
    ),
    Recipe(
        "a filter falls back to the level above",
        "task_arithmetic",
        of_models(
            "task_arithmetic",
            "a b",
            each={"weight": [[{"filter": "mlp", "value": 0.5}], 0.3]},
            weight=0.1,
        ),
    ),
    recipe(
        "levels of parameters",
        "task_arithmetic",
        """
        slices:
          - sources:
              - model: ./a
                layer_range: [0, 2]
                parameters: {weight: 0.9}
              - model: ./b
                layer_range: [0, 2]
              - model: ./base
                layer_range: [0, 2]
            parameters: {weight: 0.4}
          - sources:
              - model: ./a
                layer_range: [2, 4]
              - model: ./b
                layer_range: [2, 4]
              - model: ./base
                layer_range: [2, 4]
            parameters: {lambda: 0.5}
        merge_method: task_arithmetic
        base_model: ./base
        parameters: {weight: 0.2, lambda: 1}
        dtype: float32
        """,
        note="source, slice, config; the first slice makes the embeddings, the last the head",
    ),
    recipe(
        "modules",
        "linear",
        """
        modules:
          default:
            models:
              - model: ./a
              - model: ./b
                parameters: {weight: 0.7}
            parameters: {weight: 0.3}
        merge_method: linear
        dtype: float32
        parameters: {weight: 0.9}
        """,
        note="the level of a module",
    ),
    recipe(
        "gradients in slices",
        "slerp",
        """
        slices:
          - sources:
              - {model: ./a, layer_range: [0, 1]}
              - {model: ./b, layer_range: [0, 1]}
          - sources:
              - {model: ./a, layer_range: [1, 4]}
              - {model: ./b, layer_range: [1, 4]}
        merge_method: slerp
        base_model: ./a
        parameters: {t: [0.1, 0.9]}
        dtype: float32
        """,
        note="positions within a slice; a slice of one layer has the last value",
    ),
    recipe(
        "a base of one slice",
        "slerp",
        """
        slices:
          - sources:
              - {model: ./a, layer_range: [0, 2]}
              - {model: ./b, layer_range: [0, 2]}
          - sources:
              - {model: ./a, layer_range: [2, 4]}
              - {model: ./b, layer_range: [2, 4]}
            base_model: ./b
        merge_method: slerp
        base_model: ./a
        parameters: {t: 0.25}
        dtype: float32
        """,
    ),
    Recipe(
        "weights of a filter alone",
        "linear",
        of_models(
            "linear",
            "a b",
            base="",
            each={"weight": [1, [{"filter": "layers.1.", "value": 1}, {"value": 0}]]},
        ),
    ),
)

STACKS = (
    recipe(
        "passthrough, scaled to zero",
        "passthrough",
        """
        slices:
          - sources:
              - {model: ./a, layer_range: [0, 3]}
          - sources:
              - model: ./a
                layer_range: [2, 4]
                parameters:
                  scale:
                    - filter: o_proj
                      value: 0.0
                    - filter: down_proj
                      value: 0.0
                    - value: 1.0
        merge_method: passthrough
        dtype: float32
        """,
        note="doubled layers that begin as the identity",
    ),
    recipe(
        "passthrough, one layer thrice",
        "passthrough",
        """
        slices:
          - sources: [{model: ./a, layer_range: [0, 2]}]
          - sources: [{model: ./a, layer_range: [1, 2]}]
          - sources: [{model: ./b, layer_range: [1, 4]}]
        merge_method: passthrough
        dtype: float32
        """,
    ),
    recipe(
        "GPT-2, stacked twice",
        "passthrough",
        """
        slices:
          - sources: [{model: ./a, layer_range: [0, 4]}]
          - sources: [{model: ./a, layer_range: [0, 4]}]
        merge_method: passthrough
        dtype: float32
        """,
        family="gpt2",
    ),
)

FILES = (
    Recipe(
        "an adapter",
        "task_arithmetic",
        of_models("task_arithmetic", "a+./lora b", each={"weight": [1, 0.5]}),
        note="merged into its model first there",
    ),
    Recipe(
        "bfloat16",
        "task_arithmetic",
        of_models("task_arithmetic", "a b", each={"weight": [1, 0.3]}).replace(
            "float32", "bfloat16"
        ),
        differs="models, task vectors and weights are rounded to bfloat16 there, the result alone "
        "here",
    ),
    recipe(
        "several documents",
        "linear",
        """
        name: first
        models:
          - model: ./a
          - model: ./b
        merge_method: slerp
        base_model: ./a
        parameters: {t: 0.5}
        dtype: float32
        ---
        name: second
        models:
          - model: ./b
            parameters: {weight: 0.5}
          - model: ./c
            parameters: {weight: 0.5}
        merge_method: task_arithmetic
        base_model: ./base
        dtype: float32
        ---
        models:
          - model: first
            parameters: {weight: 0.6}
          - model: second
            parameters: {weight: 0.4}
        merge_method: linear
        dtype: float32
        """,
        note="three steps, two of them between",
    ),
    Recipe(
        "out_dtype",
        "linear",
        of_models("linear", "a b", base="", each={"weight": [0.6, 0.4]}) + "out_dtype: bfloat16\n",
        note="computed in float32 and rounded once",
    ),
)

STRUCTURES = (*EXAMPLES, *SETTINGS, *STACKS, *FILES)
