"""Codes of contracts, tokenizers and licences."""

from mergec.diagnostics.codes.code import code

ROWS = (
    code(
        "E501",
        "contract-broken",
        "a contract of the spec does not hold",
        "`require` states what must be true of the sources or of the plan, and it is not. "
        "Nothing was read but headers and small files, and nothing was written.",
    ),
    code(
        "E502",
        "vocabularies-differ",
        "embeddings are merged whose rows belong to different tokens",
        "A row of an embedding belongs to the token that has its index as id. Two models whose "
        "tokenizers give an id to different tokens cannot be merged row by row: the shapes "
        "fit, and the child talks nonsense. A `tokenizer` setting of the export has the rows "
        "found by token, and fills those that a parent lacks.",
    ),
    code(
        "E503",
        "token-beyond-rows",
        "a token's id is beyond the rows of the embedding",
        "The tokenizer beside the weights has a token whose id is not smaller than the number "
        "of rows of the embedding. Text with that token would read what is behind the table. "
        "The tokenizer may belong to other weights, or a token was added and the model was "
        "not resized.",
    ),
    code(
        "E504",
        "no-tokenizer",
        "a tokenizer is needed and there is none",
        "Rows are found by their tokens, so every model whose rows are merged needs a "
        "tokenizer: a tokenizer.json, vocab.json or vocab.txt beside its weights. A path in "
        "`tokenizer` names a folder with such files.",
    ),
    code(
        "E505",
        "tokenizer-unread",
        "a tokenizer cannot be read",
        "mergec reads tokenizers as plain data, within limits of size and depth, and runs "
        "nothing of them. Vocabularies in a format of their own, such as tokenizer.model of "
        "SentencePiece, are copied and not read. Loaded with transformers and saved "
        "again they get a tokenizer.json.",
    ),
    code(
        "E506",
        "token-twice",
        "a token has two ids, or an id two tokens",
        "The files of one tokenizer contradict each other. Which row belongs to the token, or "
        "which token to the row, would be a guess.",
    ),
    code(
        "E507",
        "no-union",
        "tokenizers have no union",
        "A union adds the pieces of one tokenizer to those of another. That works only where "
        "both take text apart in the same way first: one kind of model, one normaliser, one "
        "pre-tokeniser and decoder. Added tokens, which are found as they stand, can be "
        "united with any other.",
    ),
    code(
        "E508",
        "no-token-rows",
        "it is not known which tensors have a row for each token",
        "Embedding and head are known by the architecture that config.json names, or by the "
        "usual names. This source has no such tensor, or several with different numbers of "
        "rows.",
    ),
    code(
        "E509",
        "no-such-row",
        "`row(...)` names a token that is not there",
        "`row` says where the vector of one of the child's tokens comes from. The child must "
        "have the token, and the source that is named must have it too, or the token that "
        "`of` names.",
    ),
    code(
        "E513",
        "unknown-licence",
        "a contract names a licence that nobody knows",
        "A contract that compares `license(x)` with a misspelt identifier would never hold, or "
        "always. Write it as model cards do: SPDX's identifiers, in upper or lower case, such as "
        "`apache-2.0` and `cc-by-nc-4.0`, and the hub's names of terms for models, such as "
        "`llama3.1` and `gemma`. Terms that a card calls `other` and gives a name are "
        "`licenseref-` and that name.",
    ),
)
