"""A run over an archive: studies found, judged by an engine's workers, and written down as they end."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import Cancelled, UsageError
from ..progress import Progress, report_progress
from .closing import close_studies
from .engine import Engine, EngineOptions, engine_of
from .judge import Batch, Judged, judge_batch
from .page import write_page
from .parquet import require_parquet, write_parquet
from .place import keep_places, output_place
from .reports import Reports
from .rows import DONE, FAILED, StudyRows, failed_rows
from .store import Store
from .studies import JudgeOptions, Source, SourceError, State, StudyRef
from .summary import summary_of
from .tally import Tally

MOST_STUDIES, MOST_WEIGHT = 16, 2000
"""Studies and files of one task: what a kill can cost, and few enough that workers end at about the same time."""
MOST_ATTEMPTS = 3
"""How often a study is tried, nothing else under way, whose worker ended in the middle of it."""
_DIED = (
    "the process that read it ended {count} times, also when it read nothing else: it needs more memory than "
    "a worker may take, or a library that decodes it crashes"
)


@dataclass(frozen=True)
class RunOptions:
    """How a run goes, which decides no row."""

    engine: EngineOptions = field(default_factory=EngineOptions)
    study_limit_s: float = 1800.0
    """After which a study is given up."""
    retry: bool = False
    """Whether studies that failed before are tried again."""
    reports: bool = False
    """Whether each study gets an HTML report of its own."""


def run_archive(
    sources: Sequence[Source],
    places: Sequence[str],
    output: str | Path,
    options: JudgeOptions | None = None,
    how: RunOptions | None = None,
    progress: Progress | None = None,
) -> Tally:
    """Judge all studies of sources, and write tables of what was found.

    What an earlier run of the same output has done is not done again, unless the study, the options or this library's
    version have changed. A run that is stopped or killed keeps every study that had ended.

    Parameters
    ----------
    places
        Of the sources, as people name them: an output stays with its places.
    output
        A new folder, or one of an earlier run.

    Raises
    ------
    UsageError
        When sources or the output cannot be used, or another run uses it.
    Cancelled
        When ``progress`` returned False.
    """
    options, how, folder = options or JudgeOptions(), how or RunOptions(), Path(output)
    started = time.monotonic()
    require_parquet()
    with output_place(folder) as private:
        keep_places(private, places)
        with Store(folder) as store, engine_of(how.engine) as engine:
            store.begin_run(options, {"workers": engine.workers, "threads": how.engine.threads}, _now())
            run = _Run(store, engine, State(private, engine), options, how, Reports(folder), progress)
            try:
                run.reports.begin(how.reports)
                for source in sources:
                    run.judge(source)
                run.finish()
                run.tally.summary = summary_of(store)
                write_parquet(store, folder)
                write_page(run.tally.summary, folder)
            except BaseException as error:
                outcome = "stopped" if isinstance(error, Cancelled | KeyboardInterrupt) else "failed"
                store.try_to_end_run(_now(), outcome)
                raise
            run.tally.seconds = time.monotonic() - started
            store.end_run(_now(), "complete")
            return run.tally


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


class _Run:
    """One run under way."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        state: State,
        options: JudgeOptions,
        how: RunOptions,
        reports: Reports,
        progress: Progress | None,
    ) -> None:
        self._store, self._engine, self._state = store, engine, state
        self._options, self._how, self._progress = options, how, progress
        self.tally, self.reports = Tally(), reports
        self._again: list[StudyRef] = []
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._begun: float | None = None
        self._files = 0

    def judge(self, source: Source) -> None:
        """Judge the studies of a source that are not done."""
        base = Batch((), source.reader(), self._options, self._how.study_limit_s, self.reports.wanted)
        batches = (replace(base, refs=refs) for refs in in_batches(self._to_do(source)))
        self._take_all(batches)
        # Study by study, so that one that ends its worker takes few with it; what is lost once more one at a time, so
        # that it takes none. Only then is a study to blame.
        alone = False
        while self._again:
            again, self._again = self._again, []
            self._take_all((replace(base, refs=(ref,)) for ref in again), alone=alone)
            alone = True

    def _to_do(self, source: Source) -> Iterator[StudyRef]:
        seen: list[StudyRef] = []
        for ref in source.find(self._state, self._progress):
            if not self._is_done(ref):
                self._begun = self._begun or time.monotonic()
                yield ref
                continue
            self.tally.already_done += 1
            seen.append(replace(ref, where=None))
            if len(seen) >= 1000:
                self._store.see(seen)
                seen.clear()
        self._store.see(seen)

    def _is_done(self, ref: StudyRef) -> bool:
        state = self._store.state_of(ref, self._options)
        if state == FAILED:
            return not self._how.retry
        return state == DONE and not self.reports.lack(ref)

    def _take_all(self, batches: Iterable[Batch], *, alone: bool = False) -> None:
        for outcome in self._engine.run(judge_batch, batches, alone=alone):
            if outcome.result is None:
                self._lost(outcome.task, alone=alone)
            else:
                self._take(outcome.result)
            self._tell()

    def _take(self, judged: Judged) -> None:
        self._commit(judged.rows)
        if judged.source_lost:
            raise SourceError(f"{judged.source_lost}; the same command goes on where this run ended")
        self._again += judged.left
        if judged.stuck_process is not None:
            self._engine.end_process(judged.stuck_process)

    def _commit(self, rows: Sequence[StudyRows]) -> None:
        self._store.commit(rows, self._options)
        self.reports.forget(
            (study.source, study.study_uid) for study in rows if study.state == FAILED or not self.reports.wanted
        )
        self.tally.judged += len(rows)
        self.tally.failed += sum(study.state == FAILED for study in rows)
        self._files += sum(study.files for study in rows)

    def _lost(self, batch: Batch, *, alone: bool) -> None:
        if not alone:
            self._again += batch.refs
            return
        for ref in batch.refs:
            key = ref.source, ref.study_uid
            self._attempts[key] += 1
            if self._attempts[key] < MOST_ATTEMPTS:
                self._again.append(ref)
            else:
                self._commit([failed_rows(ref, _DIED.format(count=MOST_ATTEMPTS), self._options)])

    def _tell(self) -> None:
        done = self.tally.judged + self.tally.already_done
        total = max(self._state.expected, done)
        took = max(time.monotonic() - (self._begun or time.monotonic()), 1e-3)
        left = (total - done) * took / max(self.tally.judged, 1)
        text = f"studies, {self._files / took:,.0f} files/s, {_duration(left)} left"
        report_progress(self._progress, done, total, text, "the run was stopped")

    def finish(self) -> None:
        """Take out what is gone, and say what only all studies together show."""
        tally, state = self.tally, self._state
        tally.passed_over, tally.remarks = state.passed_over, state.remarks
        if not tally.judged and not tally.already_done:
            raise UsageError(
                "no study was found: there is no DICOM object in what was named, or it cannot be reached; nothing was "
                "changed"
            )
        if state.unlisted:
            tally.remarks.append("not everything could be listed: rows of studies that were not found are kept")
        else:
            gone = self._store.forget_unseen()
            tally.gone = len(gone)
            self.reports.forget(gone)
        close_studies(self._store)


def in_batches(refs: Iterable[StudyRef]) -> Iterator[tuple[StudyRef, ...]]:
    """Put small studies together; a big one stays alone."""
    batch: list[StudyRef] = []
    weight = 0
    for ref in refs:
        if batch and (len(batch) >= MOST_STUDIES or weight + ref.weight > MOST_WEIGHT):
            yield tuple(batch)
            batch, weight = [], 0
        batch.append(ref)
        weight += ref.weight
    if batch:
        yield tuple(batch)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
