"""Codes of plans and resources."""

from mergec.diagnostics.codes.code import code

ROWS = (
    code(
        "E601",
        "memory-budget",
        "the plan does not fit the memory budget",
        "The plan streams weights in blocks, so its memory does not grow with the models; "
        "but some operators need a tensor at once, and the limit given is below what one "
        "thread with the smallest blocks needs. Allow more memory with `--memory`.",
    ),
    code(
        "E602",
        "disk-space",
        "the output does not fit the free disk space",
        "The size of the output is known from the plan, and the disk has less space or "
        "fewer inodes free than that. Nothing was written. Free some space, or write to "
        "another disk.",
    ),
    code(
        "E603",
        "backend-missing",
        "the backend or device asked for is not available",
        "Backends other than the reference need packages that are not installed with "
        "mergec itself, and devices need hardware. Install the extra that the help names, "
        "or choose another backend with `--backend`.",
    ),
    code(
        "E604",
        "plan-file",
        "a file is not a plan this mergec can read",
        "The file is not a plan, or it was made by a version of mergec whose plans this "
        "one cannot read. Plans are made by `mergec plan SPEC -o PLAN.json` and not "
        "edited by hand.",
    ),
    code(
        "E605",
        "self-test",
        "this machine's arithmetic breaks the numeric contract",
        "Before the first run mergec checks that this machine rounds as the numeric "
        "contract asks, for instance that it keeps very small numbers and does not fuse "
        "operations. This one does not, so its results would differ from those of other "
        "machines. Use another backend or another build of it.",
        exit=13,
    ),
    code(
        "E606",
        "plugin-unloadable",
        "a plugin cannot be loaded",
        "A plugin is a Python file that mergec runs because `--plugin` names it, or a module of "
        "an installed distribution. This one is not there, is not Python, or raised an "
        "exception while it was loaded; the message repeats the exception. Installed plugins "
        "are left alone with `--no-plugins`.",
    ),
    code(
        "E607",
        "plugin-interface",
        "a plugin does not keep to the plugin interface",
        "An operator of a plugin is declared with `@operator(...)`, has a name that nothing "
        "else has, and a kernel that is straight-line code over the functions of the interface. "
        "mergec calls the kernel with arrays that only record what is computed, so it can "
        "neither look at an element nor decide by one. `docs/your-own-operator.md` has the "
        "whole interface and an example.",
    ),
)
