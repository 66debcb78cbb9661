"""What a control group allows is what the machine is taken to have."""

import pytest

from pawsight import machine

GIB = 2**30


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Write /proc/self/cgroup, and files below /sys/fs/cgroup, into a folder."""
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path)
    monkeypatch.setattr(machine, "_CGROUPS_OF_PROCESS", tmp_path / "cgroup")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)), raising=False)

    def write(lines, **files):
        (tmp_path / "cgroup").write_text(lines, encoding="ascii")
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n", encoding="ascii")

    return write


def test_in_a_container_the_limits_are_at_the_root(groups):
    groups("0::/\n", **{"memory.max": GIB // 2, "cpu.max": "150000 100000"})
    assert machine.memory() == GIB // 2
    assert machine.num_cpus() == 2


def test_a_batch_system_sets_them_for_the_job_and_its_steps(groups):
    files = {
        "slurm/job_7/memory.max": GIB // 4,
        "slurm/job_7/step_0/memory.max": "max",
        "slurm/job_7/cpu.max": "300000 100000",
        "slurm/job_7/step_0/cpu.max": "max 100000",
        "slurm/memory.max": GIB // 2,
    }
    groups("0::/slurm/job_7/step_0\n", **files)
    assert machine.memory() == GIB // 4
    assert machine.num_cpus() == 3


def test_version_1_has_a_folder_for_each_controller(groups):
    files = {
        "memory/job_7/memory.limit_in_bytes": GIB // 4,
        "memory/memory.limit_in_bytes": 2**63 - 4096,
        "cpu/job_7/cpu.cfs_quota_us": 200_000,
        "cpu/job_7/cpu.cfs_period_us": 100_000,
        "cpu/cpu.cfs_quota_us": -1,
        "cpu/cpu.cfs_period_us": 100_000,
    }
    groups("5:memory:/job_7\n4:cpu,cpuacct:/job_7\n1:name=systemd:/x\n0::/\n", **files)
    assert machine.memory() == GIB // 4
    assert machine.num_cpus() == 2


def test_without_limits_the_machine_itself_counts(groups):
    groups("0::/user.slice\n", **{"user.slice/memory.max": "max"})
    assert machine.memory() > GIB
    assert machine.num_cpus() == 16


@pytest.mark.parametrize("lines", ["", "0::\n", "nonsense\n", "0::relative\n", "7:cpu:/../other\n"])
def test_odd_names_of_groups_limit_nothing(groups, lines):
    groups(lines)
    assert machine.memory() > GIB
    assert machine.num_cpus() == 16
