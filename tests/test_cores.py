"""Jobs side by side each keep to cores of their own."""

import os
import subprocess
import sys

import pytest

JOB = """
import os, sys
from pathlib import Path
from reproduce.runtime import cores
cores.bind(Path(sys.argv[1]), cores=int(sys.argv[2]))
print(len(cores.CORES), *sorted(os.sched_getaffinity(0)), flush=True)
sys.stdin.read()
"""

needs_two = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two cores, and a system that binds processes to cores",
)


def job(folder, share):
    """A process that says how many cores there are and which are its own, and stays."""
    command = [sys.executable, "-c", JOB, str(folder / "jobs"), str(share)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    count, *own = map(int, process.stdout.readline().split())
    return process, count, own


@needs_two
def test_jobs_get_different_cores_and_a_place_is_free_again_when_its_job_is_killed(tmp_path):
    every = sorted(os.sched_getaffinity(0))
    jobs = [job(tmp_path, share=1) for _ in every]
    try:
        assert sorted(own[0] for _, _, own in jobs) == every
        assert all(len(own) == 1 for _, _, own in jobs)
        assert all(count == len(every) for _, count, _ in jobs)
        killed, _, freed = jobs.pop(0)
        killed.kill()
        killed.communicate()
        jobs.append(job(tmp_path, share=1))
        assert jobs[-1][2] == freed
        jobs.append(job(tmp_path, share=1))  # one more than there are cores
        assert jobs[-1][2] == every[:1]
    finally:
        for process, _, _ in jobs:
            process.communicate()


@needs_two
def test_a_job_that_has_all_cores_to_itself_is_not_bound(tmp_path):
    every = sorted(os.sched_getaffinity(0))
    process, _, own = job(tmp_path, share=len(every))
    process.communicate()
    assert own == every
