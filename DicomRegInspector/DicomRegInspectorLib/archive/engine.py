"""Where work is done: here and now, or by Dask in processes, threads or a cluster."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from ..errors import UsageError

T = TypeVar("T")
R = TypeVar("R")
MISSING = "needs Dask, PyArrow and dicomweb-client; install them: pip install 'dicom-reg-inspector[archive]'"
WINDOW = 2
"""Tasks for each of an engine's workers that are under way or wait for it: enough that none is idle, few enough that
what waits takes no memory."""

MOST_STARTS = 3
"""How often a cluster is started that fails to."""

_SETTINGS = {
    # A batch whose worker ends is done again study by study, not as a whole.
    "distributed.scheduler.allowed-failures": 0,
    # What Dask watches for a dashboard that nobody opens.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
}


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """A task, and what came out."""

    task: T
    result: R | None
    lost: str = ""
    """Why there is no result: its worker ended in the middle of it."""


class Engine(Protocol):
    """Runs functions of tasks. A context manager: what it started has ended afterwards."""

    workers: int
    """How many tasks are under way at a time."""

    def run(self, work: Callable[[T], R], tasks: Iterable[T], *, alone: bool = False) -> Iterator[Outcome[T, R]]:
        """Run tasks, of which only a few are asked for beforehand; outcomes come in the order in which they end.

        Parameters
        ----------
        alone
            Whether no task waits at a worker behind another one, so that one that ends its worker is lost alone.

        Raises
        ------
        UsageError
            When the workers cannot be reached any more.
        """

    def end_process(self, process: int) -> None:
        """Stop a worker's process, in which something goes on that does not end; another one takes its place."""

    def __enter__(self) -> Engine: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SerialEngine:
    """One task after the other, in this process."""

    workers = 1

    def run(self, work: Callable[[T], R], tasks: Iterable[T], *, alone: bool = False) -> Iterator[Outcome[T, R]]:
        """Run tasks; see :class:`Engine`."""
        for task in tasks:
            yield Outcome(task, work(task))

    def end_process(self, process: int) -> None:
        """Leave what does not end to itself."""

    def __enter__(self) -> SerialEngine:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


@dataclass(frozen=True)
class EngineOptions:
    """Where work is done."""

    workers: int | None = None
    """Processes or threads; 0: none, here and now; None: one for each processor."""
    threads: bool = False
    """Threads of this process in place of processes."""
    scheduler: str = ""
    """Address of a Dask scheduler that is there, ``tcp://host:8786``; empty: none."""
    memory: str = ""
    """What each process may take, ``4GB``; empty: its share of the machine's. One that needs more is ended."""


def engine_of(options: EngineOptions) -> Engine:
    """Make the engine that is asked for.

    Raises UsageError when Dask is not installed, or options contradict each other.
    """
    if options.workers == 0 and not options.scheduler:
        return SerialEngine()
    try:
        import dask  # noqa: F401
        import distributed  # noqa: F401
    except ImportError as error:
        raise UsageError(f"archive {MISSING}") from error
    return DaskEngine(options)


class DaskEngine:
    """Dask's workers: a cluster of this machine's processors, or one that is there."""

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._cluster: Any = None
        self._client: Any = None
        self.workers = options.workers or os.cpu_count() or 1

    def __enter__(self) -> DaskEngine:
        import dask

        self._settings = dask.config.set(_SETTINGS)
        self._settings.__enter__()
        attempts = 1 if self._options.scheduler else MOST_STARTS
        try:
            while self._client is None:
                attempts -= 1
                self._try_to_start(attempts)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def _try_to_start(self, attempts_left: int) -> None:
        try:
            self._start()
        except (OSError, ValueError, RuntimeError) as error:
            # A process that is ended while it starts takes its cluster with it.
            self._close()
            if not attempts_left:
                where = self._options.scheduler or "workers on this machine"
                reason = error.__cause__ or error
                told = f"{type(reason).__name__}: {reason}" if str(reason) else type(reason).__name__
                raise UsageError(f"{where}: cannot be reached by Dask ({told})") from error

    def _start(self) -> None:
        import logging

        from distributed import Client, LocalCluster

        options = self._options
        if not options.scheduler:
            self._cluster = LocalCluster(
                n_workers=1 if options.threads else self.workers,
                threads_per_worker=self.workers if options.threads else 1,
                processes=not options.threads,
                memory_limit=options.memory or "auto",
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
                # Who can speak to a worker can run anything: nobody else on this machine can.
                security=None if options.threads else True,
            )
        self._client = Client(self._cluster or options.scheduler, timeout=30, set_as_default=False)
        if options.scheduler:
            self.workers = max(sum(self._client.nthreads().values()), 1)

    def _close(self) -> None:
        for part in (self._client, self._cluster):
            if part is not None:
                with suppress(Exception):
                    part.close()
        self._client = self._cluster = None

    def __exit__(self, *exception: object) -> None:
        self._close()
        self._settings.__exit__(None, None, None)

    def run(self, work: Callable[[T], R], tasks: Iterable[T], *, alone: bool = False) -> Iterator[Outcome[T, R]]:
        """Run tasks; see :class:`Engine`."""
        from concurrent.futures import CancelledError

        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        queue, left = as_completed(loop=self._client.loop), iter(tasks)
        under_way: dict[Any, T] = {}

        most = self.workers * (1 if alone else WINDOW)

        def fill() -> None:
            while len(under_way) < most:
                for task in left:
                    future = self._client.submit(_run_packed, pickle.dumps((work, task)), pure=False)
                    under_way[future.key] = task
                    queue.add(future)
                    break
                else:
                    return

        fill()
        while under_way:
            future = next(queue)
            task = under_way.pop(future.key)
            try:
                outcome = Outcome(task, pickle.loads(future.result()))
            except (KilledWorker, CancelledError, OSError) as error:
                outcome = Outcome(task, None, type(error).__name__)
            future.release()
            if self._client.status != "running":
                raise UsageError("the workers cannot be reached any more; run again to go on")
            fill()
            yield outcome

    def end_process(self, process: int) -> None:
        """Stop a worker's process on this machine, if it is one of this engine's."""
        if self._cluster is None or self._options.threads:
            return
        own = {getattr(worker, "pid", None) for worker in self._cluster.workers.values()}
        if process in own:
            with suppress(ProcessLookupError):
                os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def _run_packed(task: bytes) -> bytes:
    """Run a task in a worker, packed in one piece: of a list Dask would send each part for itself."""
    work, argument = pickle.loads(task)
    return pickle.dumps(work(argument))
