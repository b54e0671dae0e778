"""Sweeps: a failed job is told, a killed one is begun again, an ended one is left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reproduce.experiments import Context
from reproduce.runtime import sweep


class BrokenLauncher(RuntimeError):
    pass


def in_a_process_of_its_own(options, what):
    """A job as a launcher starts it; raises as joblib does when the process is killed."""
    code = f"from pathlib import Path\nfrom reproduce import sweep\n{what}"
    if subprocess.run([sys.executable, "-c", code, options]).returncode < 0:
        raise BrokenLauncher("a worker was killed")


JOB = """
import os, signal, sys
folder, options = Path({folder!r}), sys.argv[1]
if not sweep.has_ended(options):
    with sweep.job(options) as folder_is:
        folder_is(folder / options)
        with open(folder / "begun", "a") as file:
            file.write(options + "\\n")
        if options == "seed=1" and not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if options == "seed=2":
            raise ValueError("no such luck")
"""


def test_a_killed_job_is_begun_again_and_those_that_ended_are_not(tmp_path):
    def launch():
        for seed in range(3):
            in_a_process_of_its_own(f"seed={seed}", JOB.format(folder=str(tmp_path)))

    jobs = sweep.run(tmp_path / "jobs.jsonl", launch)
    assert sorted(jobs, key=lambda job: job.options) == [
        (str(tmp_path / "seed=0"), "seed=0", None),
        (str(tmp_path / "seed=1"), "seed=1", None),
        (str(tmp_path / "seed=2"), "seed=2", "ValueError: no such luck"),
    ]
    begun = (tmp_path / "begun").read_text().split()
    assert begun == ["seed=0", "seed=1", "seed=1", "seed=2"]


def test_a_job_that_is_always_killed_is_reported(tmp_path):
    def launch():
        with pytest.raises(KeyboardInterrupt), sweep.job("seed=0"):
            raise KeyboardInterrupt  # leaves nothing behind, as a kill
        raise BrokenLauncher("a worker was killed")

    assert sweep.run(tmp_path / "jobs.jsonl", launch) == [("", "seed=0", sweep.KILLED)]


def test_a_launcher_that_starts_nothing_is_an_error(tmp_path):
    def launch():
        raise BrokenLauncher("no such cluster")

    with pytest.raises(BrokenLauncher, match="no such cluster"):
        sweep.run(tmp_path / "jobs.jsonl", launch)
    assert sweep.VARIABLE not in os.environ


def test_a_job_ends_with_the_process_that_started_it(tmp_path):
    job = (
        "import os, time; from reproduce import sweep; "
        "os.environ[sweep.STARTER] = str(os.getppid()); sweep.end_with_starter();"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {job!r}])"
    started = subprocess.Popen([sys.executable, "-c", parent])
    pid = _soon(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert _soon(lambda: not _runs(int(pid)))


def test_runs_of_a_sweep_share_no_seed_beyond_their_own():
    seeds = [Context(None, {}, seed, None).seeds(5) for seed in range(10)]
    assert [several[0] for several in seeds] == list(range(10))
    assert len({seed for several in seeds for seed in several}) == 50
    assert seeds[3][:2] == Context(None, {}, 3, None).seeds(2)


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def _soon(condition, seconds=30):
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return found
