"""Codes of runs and integrity."""

from mergec.diagnostics.codes.code import code

ROWS = (
    code(
        "E801",
        "output-exists",
        "the output exists",
        "mergec writes over nothing unless it is told to, so that a finished checkpoint cannot be "
        "lost by repeating a command. Choose another name for the output, move the old one away, "
        "or let `--replace` put the new result in its place.",
        exit=7,
    ),
    code(
        "E802",
        "output-overlaps",
        "the output is, holds or lies inside a source",
        "Sources are never written to. The output is the folder of a source, lies inside "
        "it or contains it, perhaps by way of a link. Choose a place outside every "
        "source.",
        exit=7,
    ),
    code(
        "E803",
        "output-unwritable",
        "the output cannot be written there",
        "The system refused to write there, for the reason given. Check the permissions "
        "of the folder, and that the file system is not read-only. Sources and older "
        "outputs are untouched.",
        exit=8,
    ),
    code(
        "E804",
        "disk-full",
        "the disk is full",
        "The disk became full during the run, perhaps because something else wrote to it "
        "too. Nothing stands at the target, and sources and older outputs are untouched. "
        "Free some space and run again.",
        exit=8,
    ),
    code(
        "E805",
        "non-finite",
        "NaN or infinity in the weights of a source",
        "A source holds values that are not numbers. A merge would spread them over the "
        "whole child, which then answers nonsense, so the run stops. The source is most "
        "likely damaged: training diverged, or a conversion overflowed. An export with "
        "`nonfinite = base` takes the base's element instead, and one with `nonfinite = "
        "propagate` computes with what there is.",
        exit=9,
    ),
    code(
        "E806",
        "overflow",
        "a result does not fit the output dtype",
        "A result is too large for the dtype it is written in and would become infinite; "
        "f16 ends at 65504. Export in bf16 or f32, or use smaller weights.",
        exit=9,
    ),
    code(
        "E807",
        "source-changed",
        "a source changed after it was planned",
        "The plan was made from the headers and small files of the sources, and one of "
        "them is different now. The result would not be what was reviewed. Make the plan "
        "again when nothing else writes to the sources.",
        exit=10,
    ),
    code(
        "E808",
        "antiparallel",
        "two tensors point in opposite directions",
        "Spherical interpolation follows the arc between two tensors, and opposite "
        "tensors are joined by every arc and by none in particular. Say what is meant "
        "with `antiparallel=lerp`, or leave out one of the models.",
        exit=9,
    ),
    code(
        "E809",
        "read-failed",
        "reading a source failed",
        "The system could not read bytes that the file should have. The disk, the network "
        "file system or its connection is at fault. Nothing stands at the target; check "
        "the disk and run again.",
        exit=8,
    ),
    code(
        "E810",
        "plan-differs",
        "the plan is not the one that was reviewed",
        "`mergec run PLAN.json` executes exactly what was reviewed, or refuses. The "
        "sources, the spec or the meaning of an operator changed since then, so the plan "
        "made now is another. Review the new plan and run that.",
        exit=10,
    ),
    code(
        "E811",
        "not-a-result",
        "a folder is not a checkpoint that mergec wrote",
        "mergec verifies checkpoints that it wrote itself, by the lineage it left beside "
        "the weights. This folder has none, or the lineage is damaged. Name the folder "
        "that `mergec run -o` made.",
        exit=4,
    ),
    code(
        "E812",
        "verification-failed",
        "a checkpoint is not what its lineage says",
        "The bytes of this checkpoint are not those that its lineage leads to. Weights "
        "were changed after the run, a disk or a copy damaged them, or they were computed "
        "elsewhere. Do not use it; run the spec again and compare.",
        exit=10,
    ),
    code(
        "E813",
        "output-parent",
        "the output's parent folder does not exist",
        "The folder in which the output should stand does not exist. mergec makes the "
        "output itself but no folders above it, so that a misspelt path does not create a "
        "tree of them. Make the folder first.",
        exit=7,
    ),
    code(
        "E814",
        "out-of-memory",
        "memory ran out",
        "The system had no more memory to give. Close other programs, or give mergec a "
        "limit that it plans for with `--memory`. Nothing stands at the target.",
        exit=6,
    ),
    code(
        "E815",
        "not-durable",
        "the output is in place, but perhaps not yet safe on the disk",
        "The output was written, checked and put in place, but the system reported an "
        "error when it was asked to make the last step safe against a loss of power. The "
        "files are there now. Check the disk, then verify the output in full.",
    ),
    code(
        "E816",
        "contract-broken-by-result",
        "a contract on statistics does not hold",
        "`require` states what must be true of the weights, and after all of them were "
        "seen it is not. The numbers stand in the message. Nothing was published.",
        exit=9,
    ),
    code(
        "E817",
        "undefined-result",
        "an operator has no result for a tensor's values",
        "Some operators are undefined for some data: directions that cancel have no mean, a "
        "matrix of too low a rank has no inverse, and an iteration may not settle. The message "
        "names the tensor and the reason. mergec does not put a guess in its place: give the "
        "parameter that says what is meant, or merge this tensor by another operator in a `match`.",
        exit=9,
    ),
    code(
        "E818",
        "plugin-failed",
        "the kernel of a plugin raised an exception",
        "mergec calls the kernel of a plugin's operator for the number of operands and the "
        "parameters of each call, and this call raised an exception, which the message repeats. "
        "The mistake is the plugin's: a kernel takes every value that its parameters' ranges "
        "allow. Correct the plugin, or write other values.",
        exit=6,
    ),
    code(
        "E819",
        "plugin-result",
        "the kernel of a plugin does not return an array",
        "What a kernel returns is the tensor that is written: one array of the shape and dtype "
        "of its operands, computed from them. This one returned nothing, a number, a mask or "
        "something else. A mask becomes an array by `xp.where(mask, 1.0, 0.0)`.",
        exit=6,
    ),
    code(
        "E821",
        "unrelated-parents-merged",
        "parents that are to be merged seem to have no common ancestor",
        "Before the first tensor is merged, a run samples some large matrices of the parents that "
        "are combined. Between a model and its fine-tunes their cosine is near 1; here it is near "
        "0, as between networks that were trained apart, and an average or task vector of such is "
        "noise. Nothing was written. Merge models with a common ancestor, align them first with "
        "`weight_match`, or, if it is meant, allow W705 in the spec with a reason.",
        exit=5,
    ),
    code(
        "E822",
        "no-lineage",
        "a folder has no lineage",
        "What mergec merges gets a `lineage.json` beside its weights, which says how it was made "
        "and from what. This folder has none: it was not made by mergec, or the file was left "
        "behind when the weights were moved. A run with several exports writes one into the "
        "folder of each.",
        exit=4,
    ),
    code(
        "E823",
        "lineage-damaged",
        "a file called `lineage.json` is no lineage, or no longer what was written",
        "A lineage is an in-toto statement in JSON, with the statements of merged parents by "
        "their digests. This file is not JSON, or has other members, is too large or too deep, or "
        "holds the statement of an ancestor that does not have the digest it is called by. "
        "Nothing is concluded from it. Take the file from where the checkpoint came from.",
        exit=4,
    ),
    code(
        "E824",
        "no-base-to-take",
        "`nonfinite = base` where there is no single base",
        "With `nonfinite = base` an element of a source that is NaN or infinite is read as if it "
        "were the base's, so that this element of its delta is zero. The base is the source that "
        "deltas are taken from: the base of `ties` and its like, and what is subtracted in "
        "`code - base`. A merge without deltas has none, and one with several, or with one that "
        "is computed, does not say which. Leave the setting out, and repair the source.",
        exit=3,
    ),
    code(
        "E825",
        "nonfinite-differs",
        "exports that say different things about NaN and infinities",
        "The exports of a spec share what they read and compute, statistics of all tensors "
        "included, so what becomes of an element that is not finite is one decision for all of "
        "them. Write the same `nonfinite` in each, or make two specs.",
        exit=3,
    ),
    code(
        "E826",
        "memory-not-there",
        "the memory that a run needs is not there",
        "A plan says how much memory a run needs at most. The machine, a control group that this "
        "process is in, or the limit of its address space leaves less than that, so the run would "
        "be killed when it is nearly done. Nothing was written. Lower `--memory` or `--threads`, "
        "or make room.",
        exit=6,
    ),
    code(
        "E827",
        "too-few-open-files",
        "this process may open too few files",
        "A run opens shards of the sources and of the output, few at a time. The limit of this "
        "process is below even that. Raise it with `ulimit -n`.",
        exit=6,
    ),
    code(
        "E880",
        "output-forbidden",
        "the folder of the output may not be written to",
        "The output would be a new name in a folder in which this user may make none, or whose "
        "disk can only be read. That is seen before anything is read or computed. Choose another "
        "place for the output, or have the folder opened to you.",
        exit=6,
    ),
    code(
        "E850",
        "output-in-use",
        "another run is writing the same output",
        "A run works in a folder beside its output and holds a lock there as long as it lives. "
        "A second run to the same output would only be refused at its end, when the name is taken, "
        "so it is refused now. The message says which process holds the lock. Wait for it, stop "
        "it, or choose another output.",
        exit=7,
    ),
    code(
        "E851",
        "resume-differs",
        "an interrupted run cannot go on, because something is not as it was",
        "What was merged before and what is merged now must come from one plan, the same files, "
        "the same version of mergec and the same arithmetic; else the result would be a mixture "
        "that no single run makes. The message says what changed. Put it back and resume, or begin "
        "anew without `--resume`. A file counts as changed if its size, inode or time of change "
        "is another.",
        exit=10,
    ),
    code(
        "E852",
        "nothing-to-resume",
        "no interrupted run is there to go on with",
        "`--resume` goes on with what an interrupted run left beside the output. There is none: "
        "nothing was interrupted, it was removed, its journal is damaged from the first line on, "
        "or it was run with `--no-digests`, without which nothing can be trusted again. Run "
        "without `--resume`.",
        exit=7,
    ),
    code(
        "E853",
        "leftover-stays",
        "what an interrupted run left cannot be removed wholly",
        "`mergec clean` removes the folder that a run worked in. The system refused part of it, "
        "for the reason given, or a folder lies in it that no run makes, which is left alone. "
        "Nobody can go on with the rest any more; repeat the command when the reason is gone.",
        exit=8,
    ),
    code(
        "E854",
        "not-replaceable",
        "what stands at the output is not what mergec wrote",
        "`--replace` puts a new result in the place of an older one of mergec's, and then removes "
        "the older one. What stands there is a file or a link, has no `lineage.json`, or holds "
        "files that its lineage does not name, which would be lost. Move these or the whole away.",
        exit=7,
    ),
    code(
        "E877",
        "system-failed",
        "the system failed at something that is neither a source nor the output",
        "A file that mergec or Python itself needs could not be opened or read, for the reason "
        "given: a module of an installed library, say, on a disk that fails, or one file more than "
        "this process may have open. What a run had finished is kept where that is possible.",
        exit=8,
    ),
)
