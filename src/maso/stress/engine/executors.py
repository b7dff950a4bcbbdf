"""Where runs are made: in this process, in a pool of processes, or on a Ray cluster.

All three take jobs and hand back runs as they finish, in any order; nothing that is concluded depends on the
order. A pool has one process a core, started fresh (`spawn`), so that it holds nothing of the caller's.
Ctrl-C belongs to the caller: workers do not hear it. What has finished is handed over, what is under way is
given up, and the workers end at once, as they do when the caller is gone (`lifeline.py`).

Ray is an optional extra (`requirements-ray.lock`): `RAY_ADDRESS` names the cluster, without it a local one is
started. Every node needs the same maso; the code's digest is part of a run's name, and is compared.
"""

import gc
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol, TypeVar

from maso.stress.engine import lifeline
from maso.stress.engine.job import Job, Run, code_digest, perform
from maso.stress.registry import by_id

Named = tuple[str, Job]
T = TypeVar("T")
# Young objects before garbage is looked for: a crowd of instances is no garbage while its run lasts, and by
# the interpreter's own 700 a worker spends a fifth of its time looking. What a longer run leaves is collected
# at its end, so that a worker stays under 250 MB.
_YOUNG_MAX: Final = 50_000
_LONG_SECONDS: Final = 0.1
# Jobs handed to a pool ahead of its workers: enough that none waits, few enough that Ctrl-C drops the rest.
AHEAD: Final = 4


class ExecutorError(Exception):
    """The executor cannot be used, or lost a worker; says what to do."""


class Executor(Protocol):
    """Makes runs. `close` drops what was not begun, and gives up what is under way."""

    def map(self, text: str, jobs: Sequence[Named]) -> Iterator[Run]: ...

    def close(self) -> None: ...


class Inline:
    """In this process, one after the other."""

    def map(self, text: str, jobs: Sequence[Named]) -> Iterator[Run]:
        for key, job in jobs:
            yield perform(text, key, job)

    def close(self) -> None:
        return


def _begin(line: Connection) -> None:
    lifeline.hold(line)
    by_id()
    gc.freeze()  # what was imported stays
    gc.set_threshold(_YOUNG_MAX)


def _in_worker(text: str, key: str, job: Job) -> Run:
    lifeline.busy(True)
    try:
        run = perform(text, key, job)
    finally:
        lifeline.busy(False)
    if run.cpu_seconds > _LONG_SECONDS:
        gc.collect()
    return run


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """What is started in here never hears Ctrl-C, from its first instant on; the caller hears it after."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Processes:
    """A pool of `workers` processes; the cores that this process may use, unless told."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()
        fresh = multiprocessing.get_context("spawn")
        self._theirs, self._held = fresh.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            self.workers, mp_context=fresh, initializer=_begin, initargs=(self._theirs,)
        )

    def submit(self, what: Callable[..., T], *arguments: object) -> Future[T]:
        """One call in a worker, which is started when there is none that waits."""
        with _deaf_to_ctrl_c():
            return self._pool.submit(what, *arguments)

    def map(self, text: str, jobs: Sequence[Named]) -> Iterator[Run]:
        waiting = list(reversed(jobs))
        running: list[Future[Run]] = []
        try:
            while waiting or running:
                while waiting and len(running) < self.workers + AHEAD:
                    key, job = waiting.pop()
                    running.append(self.submit(_in_worker, text, key, job))
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                finished = [future for future in running if future in done]
                running = [future for future in running if future not in done]
                for future in finished:
                    yield future.result()
        except BrokenProcessPool:
            raise ExecutorError(
                "a worker process died (out of memory, or killed); finished runs are kept: `--resume` goes on"
            ) from None
        except KeyboardInterrupt:
            for future in running:
                if future.done() and not future.cancelled() and future.exception() is None:
                    yield future.result()
            raise

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._held.close()
        self._theirs.close()


def _their_code() -> str:
    """A plain function: Ray takes no cached one."""
    return code_digest()


class Ray:
    """A Ray cluster. Raises ExecutorError when Ray is not installed or its nodes run another maso."""

    def __init__(self) -> None:
        try:
            import ray  # noqa: PLC0415 - an optional extra
        except ImportError:
            raise ExecutorError(
                "Ray is not installed; legal: `./maso --with ray stress ...` in a clone installs it, once, "
                "`pip install '.[ray]'` elsewhere, or another executor"
            ) from None
        self._ray: Any = ray
        address = os.environ.get("RAY_ADDRESS")
        ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
        self._perform = ray.remote(perform)
        theirs = ray.get(ray.remote(_their_code).remote())
        if theirs != code_digest():
            raise ExecutorError(
                "the cluster's nodes run another maso than this one; install the same version"
            )

    def map(self, text: str, jobs: Sequence[Named]) -> Iterator[Run]:
        shared = self._ray.put(text)
        ahead = 2 * int(self._ray.cluster_resources().get("CPU", 1)) + AHEAD
        waiting = list(reversed(jobs))
        running: list[Any] = []
        while waiting or running:
            while waiting and len(running) < ahead:
                key, job = waiting.pop()
                running.append(self._perform.remote(shared, key, job))
            done, running = self._ray.wait(running, num_returns=1)
            yield from self._ray.get(done)

    def close(self) -> None:
        self._ray.shutdown()


def make(name: str, workers: int | None = None) -> Executor:
    """The executor of this name: `processes`, `inline` or `ray`."""
    match name:
        case "inline":
            return Inline()
        case "processes":
            return Processes(workers)
        case "ray":
            return Ray()
    raise ExecutorError(f"there is no executor `{name}`; legal: `processes`, `inline`, `ray`")


def cores() -> int:
    """Cores that this process may use; a container's limit is often less than the machine's."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1
