"""Codes of syntax."""

from mergec.diagnostics.codes.code import code

ROWS = (
    code(
        "E101",
        "unexpected-token",
        "the text does not continue a statement",
        "A statement is a binding, `name = expression`, or begins with `export`, `param`, "
        "`def`, `use` or `require`; it begins in column 1. Something stands where it "
        "cannot go on: often a comma is missing, a pipe does not go into a call, or a "
        "line that should begin a statement is indented. The label says what may stand "
        "there. The other statements of the spec are checked all the same.",
    ),
    code(
        "E102",
        "unclosed-bracket",
        "a bracket is opened and never closed",
        "Inside brackets a statement goes on over as many lines as it needs, until a line "
        "begins with a keyword or with a name before `=` in column 1. When that happens "
        "while a bracket is open, its closing bracket was forgotten, or the lines inside "
        "it are not indented. Write the bracket that is missing, or indent the lines.",
    ),
    code(
        "E103",
        "unterminated-string",
        "a string is not closed on its line",
        "A string begins and ends with a double quote on one line. Close it where it "
        'should end. Inside a string write a quote as `\\"`, a backslash as `\\\\`, and a '
        "new line as `\\n`.",
    ),
    code(
        "E104",
        "bad-number",
        "a number is not written as mergec writes numbers",
        "Numbers are exact decimals such as `3`, `0.3` or `1e-3`, of at most 40 digits, "
        "with a digit on both sides of the point and no letter behind. Sizes end in KB, "
        "MB, GB or TB (powers of 1000) or KiB, MiB, GiB or TiB (powers of 1024) and are "
        "whole numbers of bytes. There is no infinity and no NaN.",
    ),
    code(
        "E105",
        "bad-character",
        "a character that a spec may not hold",
        "Names and numbers are written in ASCII; other characters belong in strings and "
        "comments. Control characters and those that change the direction of text are "
        "refused even there, because with them a reader sees another spec than the one "
        "that is compiled. Remove the character; for one that is misunderstood, the help "
        "names the sign that mergec uses instead.",
    ),
    code(
        "E106",
        "not-utf8",
        "the spec is not UTF-8 text",
        "Specs are UTF-8 text, so that they mean the same on every machine. The message "
        "gives the first byte that is not UTF-8, or the encoding that the file has "
        "instead. Save the file again as UTF-8.",
    ),
    code(
        "E107",
        "spec-too-large",
        "the spec exceeds a size limit",
        "A spec holds at most 1 MiB of text, 100 000 words and signs, strings of 64 KiB "
        "and names of 256 letters. No spec that people wrote comes near; a larger file is "
        "most likely not a spec. Check that the file is the one you mean.",
    ),
    code(
        "E108",
        "nested-too-deep",
        "brackets or operators are nested too deep",
        "At most 64 brackets may be open at one place, and an expression is at most 200 "
        "operators and calls deep; a sum of 200 terms is such an expression. These limits "
        "keep the checker quick and safe on any input. Bind parts of the expression to "
        "names, or write a long sum as one call of `linear` with weights.",
    ),
    code(
        "E109",
        "empty-spec",
        "the spec holds no statement",
        "The spec has only comments, or nothing at all, so there is no model to write. "
        "Bind at least one expression to a name; the only model that nothing else uses is "
        "what gets exported.",
    ),
    code(
        "E110",
        "unknown-edition",
        "the edition is not one this mergec knows",
        "The first line of a spec may name the edition of the language that it is written "
        "in, as in `mergec 1`. Meanings and defaults never change within an edition, so a "
        "newer edition needs a newer mergec. Without the line a spec is edition 1, for "
        "ever.",
    ),
    code(
        "E112",
        "operand-after-keyword",
        "an operand stands after a keyword parameter or `;`",
        "A call lists its operands first and its keyword parameters after them, split by "
        "`,` or `;`. After a `;` only keywords may follow, so that a forgotten name is "
        "not taken for one more operand. Move the operand before the keywords, or give it "
        "the name of its parameter.",
    ),
    code(
        "E113",
        "misplaced-spread",
        "`*` stands where no operand can be spread",
        "`*rest` passes on the operands that a macro collected. It stands last among the "
        "operands of a call, once, and names the macro's rest argument, alone or inside "
        "an expression that is repeated for each, as in `*(rest - base)`. Outside macros "
        "nothing is collected, so operands are listed one by one.",
    ),
)
