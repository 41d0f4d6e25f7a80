"""Codes of names and parameters."""

from mergec.diagnostics.codes.code import code

ROWS = (
    code(
        "E201",
        "unknown-name",
        "a name that no binding defines",
        "A name is bound once, with `name = ...`, in a line above the one that uses it. "
        "This one is misspelt, is bound further down, or was never bound. The help names "
        "the nearest name that exists.",
    ),
    code(
        "E202",
        "unknown-operator",
        "a call of an operator that does not exist",
        "Only macros, operators and forms such as `model` and `ramp` can be called, and "
        "this is none of them. The help names the nearest one. `mergec ops` lists all "
        "operators, and `mergec explain NAME` describes one.",
    ),
    code(
        "E203",
        "parameter-out-of-range",
        "a parameter's value is outside its range",
        "Every parameter states the values it takes: a density lies above 0 and is at "
        "most 1, a position lies between 0 and 1. The value in the spec is outside. Note "
        "that density is the share that is kept, where some tools count the share that is "
        "dropped.",
    ),
    code(
        "E204",
        "unknown-parameter",
        "a parameter the operator does not have",
        "The operator has no parameter of this name. Parameters have the same name in all "
        "operators: `density`, `weights`, `scale`, `t`, `seed`; names from other tools "
        "are not accepted as a second spelling. The help names the nearest one or the one "
        "that is meant.",
    ),
    code(
        "E205",
        "missing-parameter",
        "a parameter without default is not given",
        "This parameter has no default, because no value is right for most merges. Write "
        "it as a keyword in the call. `mergec explain` of the operator says what it does "
        "and which values it takes.",
    ),
    code(
        "E206",
        "parameter-type",
        "a parameter's value is of the wrong kind",
        "The value is of another kind than the parameter takes, such as text for a "
        "number, a list for a single value, or a word that is none of its choices. The "
        "message says what is expected. `mergec explain` of the operator shows all its "
        "parameters.",
    ),
    code(
        "E207",
        "duplicate-parameter",
        "a parameter is given twice",
        "A parameter or setting may stand once in a call; which of two values holds would "
        "be a guess. Remove one of them.",
    ),
    code(
        "E208",
        "duplicate-name",
        "a name is bound twice",
        "A name stands for one thing in the whole spec, so that a reader need not look "
        "for the last line that changed it. Choose another name for the second binding, "
        "and check which of the two is meant where the name is used.",
    ),
    code(
        "E209",
        "operand-count",
        "an operator has too few or too many operands",
        "Each operator states how many operands it takes. Some take a base first and "
        "models or deltas after it, others exactly two models. `mergec explain` of the "
        "operator shows its signature.",
    ),
    code(
        "E210",
        "unknown-setting",
        "an export setting that does not exist",
        "An export has the settings `dtype`, the storage type of the weights, `shard`, "
        "the largest size of one file, `name`, `nonfinite`, and about its vocabulary `tokenizer`, "
        "`pad_to_multiple_of` and `rows`. Other words are not ignored, because a misspelt "
        "setting would change the result without a word.",
    ),
    code(
        "E211",
        "zero-weights",
        "weights to be normalised sum to zero",
        "The weights are divided by their sum, and their sum is zero. Change a weight, or "
        "write `normalize=false` if a combination of mass zero is what you want.",
    ),
    code(
        "E212",
        "list-length",
        "a list does not have one value for each operand",
        "A list gives one value to each operand it belongs to, in their order; a base "
        "does not count, for it has no delta of its own. Write a value for every one, or "
        "a single number for all.",
    ),
    code(
        "E213",
        "no-single-export",
        "no binding, or more than one, could be the exported model",
        "Without an `export`, mergec writes the one model that no other binding uses. "
        "Here there is none or more than one, and a guess might write the wrong child. "
        "Add the `export` line that the help shows.",
    ),
    code(
        "E214",
        "bad-export-name",
        "an export's name is not one path component, or is used twice",
        "The name of an export becomes the name of a folder, so it is one component of a "
        "path: not empty, without `/`, and not `.` or `..`. Two exports of one name would "
        "overwrite each other.",
    ),
    code(
        "E215",
        "duplicate-label",
        "two sources have one label",
        "The label of a source decides which entries a random operator keeps, and it "
        "names the source in reports. Two sources of one label would draw the same random "
        "numbers and could not be told apart. Give one of them another label with `id=`.",
    ),
    code(
        "E216",
        "conflicting-parameters",
        "two parameters contradict each other",
        "Each of the two parameters is legal, but together they ask for opposite things, "
        "so one of them would have no effect. Remove the one that you do not mean.",
    ),
    code(
        "E217",
        "layer-range",
        "a layer range that is empty, reversed or no range of whole numbers",
        "A range `a..b` counts layers from 0 and ends before `b`, so `0..24` are 24 "
        "layers and `24..24` are none. An empty or reversed range is a slip of the pen "
        "and never what is meant; a merge of no layers would be written without a word "
        "elsewhere.",
    ),
    code(
        "E218",
        "unknown-selector",
        "a selector that is no role",
        "A selector is one of the roles `embed`, `attn`, `mlp`, `norm`, `head`, `router`, "
        "`expert`, `vision`, `bias`, a range `layers(a..b)`, or a pattern for tensor "
        "names in quotes; `&`, `|`, `!` and brackets combine them. What is a role follows "
        "from the architecture, so `attn` means the same in every family.",
    ),
    code(
        "E219",
        "recursive-macro",
        "a macro that calls itself, directly or through others",
        "Macros are written out in full when a spec is compiled, so one that calls itself "
        "would never end. The message shows the way from the macro back to it.",
    ),
    code(
        "E220",
        "import-cycle",
        "specs that use each other in a circle",
        "A spec that is used is compiled before the one that uses it, so a circle has no "
        "first one. The message shows the circle. Move what both need into a third spec.",
    ),
    code(
        "E221",
        "unbound-parameter",
        "a parameter of the spec has no value",
        "A `param` without a default gets its value when the spec is compiled: by `--set "
        "name=value` or from the file named by `--params`. A `model` parameter is bound "
        "to a path or a reference.",
    ),
    code(
        "E222",
        "unknown-parameter-name",
        "a value is given for a parameter that the spec does not have",
        "What `--set` or a parameter file names must be declared by a `param` of the "
        "spec; a misspelt name would otherwise change nothing without a word. A parameter "
        "of a spec that is used goes by both names, as in `common.share`.",
    ),
    code(
        "E223",
        "library-seed",
        "a library sets a seed",
        "The seed of random operators belongs to the spec that is run, so that one line "
        "decides all masks. A spec that is used by another takes the seed as a parameter "
        "of its macros and passes it on.",
    ),
    code(
        "E224",
        "units-text",
        "the text that says which axes are reordered together cannot be read",
        "`weight_match` reorders neurons and heads, which lie along axes of several tensors. "
        "`units` lists these axes as `NAME[AXIS]`, with `,` between those of one group and `;` "
        "between groups. Names of one group have the same number of `#`, so that it is known "
        "which of them belong together.",
    ),
)
