"""Nothing of a stranger's file is executed, imported or opened for writing: watched by Python.

An audit hook sees every `open`, import, compilation and process that the interpreter begins. It
cannot be taken away again, so the watched commands run in a process of their own, over everything
malformed that the tests have.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalog.malformed_files import ROWS
from tests.end_to_end.command_line import PORTIONS, ROOT
from tests.toy_checkpoints import write_family

WATCHED = """
import encodings.unicode_escape, os, sys
from mergec.cli.main import run_command

ROOTS = (os.getcwd(), sys.prefix, sys.base_prefix, *os.environ["PYTHONPATH"].split(os.pathsep))
ROOTS += ("/dev/zero", "/proc/", "/sys/", os.environ["XDG_CACHE_HOME"])
NEVER = (
    "compile", "exec", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn",
    "os.spawn", "subprocess.Popen", "pty.spawn", "socket.__new__", "socket.connect", "socket.bind",
    "socket.getaddrinfo", "pickle.find_class", "marshal.loads", "code.__new__", "ctypes.dlopen",
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.chown", "os.utime", "shutil.rmtree", "tempfile.mkstemp", "tempfile.mkdtemp",
)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
watching, seen = False, []  # a spec may name any file to be looked at, and /dev/zero is one

def hook(event, args):
    if not watching:
        return
    if event in NEVER or event == "import" and args[1] is not None:
        seen.append((event, repr(args)[:200]))
    elif event == "open" and isinstance(args[0], (str, bytes)):
        path = os.path.abspath(os.fsdecode(args[0]))
        if args[2] & WRITES or not path.startswith(ROOTS):
            seen.append((event, repr(args)[:200]))

sys.addaudithook(hook)
commands = [("check", "{}.merge"), ("plan", "{}.merge"), ("inspect", "{}")]
for command, of in commands:  # what is imported on the way is imported now
    for name in ("sound", "broken", *sys.argv[-6:]):
        run_command([command, of.format(name)])
for name in sys.argv[1:]:
    watching = True
    for command, of in (commands[:2] if name in sys.argv[-6:] else commands[1:]):
        status = run_command([command, of.format(name)])
        if status not in (0, 2, 3, 4, 5, 12):
            seen.append((name, f"status {status}"))
    watching = False
sys.stdout.flush()
print("\\n".join(map(repr, seen)), file=sys.__stderr__)
print(f"watched {len(sys.argv) - 1}", file=sys.__stderr__)
"""
SPEC = 'base = model("./base")\nother = model("./{}")\nchild = base + 0.5*(other - base)\n'
HOSTILE_SPECS = {
    "code": 'child = __import__("os").system("true")\n',
    "template": 'child = linear(model("{{ 7*7 }}"), model("${HOME}"))\n',
    "outside": 'use "../../etc/passwd" as p\nchild = p.child\n',
    "absolute": 'a = model("/etc")\nb = model("/dev/zero")\nchild = linear(a, b)\n',
    "deep": "child = " + "(" * 5000 + "\n",
    "network": 'a = model("https://example.invalid/x")\nb = model("org/name")\n'
    "child = linear(a, b)\n",
}


@pytest.mark.slow
def test_nothing_is_run_written_or_read_elsewhere(tmp_path: Path) -> None:
    write_family(tmp_path)
    names = [f"malformed-{number}" for number in range(len(ROWS))]
    for name, (data, *_) in zip(names, ROWS.values(), strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(data)
    for folder, file in (("base", "sound"), ("code", "sound")):
        (tmp_path / f"{file}.merge").write_text(SPEC.format(folder))
    (tmp_path / "sound").symlink_to("code")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"")
    for name in ("broken", *names):
        (tmp_path / f"{name}.merge").write_text(SPEC.format(name))
    for name, text in HOSTILE_SPECS.items():
        (tmp_path / f"{name}.merge").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *names, *HOSTILE_SPECS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{PORTIONS}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    ours = done.stderr.splitlines()[-2:]
    assert ours == ["", f"watched {len(names) + len(HOSTILE_SPECS)}"], done.stderr[-4000:]
