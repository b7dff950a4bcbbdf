"""The same study in this process, in a pool and on a local Ray cluster: the same counts, in any order."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, wait
from pathlib import Path

import pytest

from maso.fleet.load import load_file
from maso.stress.engine.executors import ExecutorError, Processes, make
from maso.stress.engine.job import Job, Run, perform, run_key
from maso.stress.registry import by_id

ROOT = Path(__file__).resolve().parents[2]


def _jobs() -> tuple[str, list[tuple[str, Job]]]:
    """Counts of the delegation dimension at a few sizes: exact, so that any process must agree."""
    _, text = load_file("fleet-100")
    settings = (
        ("contract_verification", "cached"),
        ("delegation_policy", "point-to-point"),
        ("transitive_check", "incremental"),
    )
    probe = next(p for p in by_id()["delegation"].probes if "policy_rules" in {q.id for q in p.quantities})
    jobs = [
        Job(
            dimension="delegation", probe=probe.id, size=size, at=size, seed=1, target=100, quick=True,
            settings=settings, adaptations=("contract-cache",),
        )
        for size in (5, 20, 60)
    ]  # fmt: skip
    return text, [(run_key(job, "fleet", "code"), job) for job in jobs]


def _rules(runs: list[Run]) -> dict[int, float]:
    return {run.job.at: run.values["policy_rules"] for run in runs}


def test_a_pool_counts_what_this_process_counts() -> None:
    text, jobs = _jobs()
    here = [perform(text, key, job) for key, job in jobs]
    pool = Processes(2)
    try:
        there = list(pool.map(text, jobs))
    finally:
        pool.close()
    assert _rules(there) == _rules(here)
    assert _rules(here)[60] > _rules(here)[5]


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_a_local_ray_cluster_counts_what_this_process_counts(tmp_path: Path) -> None:
    """In a process of its own, which holds all that Ray starts and warns about."""
    program = """
import sys
from maso.stress.engine.executors import make
from tests.stress.test_executors import _jobs, _rules
from maso.stress.engine.job import perform
text, jobs = _jobs()
ray = make("ray")
there = list(ray.map(text, jobs))
ray.close()
assert _rules(there) == _rules([perform(text, key, job) for key, job in jobs]), there
print("same")
"""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": "/tmp",  # a socket's path may have 107 bytes
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.stdout.strip().endswith("same"), done.stderr[-2000:]


def spin() -> None:
    """A run that never ends."""
    while True:
        pass


_SPINNING = """
import os, sys
from maso.stress.engine.executors import Processes
from tests.stress.test_executors import spin
pool = Processes(2)
for future in [pool.submit(os.getpid) for _ in range(50)]:
    future.result()
pids = sorted(pool._pool._processes)
for _ in range(20):
    pool.submit(spin)
print(*pids, flush=True)
sys.stdin.read()
pool.close()
"""


def _ended(pid: int) -> bool:
    """Also one that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", ["killed", "closed", "interrupted"])
def test_workers_end_with_their_caller_in_the_middle_of_a_run(how: str) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", _SPINNING], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )  # fmt: skip
    assert caller.stdout is not None
    pids = [int(word) for word in caller.stdout.readline().split()]
    assert len(pids) == 2
    assert not any(_ended(pid) for pid in pids)
    if how == "interrupted":
        for pid in pids:
            os.kill(pid, signal.SIGINT)  # they do not hear it: their caller does
        assert not any(_ended(pid) for pid in pids)
    if how == "killed":
        caller.kill()
    _, said = caller.communicate(timeout=60)
    assert "Traceback" not in said
    if how != "killed":  # then Python's own tracker of semaphores says what it cleared away
        assert said == ""
    assert caller.returncode == (-signal.SIGKILL if how == "killed" else 0)
    for _ in range(600):
        if all(_ended(pid) for pid in pids):
            return
        time.sleep(0.1)
    left = [pid for pid in pids if not _ended(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    pytest.fail(f"{len(left)} workers outlived their caller")


def test_what_has_finished_when_ctrl_c_comes_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    text, jobs = _jobs()
    pool = Processes(2)

    def interrupted(running: list[Future[Run]], **_: object) -> None:
        wait(running)  # all of them have finished, and nobody was told
        raise KeyboardInterrupt

    monkeypatch.setattr("maso.stress.engine.executors.wait", interrupted)
    kept: list[Run] = []
    try:
        with pytest.raises(KeyboardInterrupt):
            kept.extend(pool.map(text, jobs))
    finally:
        pool.close()
    assert len(_rules(kept)) == len(jobs)


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ExecutorError, match=r"Ray is not installed; legal: .*`./maso --with ray stress"):
        make("ray")


def test_an_unknown_executor_is_named_with_the_legal_ones() -> None:
    with pytest.raises(ExecutorError, match=r"`threads`; legal: `processes`, `inline`, `ray`"):
        make("threads")


def test_a_worker_that_dies_ends_the_study_with_what_to_do() -> None:
    text, jobs = _jobs()
    pool = Processes(1)
    try:
        runs = pool.map(text, jobs * 50)
        next(runs)
        for process in list(pool._pool._processes.values()):  # what a kernel out of memory does
            process.send_signal(signal.SIGKILL) if hasattr(process, "send_signal") else process.kill()
        with pytest.raises(ExecutorError, match="finished runs are kept"):
            list(runs)
    finally:
        pool.close()
