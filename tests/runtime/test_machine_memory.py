"""Who limits a process's memory, read from files as Linux has them."""

from pathlib import Path

import pytest

from mergec.execute.machine_memory import MemoryLimit, memory_limits, tightest

MIB = 1 << 20


@pytest.fixture(autouse=True)
def no_limit_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, -1)


def limit(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    def limits(_: int) -> tuple[int, int]:
        return size, size

    monkeypatch.setattr("resource.getrlimit", limits)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_machine(tmp_path: Path) -> None:
    write(tmp_path, {"proc/meminfo": "MemTotal: 2048 kB\nMemFree: 1 kB\nMemAvailable: 1024 kB\n"})
    (found,) = memory_limits(tmp_path)
    assert found == MemoryLimit("the machine", 2 * MIB, MIB)
    assert found.room == MIB


def test_groups_of_version_two_and_those_above(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/user/job/"
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/user/job\n",
            f"{group}memory.max": "max\n",
            "sys/fs/cgroup/user/memory.max": f"{8 * MIB}\n",
            "sys/fs/cgroup/user/memory.current": f"{6 * MIB}\n",
            "sys/fs/cgroup/user/memory.stat": f"active_file {MIB}\ninactive_file {MIB}\nodd\n",
        },
    )
    assert memory_limits(tmp_path) == [MemoryLimit("a control group", 8 * MIB, 4 * MIB)]


def test_what_the_process_holds_is_free_to_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/meminfo": "MemTotal: 8192 kB\nMemAvailable: 1024 kB\n",
            "proc/self/status": "Name: python\nRssAnon:\t    2048 kB\nRssFile: 9 kB\n",
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": f"{4 * MIB}\n",
            "sys/fs/cgroup/memory.current": f"{3 * MIB}\n",
        },
    )
    machine, group = memory_limits(tmp_path)
    assert machine.free == 3 * MIB
    assert group.free == 3 * MIB


def test_groups_of_version_one_whose_path_lies_outside_a_container(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "5:cpu:/\n4:memory:/docker/abc/../x\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{4 * MIB}\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "nonsense\n",
        },
    )
    assert memory_limits(tmp_path) == [MemoryLimit("a control group", 4 * MIB, None)]
    write(tmp_path, {"sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2**63 - 4096}\n"})
    assert memory_limits(tmp_path) == []


def test_the_address_space_and_the_tightest_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tightest(memory_limits(tmp_path)) is None
    limit(monkeypatch, MIB)
    write(tmp_path, {"proc/meminfo": "MemTotal: 2048 kB\n"})
    assert tightest(memory_limits(tmp_path)) == MemoryLimit("RLIMIT_AS", MIB, None)
