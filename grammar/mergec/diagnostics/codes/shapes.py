"""Codes of shapes, dtypes and architecture."""

from mergec.diagnostics.codes.code import code

ROWS = (
    code(
        "E401",
        "missing-tensors",
        "a source lacks tensors that the output needs",
        "The child has the tensors of its base, or of the first operand, and every other "
        "source must supply each of them. A source that lacks some is of another "
        "architecture, or was saved without them. Nothing is filled in silently.",
    ),
    code(
        "E402",
        "shape-mismatch",
        "a tensor has different shapes in two sources",
        "Tensors are combined entry by entry, so their shapes must be equal; they are "
        "never broadcast, cropped or transposed. Different vocabularies or layer sizes "
        "are the usual reason. The message names the first tensor and the axis in which "
        "they differ.",
    ),
    code(
        "E403",
        "dtype-unsupported",
        "arithmetic on a storage dtype that mergec cannot compute with",
        "These weights are stored in a form that has no arithmetic here, such as 8-bit "
        "floats with scales kept elsewhere, or the export asks for such a form. Convert "
        "the source to bf16, f16 or f32 first, or choose such a dtype for the export.",
    ),
    code(
        "E404",
        "ambiguous-prefix",
        "tensor names differ by a prefix in more than one possible way",
        "Checkpoints of one model may differ by a prefix in front of all tensor names, "
        "and mergec maps it when that can be done in one way. Here there is more than one "
        "way, and a wrong one would mix tensors that do not belong together. Rename the "
        "tensors in one source.",
    ),
    code(
        "E405",
        "tied-embeddings",
        "stacked parts are tied to different embeddings",
        "The first part gives the embeddings and the last part the head. Where the head "
        "is tied to the embeddings, one tensor would have to be both. Take both parts "
        "from one model, or write `stack(..., untie=true)`: the output then has a head of "
        "its own.",
    ),
    code(
        "E406",
        "buffers-differ",
        "an integer tensor differs between sources",
        "Integer tensors hold positions or counts, which cannot be averaged. They are "
        "copied, and so must be of one dtype and equal in all sources. Sources that "
        "differ here are usually of different architectures.",
    ),
    code(
        "E407",
        "no-such-layers",
        "a layer range goes beyond the layers that there are",
        "Layers are counted from 0, and the range ends after the last one. Layers that do "
        "not exist cannot be kept, and leaving them out without a word would make a "
        "smaller model than the spec says.",
    ),
    code(
        "E408",
        "no-layers",
        "a value has no single stack of numbered layers",
        "Slices and stacks need one sequence of numbered layers, as decoders have. This "
        "value has none, or several of equal rank, such as an encoder and a decoder.",
    ),
    code(
        "E409",
        "uncovered-tensor",
        "no arm of a `match` fits a tensor",
        "Every tensor of the value that a `match` is applied to needs an arm, and for "
        "this one none fits. Add an arm for it, or `else`.",
    ),
    code(
        "E410",
        "bad-rename",
        "a renaming is not one-to-one or matches nothing",
        "Each rule of a `rename` must match a tensor, and no two tensors may end up with "
        "one name: one of them would be lost without a word. A pattern fits a whole name "
        "and holds at most one `*`, on both sides, for the part that stays. New names are "
        "such as a safetensors file can hold.",
    ),
    code(
        "E411",
        "empty-selection",
        "a selection that keeps no tensor",
        "The selector fits no tensor of the value, so nothing would be left. Often a name "
        "is misspelt, or a role does not exist in this architecture.",
    ),
    code(
        "E412",
        "config-layers",
        "config.json does not say how many layers there are",
        "A child with another number of layers needs a config.json that says so, and in "
        "this one none of the usual keys holds the number of layers of the source. It "
        "would load as another network than was written.",
    ),
    code(
        "E413",
        "missing-statistics",
        "a tensor has no statistic that its merge needs",
        "Operators such as `fisher` and `regmean` weigh each operand by a statistic, a tensor of "
        "the same name in another file. Here that file lacks it, or only some operands have "
        "one, and a weight cannot be compared with none. Compute what is missing, or merge such "
        "tensors by an operator without statistics in an arm of a `match`.",
    ),
    code(
        "E414",
        "no-units",
        "no tensor carries a group of units",
        "What `weight_match` may reorder is said by `units`, or by the description of the "
        "architecture where `units` is not given. Here a name in it fits no tensor, or the "
        "architecture is one that no description names. An order that is put into some tensors "
        "of a group and not into all would give another network.",
    ),
    code(
        "E415",
        "units-differ",
        "the axes of one group of units do not fit together",
        "All axes of a group are put in one order, so that they must have the same number of "
        "units, and an axis with units of equal width must be a multiple of their number. An "
        "axis belongs to one group, and a group has one axis of a tensor.",
    ),
    code(
        "E416",
        "adapter-names",
        "an adapter changes tensors that the model does not have",
        "An adapter names the layers that it changes, and the model it is added to has no such "
        "tensors. It was trained on another architecture, or on the same one wrapped in another "
        "class. A layer that the model ties to another, as a head to the embedding, has no tensor "
        "of its own either.",
    ),
    code(
        "E417",
        "adapter-shapes",
        "an adapter does not fit the shapes of the model",
        "The product of an adapter's factors, or a tensor that it replaces, must have the shape of "
        "the model's tensor of that name. It has another, so the adapter was trained on a model of "
        "another size, or on one whose vocabulary was extended. Nothing is broadcast or cut.",
    ),
    code(
        "E418",
        "adapter-of-two-models",
        "an adapter that replaces tensors is added to two models",
        "A tensor that an adapter replaces is a step from one model: the new values less that "
        "model's. Added to two models it would be two steps. Name the adapter once for each, with "
        "another `id`; low-rank changes are the same step everywhere and need that not.",
    ),
    code(
        "E419",
        "adapter-quantised",
        "an adapter changes a tensor whose dtype cannot be computed with",
        "A low-rank change is added to weights in bf16, f16, f32 or f64. This tensor is stored in "
        "a quantised form, to which nothing can be added. Name the weights before quantisation.",
    ),
    code(
        "E420",
        "configuration-differs",
        "a setting differs that gives equal weights another meaning",
        "Two parents have tensors of the same names and shapes, and their config.json files say "
        "that these are used in different ways: cut into other heads, say, or followed by another "
        "activation. No entry of one then means what that entry means in the other, and an average "
        "of the two is noise that loads without a complaint. Merge models of one configuration. "
        "The notes name each setting, what both say and why it matters.",
    ),
    code(
        "E421",
        "quantised-weights",
        "a source is stored in a quantised form",
        "The weights are codes of a few bits, with scales beside them, as GPTQ, AWQ, bitsandbytes "
        "and others write them. Codes are no numbers that could be averaged or subtracted. Merge "
        "the models as they were before they were quantised, and quantise the child. Such a source "
        "can be copied, but not computed with.",
    ),
    code(
        "E422",
        "tied-and-untied",
        "one parent ties its head to the embedding and another does not",
        "A tied head is the embedding itself, and no tensor of its own. Where another parent has "
        "both, the child cannot have both forms: its head would come from one parent alone, or be "
        "missing. Either give the tied parent a head of its own, by `stack(...; untie=true)`, or "
        "leave out the head of the other, by `select(..., !head)`.",
    ),
    code(
        "E423",
        "config-mismatch",
        "config.json describes other tensors than the child has",
        "From the settings in config.json follow the shapes of the tensors and the number of "
        "layers. Those of the child are others, so that it would not load, or load as something "
        "else. As the child has the config of its base, or of the first operand, that file is "
        "usually wrong there already: it was edited, or belongs to another model.",
    ),
    code(
        "E424",
        "head-missing",
        "config.json says that there is a head, and there is none",
        "The config.json of the child names a class that predicts tokens and says that its head is "
        "not tied to the embedding, but no tensor is the head. Loaders would fill it with random "
        "numbers. Either the head is tied and the config should say so, or a file of the source is "
        "missing.",
    ),
    code(
        "E425",
        "tied-head-differs",
        "a head that should be the embedding is another tensor",
        "The config.json of a source says that its head is tied to the embedding, and its files "
        "hold a head with other values. Loaders disagree about which of the two they use, and so "
        "it is unknown what the model is. The run compares them before it merges anything. Say in "
        "config.json which it is, or remove the tensor.",
    ),
)
