"""Sweeps: a failed job is told, a killed one is begun again, an ended one is left alone."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from reproduce.experiments import Context
from reproduce.runtime import sweep


class BrokenLauncher(RuntimeError):
    pass


def run(tmp_path, launch):
    """A sweep with results in a folder, as Hydra starts it."""

    def begin():
        sweep.JobsFile().on_multirun_start(OmegaConf.create({"outputs": str(tmp_path)}))
        launch()

    return sweep.run(begin)


def in_a_process_of_its_own(options, what):
    """A job as a launcher starts it; raises as joblib does when the process is killed."""
    code = f"from pathlib import Path\nfrom reproduce.runtime import sweep\n{what}"
    if subprocess.run([sys.executable, "-c", code, options]).returncode < 0:
        raise BrokenLauncher("a worker was killed")


JOB = """
import os, signal, sys
folder, options = Path({folder!r}), sys.argv[1]
if not sweep.has_ended(options):
    with sweep.job(options) as folder_is:
        folder_is(folder / options, folder)
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

    jobs = run(tmp_path, launch)
    failures = [None, None, "ValueError: no such luck"]
    assert jobs == [
        (f"seed={seed}", failure, str(tmp_path / f"seed={seed}"), str(tmp_path))
        for seed, failure in enumerate(failures)
    ]
    assert list((tmp_path / "sweeps").iterdir()) == []
    begun = (tmp_path / "begun").read_text().split()
    assert begun == ["seed=0", "seed=1", "seed=1", "seed=2"]


def test_a_job_that_is_always_killed_is_reported(tmp_path):
    def launch():
        with pytest.raises(KeyboardInterrupt), sweep.job("seed=0"):
            raise KeyboardInterrupt  # leaves nothing behind, as a kill
        raise BrokenLauncher("a worker was killed")

    assert run(tmp_path, launch) == [sweep.Job("seed=0", sweep.KILLED)]


def test_a_launcher_that_starts_nothing_is_an_error(tmp_path):
    def launch():
        raise BrokenLauncher("no such cluster")

    with pytest.raises(BrokenLauncher, match="no such cluster"):
        run(tmp_path, launch)
    assert sweep.JOBS_FILE_ENV not in os.environ


def test_a_worker_that_is_killed_before_its_job_was_noted_ends_no_sweep(tmp_path):
    attempts = []

    def launch():
        attempts.append(1)
        if len(attempts) < sweep.ATTEMPTS:
            raise BrokenExecutor("a worker was killed")
        with sweep.job("seed=0"):
            pass

    assert run(tmp_path, launch) == [sweep.Job("seed=0", None)]
    attempts.clear()
    with pytest.raises(BrokenExecutor):
        run(tmp_path, lambda: _raise(BrokenExecutor("again and again")))


def test_a_sweep_whose_folder_cannot_be_written_ends_at_once(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ending:
        run(tmp_path / "file", lambda: None)
    assert ending.value.code == 2
    assert "cannot be written" in capsys.readouterr().err


def test_idle_workers_of_joblib_end_with_their_parent(tmp_path):
    """Also one that never began a job: here those beside the one that has the only job."""
    parent = f"""
import os, time
from pathlib import Path
from joblib import Parallel, delayed
from reproduce.runtime import sweep

def work(n):
    Path({str(tmp_path)!r}, str(os.getpid())).touch()
    time.sleep(60 if n == 0 else 0.1)

sweep.run(lambda: Parallel(n_jobs=3, backend="loky")(delayed(work)(n) for n in range(9)))
"""
    started = subprocess.Popen([sys.executable, "-c", parent])
    _soon(lambda: len(list(tmp_path.iterdir())) == 3)
    workers = [int(file.name) for file in tmp_path.iterdir()]
    assert len(workers) == 3
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert _soon(lambda: not any(map(_runs, workers)), seconds=10)


def _raise(error):
    raise error


def test_a_job_ends_with_the_process_that_started_it(tmp_path):
    job = (
        "import os, time; from reproduce.runtime import sweep; "
        "os.environ[sweep.PARENT_PID_ENV] = str(os.getppid()); sweep.end_with_parent();"
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


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"outputs": None}, "outputs is a folder, got null."),
        ({"outputs": "  "}, "outputs is a folder, got '  '."),
        ({"outputs": 3}, "outputs is a folder, got 3."),
        ({"outputs": "results", "plan": True}, "--plan is for one run"),
        (
            {
                "outputs": "results",
                "hydra": {"runtime": {"choices": {"hydra/launcher": "submitit_slurm"}}},
            },
            "srun is not found here",
        ),
    ],
)
def test_a_sweep_that_cannot_start_says_so_in_a_line(tmp_path, monkeypatch, capsys, settings, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        sweep.JobsFile().on_multirun_start(OmegaConf.create(settings))
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert told in line
    assert line.count("\n") == 1
    assert not list(tmp_path.iterdir())
