"""Every code mergec can print: number, slug, exit status, one line, and its explanation.

A code is stable: it may be retired, but never means something else. The page that
`mergec explain CODE` prints is made from this table and from `specs/invalid/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the table. `exit` is the process status (0 for warnings)."""

    id: str
    slug: str
    exit: int
    summary: str
    explanation: str


# The exit status of a family; a row may name its own. See docs/exit-codes.md.
_FAMILY_EXIT = {"E1": 3, "E2": 3, "E3": 3, "E4": 5, "E5": 5, "E6": 6, "E7": 4, "E8": 8}


def _code(id: str, slug: str, summary: str, explanation: str = "", exit: int | None = None) -> Code:
    status = 0 if id.startswith("W") else exit if exit is not None else _FAMILY_EXIT[id[:2]]
    return Code(id, slug, status, summary, explanation)


_TABLE = (
    # E1 syntax
    _code(
        "E101",
        "unexpected-token",
        "the text does not continue a statement",
        "A statement is a binding, `name = expression`, or begins with `export`, `param`, "
        "`def`, `use` or `require`; it begins in column 1. Something stands where it "
        "cannot go on: often a comma is missing, a pipe does not go into a call, or a "
        "line that should begin a statement is indented. The label says what may stand "
        "there. The other statements of the spec are checked all the same.",
    ),
    _code(
        "E102",
        "unclosed-bracket",
        "a bracket is opened and never closed",
        "Inside brackets a statement goes on over as many lines as it needs, until a line "
        "begins with a keyword or with a name before `=` in column 1. When that happens "
        "while a bracket is open, its closing bracket was forgotten, or the lines inside "
        "it are not indented. Write the bracket that is missing, or indent the lines.",
    ),
    _code(
        "E103",
        "unterminated-string",
        "a string is not closed on its line",
        "A string begins and ends with a double quote on one line. Close it where it "
        'should end. Inside a string write a quote as `\\"`, a backslash as `\\\\`, and a '
        "new line as `\\n`.",
    ),
    _code(
        "E104",
        "bad-number",
        "a number is not written as mergec writes numbers",
        "Numbers are exact decimals such as `3`, `0.3` or `1e-3`, of at most 40 digits, "
        "with a digit on both sides of the point and no letter behind. Sizes end in KB, "
        "MB, GB or TB (powers of 1000) or KiB, MiB, GiB or TiB (powers of 1024) and are "
        "whole numbers of bytes. There is no infinity and no NaN.",
    ),
    _code(
        "E105",
        "bad-character",
        "a character that a spec may not hold",
        "Names and numbers are written in ASCII; other characters belong in strings and "
        "comments. Control characters and those that change the direction of text are "
        "refused even there, because with them a reader sees another spec than the one "
        "that is compiled. Remove the character; for one that is misunderstood, the help "
        "names the sign that mergec uses instead.",
    ),
    _code(
        "E106",
        "not-utf8",
        "the spec is not UTF-8 text",
        "Specs are UTF-8 text, so that they mean the same on every machine. The message "
        "gives the first byte that is not UTF-8, or the encoding that the file has "
        "instead. Save the file again as UTF-8.",
    ),
    _code(
        "E107",
        "spec-too-large",
        "the spec exceeds a size limit",
        "A spec holds at most 1 MiB of text, 100 000 words and signs, strings of 64 KiB "
        "and names of 256 letters. No spec that people wrote comes near; a larger file is "
        "most likely not a spec. Check that the file is the one you mean.",
    ),
    _code(
        "E108",
        "nested-too-deep",
        "brackets or operators are nested too deep",
        "At most 64 brackets may be open at one place, and an expression is at most 200 "
        "operators and calls deep; a sum of 200 terms is such an expression. These limits "
        "keep the checker quick and safe on any input. Bind parts of the expression to "
        "names, or write a long sum as one call of `linear` with weights.",
    ),
    _code(
        "E109",
        "empty-spec",
        "the spec holds no statement",
        "The spec has only comments, or nothing at all, so there is no model to write. "
        "Bind at least one expression to a name; the only model that nothing else uses is "
        "what gets exported.",
    ),
    _code(
        "E110",
        "unknown-edition",
        "the edition is not one this mergec knows",
        "The first line of a spec may name the edition of the language that it is written "
        "in, as in `mergec 1`. Meanings and defaults never change within an edition, so a "
        "newer edition needs a newer mergec. Without the line a spec is edition 1, for "
        "ever.",
    ),
    _code(
        "E112",
        "operand-after-keyword",
        "an operand stands after a keyword parameter or `;`",
        "A call lists its operands first and its keyword parameters after them, split by "
        "`,` or `;`. After a `;` only keywords may follow, so that a forgotten name is "
        "not taken for one more operand. Move the operand before the keywords, or give it "
        "the name of its parameter.",
    ),
    _code(
        "E113",
        "misplaced-spread",
        "`*` stands where no operand can be spread",
        "`*rest` passes on the operands that a macro collected. It stands last among the "
        "operands of a call, once, and names the macro's rest argument, alone or inside "
        "an expression that is repeated for each, as in `*(rest - base)`. Outside macros "
        "nothing is collected, so operands are listed one by one.",
    ),
    # E2 names and parameters
    _code(
        "E201",
        "unknown-name",
        "a name that no binding defines",
        "A name is bound once, with `name = ...`, in a line above the one that uses it. "
        "This one is misspelt, is bound further down, or was never bound. The help names "
        "the nearest name that exists.",
    ),
    _code(
        "E202",
        "unknown-operator",
        "a call of an operator that does not exist",
        "Only macros, operators and forms such as `model` and `ramp` can be called, and "
        "this is none of them. The help names the nearest one. `mergec ops` lists all "
        "operators, and `mergec explain NAME` describes one.",
    ),
    _code(
        "E203",
        "parameter-out-of-range",
        "a parameter's value is outside its range",
        "Every parameter states the values it takes: a density lies above 0 and is at "
        "most 1, a position lies between 0 and 1. The value in the spec is outside. Note "
        "that density is the share that is kept, where some tools count the share that is "
        "dropped.",
    ),
    _code(
        "E204",
        "unknown-parameter",
        "a parameter the operator does not have",
        "The operator has no parameter of this name. Parameters have the same name in all "
        "operators: `density`, `weights`, `scale`, `t`, `seed`; names from other tools "
        "are not accepted as a second spelling. The help names the nearest one or the one "
        "that is meant.",
    ),
    _code(
        "E205",
        "missing-parameter",
        "a parameter without default is not given",
        "This parameter has no default, because no value is right for most merges. Write "
        "it as a keyword in the call. `mergec explain` of the operator says what it does "
        "and which values it takes.",
    ),
    _code(
        "E206",
        "parameter-type",
        "a parameter's value is of the wrong kind",
        "The value is of another kind than the parameter takes, such as text for a "
        "number, a list for a single value, or a word that is none of its choices. The "
        "message says what is expected. `mergec explain` of the operator shows all its "
        "parameters.",
    ),
    _code(
        "E207",
        "duplicate-parameter",
        "a parameter is given twice",
        "A parameter or setting may stand once in a call; which of two values holds would "
        "be a guess. Remove one of them.",
    ),
    _code(
        "E208",
        "duplicate-name",
        "a name is bound twice",
        "A name stands for one thing in the whole spec, so that a reader need not look "
        "for the last line that changed it. Choose another name for the second binding, "
        "and check which of the two is meant where the name is used.",
    ),
    _code(
        "E209",
        "operand-count",
        "an operator has too few or too many operands",
        "Each operator states how many operands it takes. Some take a base first and "
        "models or deltas after it, others exactly two models. `mergec explain` of the "
        "operator shows its signature.",
    ),
    _code(
        "E210",
        "unknown-setting",
        "an export setting that does not exist",
        "An export has the settings `dtype`, the storage type of the weights, `shard`, "
        "the largest size of one file, `tokenizer`, the source whose tokenizer is copied, "
        "and `name`. Other words are not ignored, because a misspelt setting would change "
        "the result without a word.",
    ),
    _code(
        "E211",
        "zero-weights",
        "weights to be normalised sum to zero",
        "The weights are divided by their sum, and their sum is zero. Change a weight, or "
        "write `normalize=false` if a combination of mass zero is what you want.",
    ),
    _code(
        "E212",
        "list-length",
        "a list does not have one value for each operand",
        "A list gives one value to each operand it belongs to, in their order; a base "
        "does not count, for it has no delta of its own. Write a value for every one, or "
        "a single number for all.",
    ),
    _code(
        "E213",
        "no-single-export",
        "no binding, or more than one, could be the exported model",
        "Without an `export`, mergec writes the one model that no other binding uses. "
        "Here there is none or more than one, and a guess might write the wrong child. "
        "Add the `export` line that the help shows.",
    ),
    _code(
        "E214",
        "bad-export-name",
        "an export's name is not one path component, or is used twice",
        "The name of an export becomes the name of a folder, so it is one component of a "
        "path: not empty, without `/`, and not `.` or `..`. Two exports of one name would "
        "overwrite each other.",
    ),
    _code(
        "E215",
        "duplicate-label",
        "two sources have one label",
        "The label of a source decides which entries a random operator keeps, and it "
        "names the source in reports. Two sources of one label would draw the same random "
        "numbers and could not be told apart. Give one of them another label with `id=`.",
    ),
    _code(
        "E216",
        "conflicting-parameters",
        "two parameters contradict each other",
        "Each of the two parameters is legal, but together they ask for opposite things, "
        "so one of them would have no effect. Remove the one that you do not mean.",
    ),
    _code(
        "E217",
        "layer-range",
        "a layer range that is empty, reversed or no range of whole numbers",
        "A range `a..b` counts layers from 0 and ends before `b`, so `0..24` are 24 "
        "layers and `24..24` are none. An empty or reversed range is a slip of the pen "
        "and never what is meant; a merge of no layers would be written without a word "
        "elsewhere.",
    ),
    _code(
        "E218",
        "unknown-selector",
        "a selector that is no role",
        "A selector is one of the roles `embed`, `attn`, `mlp`, `norm`, `head`, `router`, "
        "`expert`, `vision`, `bias`, a range `layers(a..b)`, or a pattern for tensor "
        "names in quotes; `&`, `|`, `!` and brackets combine them. What is a role follows "
        "from the architecture, so `attn` means the same in every family.",
    ),
    _code(
        "E219",
        "recursive-macro",
        "a macro that calls itself, directly or through others",
        "Macros are written out in full when a spec is compiled, so one that calls itself "
        "would never end. The message shows the way from the macro back to it.",
    ),
    _code(
        "E220",
        "import-cycle",
        "specs that use each other in a circle",
        "A spec that is used is compiled before the one that uses it, so a circle has no "
        "first one. The message shows the circle. Move what both need into a third spec.",
    ),
    _code(
        "E221",
        "unbound-parameter",
        "a parameter of the spec has no value",
        "A `param` without a default gets its value when the spec is compiled: by `--set "
        "name=value` or from the file named by `--params`. A `model` parameter is bound "
        "to a path or a reference.",
    ),
    _code(
        "E222",
        "unknown-parameter-name",
        "a value is given for a parameter that the spec does not have",
        "What `--set` or a parameter file names must be declared by a `param` of the "
        "spec; a misspelt name would otherwise change nothing without a word. A parameter "
        "of a spec that is used goes by both names, as in `common.share`.",
    ),
    _code(
        "E223",
        "library-seed",
        "a library sets a seed",
        "The seed of random operators belongs to the spec that is run, so that one line "
        "decides all masks. A spec that is used by another takes the seed as a parameter "
        "of its macros and passes it on.",
    ),
    _code(
        "E224",
        "units-text",
        "the text that says which axes are reordered together cannot be read",
        "`weight_match` reorders neurons and heads, which lie along axes of several tensors. "
        "`units` lists these axes as `NAME[AXIS]`, with `,` between those of one group and `;` "
        "between groups. Names of one group have the same number of `#`, so that it is known "
        "which of them belong together.",
    ),
    # E3 types and mass
    _code(
        "E301",
        "mass",
        "an expression is neither a model (mass 1) nor a delta (mass 0)",
        "Every expression has a mass: a source has 1, a difference of two sources has 0, "
        "and sums and multiples follow. A model has mass 1 and a delta has mass 0; other "
        "weights would scale the whole network. For an average use weights that sum to 1; "
        "to add skills to a base, add deltas.",
    ),
    _code(
        "E302",
        "model-or-delta",
        "a model stands where a delta is needed, or the reverse",
        "A model is a point and a delta is a step from one point to another; some "
        "operators take the one, some the other. To get a delta from a model subtract its "
        "base, as in `code - base`. To get a model from a delta add it to a base.",
    ),
    _code(
        "E303",
        "pipe-into-base",
        "`|>` would make its left side the base of an operator",
        "`x |> f(y)` means `f(x, y)`, and the first operand of `f` is its base: the model "
        "that all others are compared with. A pipe reads as if `x` were one operand among "
        "equals, so this is refused. Write the call out, with the base first.",
    ),
    _code(
        "E304",
        "foreign-delta",
        "a delta of one base meets the deltas of another",
        "A consensus operator compares deltas entry by entry, and that is meaningful only "
        "if all were taken from one base. One of these deltas was taken from another. "
        "Take it from the operator's base, or apply it in a second step.",
    ),
    _code(
        "E305",
        "not-a-number",
        "an expression of the wrong kind in arithmetic",
        "Arithmetic combines models and deltas by `+` and `-`, and scales them by numbers "
        "with `*` and `/`. Lists, text, sizes and truth values take no part in it, and "
        "two models cannot be multiplied.",
    ),
    _code(
        "E306",
        "masses-differ",
        "operands that must all be models or all be deltas are mixed",
        "This operator mixes its operands as equals, so all must be models or all must be "
        "deltas. A mixture has no meaning as a point or as a step. Subtract the base from "
        "the models, or add it to the deltas.",
    ),
    _code(
        "E307",
        "division-by-zero",
        "a division by zero",
        "A division by zero has no value. Numbers are exact in mergec, so this divisor is "
        "zero and not merely small.",
    ),
    _code(
        "E308",
        "export-kind",
        "`export` of a delta, or `export delta` of a model",
        "`export` writes a model, and `export delta` writes a delta, marked so that no "
        "tool loads it as a model. The word decides nothing about the value, it states "
        "what you expect; the two disagree here.",
    ),
    _code(
        "E309",
        "misplaced-condition",
        "a condition stands where a value is needed, or the reverse",
        "Comparisons, `and`, `or` and `not` stand in `require`, and what `require` gets "
        "is a condition. A spec has no other place where a decision is taken: what is "
        "merged does not depend on what is found.",
    ),
    _code(
        "E310",
        "misplaced-statistic",
        "a statistic or fact stands outside `require`",
        "`norm`, `cosine`, `sparsity`, `finite` and `sign_conflict` are known when a run "
        "has seen all weights, `license`, `params`, `tokenizer`, `dtype` and "
        "`layer_count` when sources were opened. They are for contracts; no merge depends "
        "on them.",
    ),
    # E4 shapes, dtypes and architecture
    _code(
        "E401",
        "missing-tensors",
        "a source lacks tensors that the output needs",
        "The child has the tensors of its base, or of the first operand, and every other "
        "source must supply each of them. A source that lacks some is of another "
        "architecture, or was saved without them. Nothing is filled in silently.",
    ),
    _code(
        "E402",
        "shape-mismatch",
        "a tensor has different shapes in two sources",
        "Tensors are combined entry by entry, so their shapes must be equal; they are "
        "never broadcast, cropped or transposed. Different vocabularies or layer sizes "
        "are the usual reason. The message names the first tensor and the axis in which "
        "they differ.",
    ),
    _code(
        "E403",
        "dtype-unsupported",
        "arithmetic on a storage dtype that mergec cannot compute with",
        "These weights are stored in a form that has no arithmetic here, such as 8-bit "
        "floats with scales kept elsewhere, or the export asks for such a form. Convert "
        "the source to bf16, f16 or f32 first, or choose such a dtype for the export.",
    ),
    _code(
        "E404",
        "ambiguous-prefix",
        "tensor names differ by a prefix in more than one possible way",
        "Checkpoints of one model may differ by a prefix in front of all tensor names, "
        "and mergec maps it when that can be done in one way. Here there is more than one "
        "way, and a wrong one would mix tensors that do not belong together. Rename the "
        "tensors in one source.",
    ),
    _code(
        "E405",
        "tied-embeddings",
        "stacked parts are tied to different embeddings",
        "The first part gives the embeddings and the last part the head. Where the head "
        "is tied to the embeddings, one tensor would have to be both. Take both parts "
        "from one model, or write `stack(..., untie=true)`: the output then has a head of "
        "its own.",
    ),
    _code(
        "E406",
        "buffers-differ",
        "an integer tensor differs between sources",
        "Integer tensors hold positions or counts, which cannot be averaged. They are "
        "copied, and so must be of one dtype and equal in all sources. Sources that "
        "differ here are usually of different architectures.",
    ),
    _code(
        "E407",
        "no-such-layers",
        "a layer range goes beyond the layers that there are",
        "Layers are counted from 0, and the range ends after the last one. Layers that do "
        "not exist cannot be kept, and leaving them out without a word would make a "
        "smaller model than the spec says.",
    ),
    _code(
        "E408",
        "no-layers",
        "a value has no single stack of numbered layers",
        "Slices and stacks need one sequence of numbered layers, as decoders have. This "
        "value has none, or several of equal rank, such as an encoder and a decoder.",
    ),
    _code(
        "E409",
        "uncovered-tensor",
        "no arm of a `match` fits a tensor",
        "Every tensor of the value that a `match` is applied to needs an arm, and for "
        "this one none fits. Add an arm for it, or `else`.",
    ),
    _code(
        "E410",
        "bad-rename",
        "a renaming is not one-to-one or matches nothing",
        "Each rule of a `rename` must match a tensor, and no two tensors may end up with "
        "one name: one of them would be lost without a word. A pattern fits a whole name "
        "and holds at most one `*`, on both sides, for the part that stays. New names are "
        "such as a safetensors file can hold.",
    ),
    _code(
        "E411",
        "empty-selection",
        "a selection that keeps no tensor",
        "The selector fits no tensor of the value, so nothing would be left. Often a name "
        "is misspelt, or a role does not exist in this architecture.",
    ),
    _code(
        "E412",
        "config-layers",
        "config.json does not say how many layers there are",
        "A child with another number of layers needs a config.json that says so, and in "
        "this one none of the usual keys holds the number of layers of the source. It "
        "would load as another network than was written.",
    ),
    _code(
        "E413",
        "missing-statistics",
        "a tensor has no statistic that its merge needs",
        "Operators such as `fisher` and `regmean` weigh each operand by a statistic, a tensor of "
        "the same name in another file. Here that file lacks it, or only some operands have "
        "one, and a weight cannot be compared with none. Compute what is missing, or merge such "
        "tensors by an operator without statistics in an arm of a `match`.",
    ),
    _code(
        "E414",
        "no-units",
        "no tensor carries a group of units",
        "What `weight_match` may reorder is said by `units`, or by the description of the "
        "architecture where `units` is not given. Here a name in it fits no tensor, or the "
        "architecture is one that no description names. An order that is put into some tensors "
        "of a group and not into all would give another network.",
    ),
    _code(
        "E415",
        "units-differ",
        "the axes of one group of units do not fit together",
        "All axes of a group are put in one order, so that they must have the same number of "
        "units, and an axis with units of equal width must be a multiple of their number. An "
        "axis belongs to one group, and a group has one axis of a tensor.",
    ),
    # E5 contracts, tokenizer and licence
    _code(
        "E501",
        "contract-broken",
        "a contract of the spec does not hold",
        "`require` states what must be true of the sources or of the plan, and it is not. "
        "Nothing was read but headers and small files, and nothing was written.",
    ),
    # E6 plan and resources
    _code(
        "E601",
        "memory-budget",
        "the plan does not fit the memory budget",
        "The plan streams weights in blocks, so its memory does not grow with the models; "
        "but some operators need a tensor at once, and the limit given is below what one "
        "thread with the smallest blocks needs. Allow more memory with `--memory`.",
    ),
    _code(
        "E602",
        "disk-space",
        "the output does not fit the free disk space",
        "The size of the output is known from the plan, and the disk has less space or "
        "fewer inodes free than that. Nothing was written. Free some space, or write to "
        "another disk.",
    ),
    _code(
        "E603",
        "backend-missing",
        "the backend or device asked for is not available",
        "Backends other than the reference need packages that are not installed with "
        "mergec itself, and devices need hardware. Install the extra that the help names, "
        "or choose another backend with `--backend`.",
    ),
    _code(
        "E604",
        "plan-file",
        "a file is not a plan this mergec can read",
        "The file is not a plan, or it was made by a version of mergec whose plans this "
        "one cannot read. Plans are made by `mergec plan SPEC -o PLAN.json` and not "
        "edited by hand.",
    ),
    _code(
        "E605",
        "self-test",
        "this machine's arithmetic breaks the numeric contract",
        "Before the first run mergec checks that this machine rounds as the numeric "
        "contract asks, for instance that it keeps very small numbers and does not fuse "
        "operations. This one does not, so its results would differ from those of other "
        "machines. Use another backend or another build of it.",
        exit=13,
    ),
    _code(
        "E606",
        "plugin-unloadable",
        "a plugin cannot be loaded",
        "A plugin is a Python file that mergec runs because `--plugin` names it, or a module of "
        "an installed distribution. This one is not there, is not Python, or raised an "
        "exception while it was loaded; the message repeats the exception. Installed plugins "
        "are left alone with `--no-plugins`.",
    ),
    _code(
        "E607",
        "plugin-interface",
        "a plugin does not keep to the plugin interface",
        "An operator of a plugin is declared with `@operator(...)`, has a name that nothing "
        "else has, and a kernel that is straight-line code over the functions of the interface. "
        "mergec calls the kernel with arrays that only record what is computed, so it can "
        "neither look at an element nor decide by one. `docs/your-own-operator.md` has the "
        "whole interface and an example.",
    ),
    # E7 sources and files
    _code(
        "E701",
        "source-missing",
        "a source does not exist",
        "Nothing exists at this path. References that begin with `./` or `../` are "
        "relative to the folder of the spec, and paths on the command line to the current "
        "one. Check the spelling; the help names a neighbour that looks alike.",
    ),
    _code(
        "E702",
        "not-regular",
        "a source is not a regular file or a folder",
        "A source is a safetensors file or a folder that holds one, and a spec is a file. "
        "Here stands something else, such as a device or a pipe. It is not opened, "
        "because reading it might never end.",
    ),
    _code(
        "E703",
        "truncated",
        "a safetensors file is shorter than its header says",
        "The header says how long the file must be, and it is shorter: a download was cut "
        "off, or a copy is still under way. Fetch the file again and compare its size or "
        "its hash with the original.",
    ),
    _code(
        "E704",
        "wrong-format",
        "a file is not safetensors but something else",
        "The name says safetensors, but the bytes are those of something else; the "
        "message says of what. A web page in place of weights is often an error page that "
        "was saved by a download. Fetch the file again, or convert it.",
    ),
    _code(
        "E705",
        "lfs-pointer",
        "a Git LFS pointer stands where the weights should be",
        "The repository was cloned without its large files, so a small text stands where "
        "the weights should be. Run `git lfs pull` in the folder of the source.",
    ),
    _code(
        "E706",
        "pickle",
        "a checkpoint in a pickle format, which mergec never opens",
        "Loading a pickle runs code that its author chose, so mergec never opens one. "
        "Convert the checkpoint to safetensors in a place where you trust that code, and "
        "name the result.",
        exit=12,
    ),
    _code(
        "E707",
        "bad-header",
        "a safetensors header breaks the format",
        "A safetensors file begins with the length of its header and the header as JSON, "
        "which must follow the format to the letter. Readers that are lenient here "
        "disagree about what a file holds. Write the file again with the safetensors "
        "library.",
    ),
    _code(
        "E708",
        "header-limit",
        "a safetensors header exceeds a limit",
        "A header is limited in size, in its number of tensors, and in the length of "
        "their names. Real checkpoints stay far below these limits, which keep a hostile "
        "file from filling the memory. Check where the file comes from.",
    ),
    _code(
        "E709",
        "duplicate-key",
        "a key stands twice in a header or a JSON file",
        "Of two values for one key some readers take the first and others the last, so "
        "such a file means different things to different programs. Write the file again "
        "so that each key stands once.",
    ),
    _code(
        "E710",
        "bad-index",
        "a shard index is not well-formed or contradicts its shards",
        "The index of a sharded checkpoint says which file holds each tensor. It is not "
        "the JSON it should be, or it and the shards disagree. Fetch the index again "
        "together with its shards.",
    ),
    _code(
        "E711",
        "shard-missing",
        "the index names a shard that does not exist",
        "Part of a sharded checkpoint is missing, so some tensors are nowhere. The "
        "message lists what is missing. A download that was interrupted is the usual "
        "reason; fetch the files again.",
    ),
    _code(
        "E712",
        "shard-path",
        "the index names a path outside the checkpoint",
        "Shards lie beside their index. This index names a path that leads elsewhere, and "
        "following it could read any file of this machine. Use a checkpoint from a place "
        "you trust, or write the index again with plain file names.",
        exit=12,
    ),
    _code(
        "E713",
        "bad-config",
        "config.json is not readable",
        "The file `config.json` describes the architecture and is copied to the child, so "
        "it must be well-formed JSON. Fetch it again, or repair it at the place that the "
        "message gives.",
    ),
    _code(
        "E714",
        "no-tensors",
        "a checkpoint without tensors",
        "There are no weights here to merge. The folder may be one above or below the one "
        "you mean, or the download brought only the small files.",
    ),
    _code(
        "E715",
        "cannot-open",
        "the system refused to open a file",
        "The file exists, but the system did not let mergec read it, for the reason "
        "given. Check its permissions, and those of the folders above it.",
        exit=8,
    ),
    _code(
        "E716",
        "reference",
        "a source reference that this mergec cannot resolve",
        "A reference that begins with `./`, `../`, `/` or `~` is a path, `org/name` or "
        "`org/name@revision` is a model on a hub, and `s3://`, `gs://`, `az://` or `https://` "
        "begin a place in a store. This is none of them. Copy the checkpoint to a folder, and "
        "name that.",
    ),
    _code(
        "E717",
        "ambiguous-files",
        "several safetensors files and no index",
        "The folder holds several safetensors files that could each be the checkpoint, "
        "and no index that joins them. Name the file you mean, or add the index.",
    ),
    _code(
        "E718",
        "bad-tensor-name",
        "a tensor name that mergec refuses",
        "Tensor names become keys and parts of messages, so empty names, very long ones "
        "and those with control characters are refused. Rename the tensor in the program "
        "that wrote the file.",
    ),
    _code(
        "E719",
        "bad-offsets",
        "tensor offsets overlap, leave holes or contradict the shape",
        "The header gives every tensor a stretch of the file that fits its shape and "
        "dtype, and the stretches must lie side by side without holes. Otherwise two "
        "programs could read different weights from one file. Write the file again with "
        "the safetensors library.",
    ),
    _code(
        "E720",
        "trailing-bytes",
        "a safetensors file goes on after its last tensor",
        "The file is longer than its tensors. The bytes behind the last one belong to "
        "nothing; they may be left over from a larger file, or hidden there. Write the "
        "file again with the safetensors library.",
    ),
    _code(
        "E721",
        "import-outside",
        "an import leaves the project",
        "`use` reads specs below the project's root: the nearest folder above the spec "
        "with `.git` or `mergec.toml`, else the spec's own folder. A spec that is checked "
        "out from elsewhere can so never read a file that is not part of it.",
        exit=12,
    ),
    _code(
        "E722",
        "hub-library",
        "a model on a hub is named, and the package that reads hubs is not installed",
        "Models on a hub are read through the package `huggingface_hub`, which is installed "
        "with the extra `hub` and not with mergec itself. Install it, or download the model "
        "and name its folder.",
    ),
    _code(
        "E723",
        "hub-model",
        "the hub has no such model, or does not show it to this account",
        "A hub does not say whether a model is missing or private, so that nobody learns of "
        "private models by asking. Check the spelling, and log in if the model is private.",
    ),
    _code(
        "E724",
        "hub-revision",
        "a model on a hub has no such revision",
        "The text behind the `@`, or in `rev`, names a branch, a tag or a commit. This model "
        "has none of that name; it may have been removed since the spec or the plan was "
        "written. Look at the history on the model's page, and name one that is there.",
    ),
    _code(
        "E725",
        "hub-access",
        "a model on a hub that this account may not read",
        "The model is gated: its files are given only to accounts that accepted its terms. "
        "Accept them on the model's page, and log in with `hf auth login`, or set `HF_TOKEN`.",
    ),
    _code(
        "E726",
        "hub-unreachable",
        "a hub that does not answer, or not completely",
        "The hub could not be reached, answered with an error, or the connection broke off, "
        "and trying again some times did not help. Nothing was published. Run again: files "
        "that are complete in the cache are not fetched again, and with `--offline` nothing "
        "else is read.",
    ),
    _code(
        "E727",
        "hub-offline",
        "a model on a hub is not in the cache, and mergec is offline",
        "With `--offline`, or with `HF_HUB_OFFLINE` set, models on a hub are read from the "
        "hub's cache alone. The files of this revision are not all there: headers too are "
        "read from whole files then. Run once while the hub can be reached.",
    ),
    _code(
        "E728",
        "hub-limit",
        "a model on a hub has more small files than mergec fetches",
        "To check and to plan, the configuration, the tokenizer and other small files of a "
        "model are fetched. Together they may have 512 MiB, which real models stay far below "
        "and which keeps somebody else's spec from filling the disk. Download the model "
        "where you trust it, and name its folder.",
    ),
    _code(
        "E740",
        "store-library",
        "a source is in an object store, and the package that reads stores is not installed",
        "Object stores and web servers are read through the package `obstore`, which is installed "
        "with the extra `cloud` and not with mergec itself. Install it, or copy the checkpoint "
        "here and name its folder.",
    ),
    _code(
        "E741",
        "store-reference",
        "a reference has the scheme of a store and cannot be a place in one",
        "Behind `s3://` and `gs://` stands a bucket, behind `az://` a container, behind `https://` "
        "a host, then the folder of a checkpoint or one `.safetensors` file. Names, passwords, "
        "keys and queries are refused, because references are printed and published; credentials "
        "belong in the variables of each cloud. `http://` would let anyone on the way change the "
        "weights; it is read from this machine alone, while `MERGEC_ALLOW_HTTP=1` is set.",
    ),
    _code(
        "E742",
        "store-access",
        "a store does not let these credentials read a source",
        "The store wants credentials and none are set, or those that are set do not suffice. They "
        "are taken from the variables that each cloud's own tools use; the help names them. To "
        "check and to plan, mergec lists the folder and reads objects; nothing else is asked for.",
    ),
    _code(
        "E743",
        "store-missing",
        "a bucket, folder or object of a store does not exist",
        "The store says that there is no such bucket or container, or it has no object under this "
        "path. A web server tells no names, so there `model.safetensors` or its index must be "
        "found. Correct the reference.",
    ),
    _code(
        "E744",
        "store-unreachable",
        "a store that does not answer, or not completely",
        "The store could not be reached, answered with an error, or the connection broke off, and "
        "trying again some times from where it ended did not help. Nothing was published. Run "
        "again when the store can be reached.",
    ),
    _code(
        "E745",
        "store-changed",
        "an object in a store changed while it was read",
        "Each object is pinned by its ETag when its header is read, and every later request asks "
        "for that state. The store has another one now, or none. What had been merged was thrown "
        "away, because half of it would have belonged to another model. Run again when nothing "
        "writes there.",
        exit=10,
    ),
    _code(
        "E746",
        "store-offline",
        "a source is in an object store, and mergec is offline",
        "With `--offline` nothing is asked of any server, and weights in stores are kept nowhere "
        "here. Copy the checkpoint to a folder, or run without the option.",
    ),
    _code(
        "E747",
        "store-limit",
        "a folder in a store holds more than mergec looks at",
        "Together the small files of a checkpoint may have 512 MiB, and a folder 100,000 objects. "
        "Real checkpoints stay far below, and the limits keep somebody else's spec from filling "
        "disk and memory. Name the folder of one checkpoint, or copy it here.",
    ),
    _code(
        "E748",
        "store-ranges",
        "a server does not send the bytes that it is asked for",
        "Headers and weights are read by ranges of bytes. This server ignores ranges, sends "
        "others than it was asked for, or compresses what it sends. Nothing of it was used. Name "
        "a server that knows ranges, or copy the checkpoint here.",
    ),
    _code(
        "E749",
        "hub-digest",
        "weights from a hub do not have the digest that it states",
        "Of each file of weights a hub states the SHA-256, and mergec takes that of the bytes that "
        "came. They differ, so a proxy, a mirror or a disk changed them on the way. What came was "
        "removed from the cache and nothing was published. Run again.",
        exit=10,
    ),
    # E8 run and integrity
    _code(
        "E801",
        "output-exists",
        "the output exists",
        "mergec never writes over anything, so that a finished checkpoint cannot be lost "
        "by repeating a command. Choose another name for the output, or move the old one "
        "away.",
        exit=7,
    ),
    _code(
        "E802",
        "output-overlaps",
        "the output is, holds or lies inside a source",
        "Sources are never written to. The output is the folder of a source, lies inside "
        "it or contains it, perhaps by way of a link. Choose a place outside every "
        "source.",
        exit=7,
    ),
    _code(
        "E803",
        "output-unwritable",
        "the output cannot be written there",
        "The system refused to write there, for the reason given. Check the permissions "
        "of the folder, and that the file system is not read-only. Sources and older "
        "outputs are untouched.",
        exit=8,
    ),
    _code(
        "E804",
        "disk-full",
        "the disk is full",
        "The disk became full during the run, perhaps because something else wrote to it "
        "too. Nothing stands at the target, and sources and older outputs are untouched. "
        "Free some space and run again.",
        exit=8,
    ),
    _code(
        "E805",
        "non-finite",
        "NaN or infinity in the weights of a source",
        "A source holds values that are not numbers. A merge would spread them over the "
        "whole child, which then answers nonsense, so the run stops. The source is most "
        "likely damaged: training diverged, or a conversion overflowed.",
        exit=9,
    ),
    _code(
        "E806",
        "overflow",
        "a result does not fit the output dtype",
        "A result is too large for the dtype it is written in and would become infinite; "
        "f16 ends at 65504. Export in bf16 or f32, or use smaller weights.",
        exit=9,
    ),
    _code(
        "E807",
        "source-changed",
        "a source changed after it was planned",
        "The plan was made from the headers and small files of the sources, and one of "
        "them is different now. The result would not be what was reviewed. Make the plan "
        "again when nothing else writes to the sources.",
        exit=10,
    ),
    _code(
        "E808",
        "antiparallel",
        "two tensors point in opposite directions",
        "Spherical interpolation follows the arc between two tensors, and opposite "
        "tensors are joined by every arc and by none in particular. Say what is meant "
        "with `antiparallel=lerp`, or leave out one of the models.",
        exit=9,
    ),
    _code(
        "E809",
        "read-failed",
        "reading a source failed",
        "The system could not read bytes that the file should have. The disk, the network "
        "file system or its connection is at fault. Nothing stands at the target; check "
        "the disk and run again.",
        exit=8,
    ),
    _code(
        "E810",
        "plan-differs",
        "the plan is not the one that was reviewed",
        "`mergec run PLAN.json` executes exactly what was reviewed, or refuses. The "
        "sources, the spec or the meaning of an operator changed since then, so the plan "
        "made now is another. Review the new plan and run that.",
        exit=10,
    ),
    _code(
        "E811",
        "not-a-result",
        "a folder is not a checkpoint that mergec wrote",
        "mergec verifies checkpoints that it wrote itself, by the lineage it left beside "
        "the weights. This folder has none, or the lineage is damaged. Name the folder "
        "that `mergec run -o` made.",
        exit=4,
    ),
    _code(
        "E812",
        "verification-failed",
        "a checkpoint is not what its lineage says",
        "The bytes of this checkpoint are not those that its lineage leads to. Weights "
        "were changed after the run, a disk or a copy damaged them, or they were computed "
        "elsewhere. Do not use it; run the spec again and compare.",
        exit=10,
    ),
    _code(
        "E813",
        "output-parent",
        "the output's parent folder does not exist",
        "The folder in which the output should stand does not exist. mergec makes the "
        "output itself but no folders above it, so that a misspelt path does not create a "
        "tree of them. Make the folder first.",
        exit=7,
    ),
    _code(
        "E814",
        "out-of-memory",
        "memory ran out",
        "The system had no more memory to give. Close other programs, or give mergec a "
        "limit that it plans for with `--memory`. Nothing stands at the target.",
        exit=6,
    ),
    _code(
        "E815",
        "not-durable",
        "the output is in place, but perhaps not yet safe on the disk",
        "The output was written, checked and put in place, but the system reported an "
        "error when it was asked to make the last step safe against a loss of power. The "
        "files are there now. Check the disk, then verify the output in full.",
    ),
    _code(
        "E816",
        "contract-broken-by-result",
        "a contract on statistics does not hold",
        "`require` states what must be true of the weights, and after all of them were "
        "seen it is not. The numbers stand in the message. Nothing was published.",
        exit=9,
    ),
    _code(
        "E817",
        "undefined-result",
        "an operator has no result for a tensor's values",
        "Some operators are undefined for some data: directions that cancel have no mean, a "
        "matrix of too low a rank has no inverse, and an iteration may not settle. The message "
        "names the tensor and the reason. mergec does not put a guess in its place: give the "
        "parameter that says what is meant, or merge this tensor by another operator in a `match`.",
        exit=9,
    ),
    _code(
        "E818",
        "plugin-failed",
        "the kernel of a plugin raised an exception",
        "mergec calls the kernel of a plugin's operator for the number of operands and the "
        "parameters of each call, and this call raised an exception, which the message repeats. "
        "The mistake is the plugin's: a kernel takes every value that its parameters' ranges "
        "allow. Correct the plugin, or write other values.",
        exit=6,
    ),
    _code(
        "E819",
        "plugin-result",
        "the kernel of a plugin does not return an array",
        "What a kernel returns is the tensor that is written: one array of the shape and dtype "
        "of its operands, computed from them. This one returned nothing, a number, a mask or "
        "something else. A mask becomes an array by `xp.where(mask, 1.0, 0.0)`.",
        exit=6,
    ),
    # E9 laws and tests
    _code(
        "E901",
        "law-broken",
        "an operator does not do what one of its laws claims",
        "Operators declare laws, and `mergec laws` searches for counterexamples: small tensors "
        "for which a law is false. It found one, made it as simple as it could, and printed it "
        "with the spec, the values and the command that comes to it again. Either the operator "
        "computes something else than it says on this backend, or the law claims too much.",
        exit=10,
    ),
    _code(
        "E902",
        "unknown-law",
        "there is no such operator, or no such law of it",
        "`mergec laws` takes names of operators, and by `--law` the name or the label of a law, "
        "as `mergec laws --list` prints them. Nothing of this name is there, so nothing was "
        "tried. An operator of a plugin is there only with that plugin.",
        exit=2,
    ),
    _code(
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
    # Warnings
    _code(
        "W101",
        "byte-order-mark",
        "the spec begins with a byte order mark",
        "The file begins with three bytes that mark it as UTF-8. mergec ignores them, "
        "other tools take them for part of the first word. Save the file without a byte "
        "order mark.",
    ),
    _code(
        "W201",
        "unused-binding",
        "a binding that nothing uses",
        "Nothing uses this binding and it is not what gets exported, so it has no effect "
        "on the result. Often a name further down is misspelt or a model was forgotten. "
        "Remove the binding, or use it.",
    ),
    _code(
        "W202",
        "arm-without-tensors",
        "an arm of a `match` fits no tensor",
        "No tensor of the value that the `match` is applied to fits this arm, so it has "
        "no effect. Often a pattern is misspelt, or the architecture has no tensors of "
        "that role.",
    ),
    _code(
        "W203",
        "shadowed-arm",
        "an arm of a `match` is shadowed by earlier ones",
        "The first arm that fits decides. Every tensor that fits this arm fits an earlier "
        "one, so it has no effect. Put the narrower arm first.",
    ),
    _code(
        "W204",
        "repeated-parent",
        "a model is given twice to one operator",
        "One model counts double here. That is legal, and a larger weight says the same "
        "more clearly; often another model was meant.",
    ),
    _code(
        "W205",
        "end-point",
        "a position at an end point",
        "At 0 and at 1 the result is one of the two operands, and the other is not even "
        "read. Often 0.5, or another operator, was meant.",
    ),
    _code(
        "W206",
        "large-sum",
        "many deltas are summed with large weights",
        "The weights of the deltas sum to far more than 1, so the result lies far beyond "
        "all parents. Task vectors that point the same way add up. Smaller weights, an "
        "average, or a consensus operator such as `ties` are the usual remedies.",
    ),
    _code(
        "W207",
        "unused-allow",
        "an `allow` that allows nothing",
        "No such warning is found in the statement below this comment, so the comment has "
        "no effect and hides the next one that comes. Remove it.",
    ),
    _code(
        "W208",
        "bad-allow",
        "an `allow` without a reason, or of something that cannot be allowed",
        "`# mergec: allow W203 because ...` names one or more warnings and says why they "
        "are fine. Errors cannot be allowed, and a reader of the spec needs the reason.",
    ),
    _code(
        "W209",
        "few-entries",
        "few entries are kept at random",
        "What a random mask keeps is divided by the density, so that the mean stays. The fewer it "
        "keeps the larger is the noise: at a density of 0.05 the variance of an entry is 19 times "
        "its square. Keep more, or keep the largest entries by `trim`, which draws nothing.",
    ),
    _code(
        "W210",
        "negative-weight",
        "an average with a negative weight",
        "An average lies between its operands only if all weights have one sign. With a negative "
        "weight an operand is taken away, and the result lies beyond the others. That is legal; "
        "to subtract a skill, subtract its task vector from a model.",
    ),
    _code(
        "W301",
        "foreign-point",
        "a delta is added to a model that is not its base",
        "A delta is a step from its base, and here it starts from another model. That is "
        "how a chat vector is moved from one model to another, so it is legal; but it "
        "works only between models that are close relatives. Check that both bases are "
        "the ones you mean.",
    ),
    _code(
        "W302",
        "equal-masks",
        "two random masks that meet are drawn alike",
        "A random mask follows from seed, role, nesting, labels of the sources, tensor name and "
        "index, and from nothing else. Two stages for which all these are equal drop the same "
        "entries, which is rarely meant where their results meet. `stream=` sets one apart; so "
        "does another seed.",
    ),
    _code(
        "W303",
        "outliers-kept",
        "`gamma` and `density` leave no room for each other",
        "`breadcrumbs` drops the share `gamma` of a task vector, its largest entries, and keeps "
        "the share `density` of those that follow. Together the two shares are more than all "
        "entries, so fewer outliers are dropped than `gamma` says. Make one of the two smaller.",
    ),
    _code(
        "W401",
        "other-config",
        "config.json describes other tensors than are written",
        "The names or the set of tensors were changed by `rename` or `select`, and "
        "config.json is copied from the model they came from. Check that a loader for "
        "that configuration finds what it needs.",
    ),
    _code(
        "W402",
        "left-out",
        "a `match` leaves out tensors that one of its arms would give",
        "A `match` of models has the tensors of its first arm. Another arm fits tensors "
        "that only its own value has, so they are in no output. Put the arm first whose "
        "value has all the tensors that the child should have.",
    ),
    _code(
        "W701",
        "index-total",
        "the index states a wrong total size",
        "The index states how many bytes all tensors have together, and the sum is "
        "another. mergec counts for itself, so the result is right, but an index that was "
        "edited by hand may be wrong elsewhere too.",
    ),
    _code(
        "W702",
        "header-padding",
        "a safetensors header is padded with other than spaces",
        "Headers are padded with spaces by the format; this one has other white space at "
        "its end. It is read all the same. The program that wrote it may have other "
        "peculiarities.",
    ),
    _code(
        "W703",
        "confusable-names",
        "two tensor names look alike and are not the same",
        "Two tensor names look the same when printed and differ in their characters, such "
        "as an accent that is one character in one and two in the other. They are taken "
        "for different tensors. Check that the file was written by one program.",
    ),
    _code(
        "W704",
        "hub-revision-moved",
        "a revision on a hub leads to another commit than when the plan was made",
        "A plan states the commit that a branch or tag led to, and a run of that plan reads "
        "that commit, wherever the branch or tag is by now. The result is the one that was "
        "reviewed. Make a new plan to merge what the model is now.",
    ),
    _code(
        "W705",
        "unrelated-parents",
        "two checkpoints that fit seem to have no common ancestor",
        "Names and shapes of the tensors are the same, and their values point in directions that "
        "have nothing in common, as those of networks that were trained apart do. Averages and "
        "task vectors of such networks are noise. Sampled rows of large matrices decide: the "
        "cosine between a model and its fine-tunes is near 1, and between strangers near 0. Merge "
        "models with a common ancestor, or align them first with `weight_match`.",
    ),
    _code(
        "W710",
        "store-unpinned",
        "a store does not tell states of an object apart",
        "mergec pins what it reads by the ETag of each object. This server states none, or a weak "
        "one, which may be the same for different bytes. Size and time of change are compared "
        "instead, and the header before the weights are read; what is written within one second "
        "could escape that.",
    ),
    _code(
        "W801",
        "several-means",
        "directions that no half-sphere holds",
        "The mean on the sphere is the only one where all operands point into one half-sphere. "
        "Where they do not, several directions may be nearest to all of them, each in its "
        "neighbourhood. `karcher` then takes the one near the average direction. Only tensors of "
        "fewer elements than there are operands can be so, or operands that depend on each other.",
    ),
)

CODES: Mapping[str, Code] = MappingProxyType({row.id: row for row in _TABLE})
