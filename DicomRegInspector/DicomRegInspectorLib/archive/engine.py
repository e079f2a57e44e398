"""Where work is done: here and now, or by Dask in processes, threads or a cluster."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from ..address_space import address_space_left, is_lack_of_memory
from ..errors import UsageError
from ..memory import no_room, require_address_space, require_room_for_libraries
from ..version import __version__

T = TypeVar("T")
R = TypeVar("R")
WINDOW = 2
"""Tasks for each of an engine's workers that are under way or wait for it: enough that none is idle, few enough that
what waits takes no memory."""

MOST_STARTS = 3
"""How often a cluster is started that fails to."""
_LOOK_S = 1.0
"""How often it is looked whether all workers are there."""
_MOST_LOOKS = 300
"""How often in a row none may be there."""
_BEGIN_S = 10.0
"""How long workers that begin when all is done get for that."""
_NOTICED_S = 30.0
"""How long it may take until a process that was ended is known to have."""

_OF_A_THREAD = 72 << 20
"""Address space that a thread takes: its stack, and what the C library reserves for what it allocates."""
_NO_SPACE, _MOST_LOOKS_WITHOUT_ROOM = 1 << 20, 60
"""Bytes left of a limit with which messages of Dask get lost, and how often in a row there may be no more."""
_OF_A_CLOSE_S = 10.0
"""How long a part of a cluster gets to close."""

_SETTINGS = {
    # A batch whose worker ends is done again study by study, not as a whole.
    "distributed.scheduler.allowed-failures": 0,
    # What Dask watches for a dashboard that nobody opens.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    # What Dask keeps for who debugs it, the last thousand messages among it: of an archive all paths, and twice.
    "distributed.admin.low-level-log-length": 0,
    # Pages for a browser, of which every user of the machine could ask for.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # After which a worker is closed for good that does not come back: one may end again while it begins.
    "distributed.deploy.lost-worker-timeout": "60s",
}


def not_installed(error: ImportError) -> UsageError:
    """Return what to say where a library of archives is missing.

    Raises UsageError where it is there, and memory does not suffice.
    """
    require_room_for_libraries(error)
    return UsageError(
        "archive needs Dask, PyArrow and dicomweb-client; install them: pip install 'dicom-reg-inspector[archive]'"
    )


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """A task, and what came out."""

    task: T
    result: R | None
    """None where its worker ended in the middle of it."""


class Engine(Protocol):
    """Runs functions of tasks. A context manager: what it started has ended afterwards."""

    workers: int
    """How many tasks are under way at a time."""

    def run(self, work: Callable[[T], R], tasks: Iterable[T], *, alone: bool = False) -> Iterator[Outcome[T, R]]:
        """Run tasks, of which only a few are asked for beforehand; outcomes come in the order in which they end.

        No task is asked for between an outcome and the moment when the next outcome is wanted. With a worker that ends
        all that wait at it are lost, too.

        Parameters
        ----------
        alone
            Whether there is one task at a time, so that one that ends its worker is lost alone.

        Raises
        ------
        UsageError
            When the workers cannot be reached any more.
        """

    def end_process(self, process: int) -> None:
        """Stop a worker's process, in which something goes on that does not end; another one takes its place.

        No task that is asked for afterwards goes there.
        """

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
        raise not_installed(error) from error
    return DaskEngine(options)


class DaskEngine:
    """Dask's workers: a cluster of this machine's processors, or one that is there."""

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._cluster: Any = None
        self._client: Any = None
        self._looked = 0.0
        self._looks_at_none = 0
        self._is_starved = False
        self.workers = options.workers or os.cpu_count() or 1

    def __enter__(self) -> DaskEngine:
        if not self._options.scheduler:
            each = 2 if self._options.threads else 3
            require_address_space((3 + each * self.workers) * _OF_A_THREAD, f"for {self.workers} workers")
        import dask
        import distributed  # noqa: F401 # whose own settings it brings

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
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            # A process that is ended while it starts takes its cluster with it.
            self._close()
            if is_lack_of_memory(error):
                raise UsageError(no_room("to start workers")) from error
            if not attempts_left:
                where = self._options.scheduler or "workers on this machine"
                reason: BaseException = error
                while reason.__cause__ is not None:
                    reason = reason.__cause__
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
                # Any port that is free: with the usual one a second run on the machine would be told of.
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                silence_logs=logging.CRITICAL,
                # Who can speak to a worker can run anything: nobody else on this machine can.
                security=None if options.threads else True,
            )
        self._client = Client(self._cluster or options.scheduler, timeout=30, set_as_default=False)
        self._client.loop.asyncio_loop.set_exception_handler(self._notice)
        if options.scheduler:
            self._check_versions(self._client)
            self.workers = max(sum(self._client.nthreads().values()), 1)

    def _notice(self, loop: Any, context: dict[str, Any]) -> None:
        """Note that memory does not suffice to read a message: it is there for ever then, and read again and again."""
        error = context.get("exception")
        if isinstance(error, BaseException) and is_lack_of_memory(error):
            self._is_starved = True
        else:
            loop.default_exception_handler(context)

    def _check_versions(self, client: Any) -> None:
        """Refuse a cluster without this program: each worker would end over its first task, and none be left."""
        import pkgutil

        asked = pkgutil.resolve_name, f"{__name__}:__version__"
        found = client.run(*asked, on_error="return")
        try:
            found["the scheduler"] = client.run_on_scheduler(*asked)
        except Exception as error:
            found["the scheduler"] = error
        for place, version in found.items():
            if version != __version__:
                has = f"cannot load it ({version})" if isinstance(version, Exception) else f"has version {version}"
                raise UsageError(
                    f"{self._options.scheduler}: {place} {has}; scheduler and workers need DicomRegInspector "
                    f"{__version__}, as it is here"
                )

    def _close(self) -> None:
        for part in (self._client, self._cluster):
            if part is not None:
                with suppress(Exception):
                    part.close(timeout=_OF_A_CLOSE_S)
        self._client = self._cluster = None

    def __exit__(self, *exception: object) -> None:
        # A process that is stopped while it begins complains of that on the terminal.
        until = time.monotonic() + (_BEGIN_S if exception[0] is None else 0.0)
        while self._some_are_missing() and time.monotonic() < until:
            time.sleep(0.01)
        self._close()
        self._settings.__exit__(None, None, None)

    def run(self, work: Callable[[T], R], tasks: Iterable[T], *, alone: bool = False) -> Iterator[Outcome[T, R]]:
        """Run tasks; see :class:`Engine`."""
        from concurrent.futures import CancelledError

        from distributed.scheduler import KilledWorker

        ended: SimpleQueue[Any] = SimpleQueue()
        left = iter(tasks)
        under_way: dict[Any, T] = {}
        most = 1 if alone else self.workers * WINDOW

        def fill() -> None:
            while len(under_way) < most:
                for task in left:
                    future = self._client.submit(_run_packed, pickle.dumps((work, task)), pure=False)
                    under_way[future.key] = task
                    future.add_done_callback(ended.put)
                    break
                else:
                    return

        fill()
        while under_way:
            future = self._next(ended)
            task = under_way.pop(future.key)
            try:
                outcome = Outcome(task, pickle.loads(future.result()))
            except (KilledWorker, CancelledError, OSError):
                outcome = Outcome(task, None)
            future.release()
            if self._client.status != "running":
                raise UsageError("the workers cannot be reached any more; run again to go on")
            yield outcome
            fill()

    def _next(self, ended: SimpleQueue[Any]) -> Any:
        """The next future that is done; meanwhile workers are looked after."""
        looks_without_room = 0
        while True:
            left = address_space_left()
            looks_without_room = looks_without_room + 1 if left is not None and left < _NO_SPACE else 0
            if self._is_starved or looks_without_room > _MOST_LOOKS_WITHOUT_ROOM:
                raise UsageError(no_room("to speak with the workers"))
            if self._client.loop.asyncio_loop.is_closed():
                raise UsageError("the workers cannot be reached any more; run again to go on")
            self._look_after_workers()
            with suppress(Empty):
                return ended.get(timeout=_LOOK_S)

    def _look_after_workers(self) -> None:
        """Start workers of this machine anew that Dask has given up, as it does when one ends while it begins."""
        cluster, now = self._cluster, time.monotonic()
        if cluster is None or now - self._looked < _LOOK_S:
            return
        self._looked = now
        self._looks_at_none = 0 if cluster.scheduler.workers else self._looks_at_none + 1
        if self._looks_at_none > _MOST_LOOKS:
            raise UsageError("the workers on this machine end as soon as they begin; run again to go on")

        def start_anew() -> None:
            for name, worker in list(cluster.workers.items()):
                if worker.status.name in ("closed", "failed"):
                    del cluster.workers[name]
            if len(cluster.workers) < len(cluster.worker_spec):
                cluster.scale(len(cluster.worker_spec))

        cluster.loop.add_callback(start_anew)

    def _some_are_missing(self) -> bool:
        """Whether not all workers of this machine are there."""
        cluster = self._cluster
        return cluster is not None and len(cluster.scheduler.workers) < len(cluster.worker_spec)

    def end_process(self, process: int) -> None:
        """Stop a worker's process on this machine, if it is one of this engine's."""
        if self._cluster is None or self._options.threads:
            return
        for worker in list(self._cluster.workers.values()):
            if getattr(worker, "pid", None) != process:
                continue
            known, address = self._cluster.scheduler.workers, worker.worker_address
            ended = known.get(address)
            with suppress(ProcessLookupError):
                os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
            # Until the scheduler has noticed, it goes on sending tasks there.
            until = time.monotonic() + _NOTICED_S
            while ended is not None and known.get(address) is ended and time.monotonic() < until:
                time.sleep(0.01)


def _run_packed(task: bytes) -> bytes:
    """Run a task in a worker, packed in one piece: of a list Dask would send each part for itself."""
    work, argument = pickle.loads(task)
    return pickle.dumps(work(argument))
