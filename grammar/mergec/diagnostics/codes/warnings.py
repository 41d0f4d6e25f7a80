"""Codes of warnings, which become errors by `--deny`."""

from mergec.diagnostics.codes.code import code

ROWS = (
    code(
        "W101",
        "byte-order-mark",
        "the spec begins with a byte order mark",
        "The file begins with three bytes that mark it as UTF-8. mergec ignores them, "
        "other tools take them for part of the first word. Save the file without a byte "
        "order mark.",
    ),
    code(
        "W201",
        "unused-binding",
        "a binding that nothing uses",
        "Nothing uses this binding and it is not what gets exported, so it has no effect "
        "on the result. Often a name further down is misspelt or a model was forgotten. "
        "Remove the binding, or use it.",
    ),
    code(
        "W202",
        "arm-without-tensors",
        "an arm of a `match` fits no tensor",
        "No tensor of the value that the `match` is applied to fits this arm, so it has "
        "no effect. Often a pattern is misspelt, or the architecture has no tensors of "
        "that role.",
    ),
    code(
        "W203",
        "shadowed-arm",
        "an arm of a `match` is shadowed by earlier ones",
        "The first arm that fits decides. Every tensor that fits this arm fits an earlier "
        "one, so it has no effect. Put the narrower arm first.",
    ),
    code(
        "W204",
        "repeated-parent",
        "a model is given twice to one operator",
        "One model counts double here. That is legal, and a larger weight says the same "
        "more clearly; often another model was meant.",
    ),
    code(
        "W205",
        "end-point",
        "a position at an end point",
        "At 0 and at 1 the result is one of the two operands, and the other is not even "
        "read. Often 0.5, or another operator, was meant.",
    ),
    code(
        "W206",
        "large-sum",
        "many deltas are summed with large weights",
        "The weights of the deltas sum to far more than 1, so the result lies far beyond "
        "all parents. Task vectors that point the same way add up. Smaller weights, an "
        "average, or a consensus operator such as `ties` are the usual remedies.",
    ),
    code(
        "W207",
        "unused-allow",
        "an `allow` that allows nothing",
        "No such warning is found in the statement below this comment, so the comment has "
        "no effect and hides the next one that comes. Remove it.",
    ),
    code(
        "W208",
        "bad-allow",
        "an `allow` without a reason, or of something that cannot be allowed",
        "`# mergec: allow W203 because ...` names one or more warnings and says why they "
        "are fine. Errors cannot be allowed, and a reader of the spec needs the reason.",
    ),
    code(
        "W209",
        "few-entries",
        "few entries are kept at random",
        "What a random mask keeps is divided by the density, so that the mean stays. The fewer it "
        "keeps the larger is the noise: at a density of 0.05 the variance of an entry is 19 times "
        "its square. Keep more, or keep the largest entries by `trim`, which draws nothing.",
    ),
    code(
        "W210",
        "negative-weight",
        "an average with a negative weight",
        "An average lies between its operands only if all weights have one sign. With a negative "
        "weight an operand is taken away, and the result lies beyond the others. That is legal; "
        "to subtract a skill, subtract its task vector from a model.",
    ),
    code(
        "W301",
        "foreign-point",
        "a delta is added to a model that is not its base",
        "A delta is a step from its base, and here it starts from another model. That is "
        "how a chat vector is moved from one model to another, so it is legal; but it "
        "works only between models that are close relatives. Check that both bases are "
        "the ones you mean.",
    ),
    code(
        "W302",
        "equal-masks",
        "two random masks that meet are drawn alike",
        "A random mask follows from seed, role, nesting, labels of the sources, tensor name and "
        "index, and from nothing else. Two stages for which all these are equal drop the same "
        "entries, which is rarely meant where their results meet. `stream=` sets one apart; so "
        "does another seed.",
    ),
    code(
        "W303",
        "outliers-kept",
        "`gamma` and `density` leave no room for each other",
        "`breadcrumbs` drops the share `gamma` of a task vector, its largest entries, and keeps "
        "the share `density` of those that follow. Together the two shares are more than all "
        "entries, so fewer outliers are dropped than `gamma` says. Make one of the two smaller.",
    ),
    code(
        "W401",
        "other-config",
        "config.json describes other tensors than are written",
        "The names or the set of tensors were changed by `rename` or `select`, and "
        "config.json is copied from the model they came from. Check that a loader for "
        "that configuration finds what it needs.",
    ),
    code(
        "W402",
        "left-out",
        "a `match` leaves out tensors that one of its arms would give",
        "A `match` of models has the tensors of its first arm. Another arm fits tensors "
        "that only its own value has, so they are in no output. Put the arm first whose "
        "value has all the tensors that the child should have.",
    ),
    code(
        "W403",
        "adapter-other-base",
        "an adapter was trained on another model than it is added to",
        "An adapter says what its model was called where it was trained, and the model that it is "
        "added to says that it is another. Shapes may fit all the same, between relatives; the sum "
        "is then a step from a point where it was not learned. Check that the model is the one "
        "you mean.",
    ),
    code(
        "W404",
        "configuration-doubtful",
        "a setting differs that seldom merges well",
        "Two parents have tensors of the same names and shapes, and were trained with other "
        "settings: another base of the rotary positions, another epsilon or window. The child "
        "gets the settings of the first, so that what comes from the second is used in another way "
        "than it was trained for. How much that costs only a test of the child can say. The notes "
        "name each setting and what both say.",
    ),
    code(
        "W405",
        "stated-quantisation",
        "config.json speaks of quantised weights, and they are floats",
        "The config.json that the child gets has `quantization_config`, and its weights are plain "
        "floats. A loader would take them for codes, or quantise them again. Usually the model was "
        "loaded quantised and saved dequantised. Remove that member.",
    ),
    code(
        "W406",
        "custom-code",
        "config.json names Python code that belongs to the model",
        "`auto_map` in config.json names classes in Python files beside the weights. mergec never "
        "imports such code and copies no `.py` file, because whoever loads the child would run it. "
        "A loader that is told to trust the child looks for these files. Copy them yourself if you "
        "know what they do.",
    ),
    code(
        "W407",
        "tied-embedding-adapted",
        "an adapter changes an embedding that is the head of its model too",
        "In this model one tensor is embedding and head, and `export delta svd(...)` writes its "
        "factors. PEFT puts them beside the embedding: the head stays as it was, until the "
        "adapter is merged, which changes both. A model with the adapter is then not the one that "
        "was meant. Leave the embedding out of the delta, or export the model.",
    ),
    code(
        "W501",
        "tokens-of-one",
        "models are merged of which one has tokens that the other lacks",
        "All tokens that both have are at the same ids, and the embeddings have the same "
        "number of rows. Where one has a token the other has a row that was never "
        "trained, and the merge mixes the two.",
    ),
    code(
        "W502",
        "other-rules",
        "models of one vocabulary take text apart in different ways",
        "The tokens and their ids are the same, and the merges, the normaliser or another "
        "part of the tokenizers differ. The rows fit; but the models have seen other "
        "sequences of tokens for the same text.",
    ),
    code(
        "W503",
        "other-template",
        "models with different chat templates are merged",
        "The child gets the chat template of its base, or of the first operand, like the rest "
        "of the tokenizer. A base model often has none, so that the child of a chat model "
        "cannot chat. Say whose tokenizer it has, and nothing is warned of.",
    ),
    code(
        "W504",
        "token-lost",
        "the configuration names a token that the child lacks",
        "config.json or generation_config.json gives a special token by its id, and the "
        "tokenizer that the child is given does not have that token. The fact is left empty.",
    ),
    code(
        "W505",
        "not-compared",
        "a vocabulary was not compared",
        "Vocabularies of models whose embeddings are merged are compared, so that rows of "
        "different tokens are not mixed. The files of this one cannot be read, so it is for "
        "you to know that it is the same.",
    ),
    code(
        "W506",
        "licences-in-conflict",
        "licences of the parents exclude each other, or forbid a merge",
        "Two parents each ask that what is made of them be under their own licence alone, or one "
        "admits no further conditions and another has some, or one forbids changed copies. This "
        "is found by a table of well-known licences and is advice, not a judgement: read the "
        "licences, or ask the authors. Nothing is refused, and the child's card says it too.",
    ),
    code(
        "W507",
        "licence-not-known",
        "a parent states a licence that neither the hub nor SPDX knows",
        "The model card of a source, or its config.json, names a licence that is no identifier of "
        "the hub and none of SPDX. It is taken as it stands and nothing is concluded from it: "
        "what it may mean would be a guess. Correct the card, or read what its authors say.",
    ),
    code(
        "W508",
        "missing-tokenizer",
        "there is no tokenizer beside a model whose embedding is merged",
        "Rows of two embeddings are merged by their index, and only tokenizers tell whether both "
        "have the same token there. One of the models has none, so nothing was compared. If it "
        "was trained with the tokenizer of the other, put that beside its weights.",
    ),
    code(
        "W509",
        "tokens-without-rows",
        "a tokenizer has tokens for which its model has no rows",
        "The tokenizer beside a model gives ids that lie behind the last row of its embedding. "
        "The child has another model's tokenizer, so it may work; but these weights were not "
        "trained with this tokenizer, and their rows may be those of other tokens.",
    ),
    code(
        "W510",
        "other-special-tokens",
        "models that end a text by different tokens are merged",
        "tokenizer_config.json names tokens for special roles, such as the one that ends a text, "
        "and the models name different ones. The child gets those of its base, or of the first "
        "operand. It may then not stop where the other was trained to stop. Say whose tokenizer "
        "it has, and nothing is warned of.",
    ),
    code(
        "W512",
        "licences-contradict",
        "a model states one licence in one place and another in another",
        "The model card, config.json and the licence file of a source should say the same. Here "
        "two of them do not; of a file that means that it is, word for word, the text of another "
        "licence. The first of the three counts, and which of them is meant only the authors can "
        "say.",
    ),
    code(
        "W701",
        "index-total",
        "the index states a wrong total size",
        "The index states how many bytes all tensors have together, and the sum is "
        "another. mergec counts for itself, so the result is right, but an index that was "
        "edited by hand may be wrong elsewhere too.",
    ),
    code(
        "W702",
        "header-padding",
        "a safetensors header is padded with other than spaces",
        "Headers are padded with spaces by the format; this one has other white space at "
        "its end. It is read all the same. The program that wrote it may have other "
        "peculiarities.",
    ),
    code(
        "W703",
        "confusable-names",
        "two tensor names look alike and are not the same",
        "Two tensor names look the same when printed and differ in their characters, such "
        "as an accent that is one character in one and two in the other. They are taken "
        "for different tensors. Check that the file was written by one program.",
    ),
    code(
        "W704",
        "hub-revision-moved",
        "a revision on a hub leads to another commit than when it was planned or locked",
        "A plan and a lock state the commit that a branch or tag led to, and that commit is read, "
        "wherever the branch or tag is by now. The result is the one that was reviewed. Make a new "
        "plan, or move the lock with `mergec lock --upgrade`, to merge what the model is now.",
    ),
    code(
        "W705",
        "unrelated-parents",
        "two checkpoints that fit seem to have no common ancestor",
        "Names and shapes of the tensors are the same, and their values point in directions that "
        "have nothing in common, as those of networks that were trained apart do. Averages and "
        "task vectors of such networks are noise. Sampled rows of large matrices decide: the "
        "cosine between a model and its fine-tunes is near 1, and between strangers near 0. Merge "
        "models with a common ancestor, or align them first with `weight_match`.",
    ),
    code(
        "W707",
        "link-outside",
        "a small file is a link that leads out of the checkpoint's folder",
        "Tokenizer files, licences and other small files of the base are copied into the child. "
        "This one is a link to a place outside the folder, and a folder that was made elsewhere "
        "may hold links to files that are nobody's business. So it is not copied. Links into the "
        "cache of a hub, where a model's files are kept, are followed. Put the file itself there "
        "if it belongs to the model.",
    ),
    code(
        "W710",
        "store-unpinned",
        "a store does not tell states of an object apart",
        "mergec pins what it reads by the ETag of each object. This server states none, or a weak "
        "one, which may be the same for different bytes. Size and time of change are compared "
        "instead, and the header before the weights are read; what is written within one second "
        "could escape that.",
    ),
    code(
        "W801",
        "several-means",
        "directions that no half-sphere holds",
        "The mean on the sphere is the only one where all operands point into one half-sphere. "
        "Where they do not, several directions may be nearest to all of them, each in its "
        "neighbourhood. `karcher` then takes the one near the average direction. Only tensors of "
        "fewer elements than there are operands can be so, or operands that depend on each other.",
    ),
    code(
        "W803",
        "lineage-left-out",
        "the lineage of a parent does not stand in that of its child",
        "The lineage of a child holds those of its parents that were merged themselves. Here one "
        "could not be read, because it was damaged or is none that mergec wrote, or there are more "
        "ancestors than there is room for. The child's lineage says which are left out. The child "
        "itself is whole; keep the `lineage.json` of its parents.",
    ),
    code(
        "W804",
        "not-finite-in-source",
        "NaN or infinities in a source that are copied, or that the spec says what to do about",
        "A source has elements that are NaN or infinite, and `nonfinite = propagate` or "
        "`nonfinite = base` allows them, or they are in tensors that are copied. The note says "
        "what became of them; `mergec run --report` counts them for each tensor, and lineage has "
        "the same counts. Training or conversion went wrong somewhere: repair the source if you "
        "can.",
    ),
    code(
        "W805",
        "too-small-to-store",
        "many values of a tensor are too small for its dtype",
        "More than a tenth of the tensor's values are not zero, and are stored as zero or below "
        "the least normal number of the dtype, where digits are lost. That is 6.1e-5 in f16. "
        "Export `bf16` or `f32`, which have room for smaller numbers.",
    ),
    code(
        "W851",
        "resumed-in-part",
        "tensors of an interrupted run were not on the disk as it wrote them",
        "A run that goes on hashes again what the one before claims to have finished. Some tensors "
        "had other bytes than were written, and were computed again, so the result is whole. After "
        "a power failure that is how it should be where `--no-sync` was given; otherwise the disk "
        "or the memory of the machine lost something.",
    ),
)
