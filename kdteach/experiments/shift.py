"""Hand out jobs, take what comes back, write it down, and collect what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)

from kdteach.experiments.design import config_text
from kdteach.experiments.executors import LocalExecutor
from kdteach.experiments.failures import Failure, RunsFailedError, in_words, title_of
from kdteach.experiments.guards import device_class, require_same_kind
from kdteach.experiments.jobs import Done, Job
from kdteach.experiments.ledger import Ledger
from kdteach.experiments.plan import Plan, Work
from kdteach.experiments.progress import Progress, Task, listening
from kdteach.experiments.references import Learned, UnreachableError
from kdteach.experiments.teacher_store import TeacherStore
from kdteach.results import run_key
from kdteach.training import TrainingDivergedError
from kdteach.types import RunRecord

_LOOK = 1.0  # seconds between two looks at those who work
_HandedIn = dict["Future[Done]", tuple[Work, Task]]


class Shift:
    """All jobs of one call of ``reproduce``.

    Args:
        plan: what is to be done.
        ledger: where the records go.
        store: of teachers.
        recorded: what was recorded before.
        say: called with each line.
        job: what a worker is to call with its ``Job``.
    """

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        store: TeacherStore,
        recorded: Iterable[RunRecord],
        say: Callable[[str], None],
        job: Callable[[Job], Done],
    ) -> None:
        self.plan, self.ledger, self.store, self.say = plan, ledger, store, say
        self.job = job
        # a record with which new ones must agree
        self.kinds = [r for r in recorded if "device" in r.environment][:1]
        self.known = {run_key(r.config, r.seed) for r in recorded}
        self.whole = False  # whether jobs carry their teachers' logits themselves
        self.trained: set[str] = set()
        self.failures: list[Failure] = []
        self.failed: set[str] = set()
        self.recorded = 0

    def all(self, pool: Executor, in_flight: int, threads: int | None) -> None:
        """Do all work, teachers before their students.

        Args:
            pool: does it.
            in_flight: jobs that it is given at once.
            threads: of a job; None leaves them.

        Raises:
            RuntimeError: a worker process died.
            OSError: the results cannot be written, or data cannot be read.
        """
        waiting = list(self.plan.work)
        runs, cost = self.plan.runs, self.plan.cost
        away = not isinstance(pool, LocalExecutor)
        running: _HandedIn = {}
        try:
            with Progress(self.ledger.name, runs, cost, self.say, files=away) as progress:
                while waiting or running:
                    self._hand_in(waiting, running, pool, in_flight, threads, progress)
                    finished, _ = wait(running, _LOOK, return_when=FIRST_COMPLETED)
                    progress.refresh()
                    for future in finished:
                        self._take(*running.pop(future), future, waiting, progress)
        except BrokenExecutor as error:
            raise RuntimeError(
                f"{self.ledger.name}: a worker process died (out of memory, or killed). "
                f"{self.recorded} runs were recorded; the same command goes on from there."
            ) from error
        except CancelledError as error:
            raise RuntimeError(
                f"{self.ledger.name}: the executor was shut down. {self.recorded} runs "
                "were recorded; the same command goes on from there."
            ) from error
        except KeyboardInterrupt:
            for failure in self.failures:
                self.say(str(failure))
            self.say(
                f"stopped. {self.recorded} of {runs} runs were recorded; the same command "
                "goes on from there."
            )
            raise
        finally:
            for future in running:
                future.cancel()

    def raise_failures(self) -> None:
        """Raise what failed, if anything did."""
        if self.failures:
            raise RunsFailedError(self.ledger.name, self.recorded, self.failures)

    def _hand_in(
        self,
        waiting: list[Work],
        running: _HandedIn,
        pool: Executor,
        in_flight: int,
        threads: int | None,
        progress: Progress,
    ) -> None:
        """Give the pool as many jobs as it takes, of those whose teachers are trained."""
        waiting[:] = [kept for item in waiting if (kept := self._taught(item)) is not None]
        ready = [item for item in waiting if item.waits_for <= self.trained]
        if waiting and not ready and not running:
            raise RuntimeError(
                f"{self.ledger.name}: {len(waiting)} jobs wait for teachers that nobody "
                "trains"
            )
        for item in ready:
            if len(running) >= in_flight:
                return
            waiting.remove(item)
            task = progress.begin(item.cost, title_of(item.configs, item.seed))
            try:
                job = self._job(item, threads, task)
            except (ValueError, TypeError, RuntimeError) as error:
                self._fail(item, task, error, waiting, progress)
                continue
            with listening(progress.listen(task)):
                running[pool.submit(self.job, job)] = item, task
            if in_flight == 1:
                return  # what has come back is looked at before the next one begins

    def _taught(self, item: Work) -> Work | None:
        """Those of a job's runs whose teacher has not failed, None where there is none."""
        lost = []
        for i, (config, source) in enumerate(zip(item.configs, item.teachers, strict=True)):
            if source is not None and run_key(source[0], item.seed) in self.failed:
                lost.append(i)
                self._note(Failure(config, item.seed, "its teacher failed", left_out=True))
        if not lost:
            return item
        rest = [i for i in range(len(item.configs)) if i not in lost]
        return item.only(rest) if rest else None

    def _take(
        self,
        item: Work,
        task: Task,
        future: Future[Done],
        waiting: list[Work],
        progress: Progress,
    ) -> None:
        """Write down what a job gave back, or note that it failed."""
        try:
            done = future.result()
        except (OSError, BrokenExecutor, CancelledError):
            raise  # the next job would meet the same
        except UnreachableError:  # a worker that does not see this folder is sent them
            self.whole = True
            waiting.insert(0, item)
            progress.end(task, 0, again=item.cost)
            return
        except Exception as error:
            self._fail(item, task, error, waiting, progress)
            return
        for place, said in done.diverged.items():
            self._note(Failure(item.configs[place], item.seed, said))
        written = self._write(item, done)
        self.recorded += written
        self.trained |= set(item.keys()) - self.failed
        progress.end(task, written)

    def _fail(
        self,
        item: Work,
        task: Task,
        error: Exception,
        waiting: list[Work],
        progress: Progress,
    ) -> None:
        """Note that a run failed; of a stack, each member is tried alone."""
        if len(item.configs) > 1:
            alone = [item.only([i]) for i in range(len(item.configs))]
            waiting[0:0] = alone
            progress.end(task, 0, again=item.cost)
            return
        progress.end(task, 0)
        said = str(error) if isinstance(error, TrainingDivergedError) else in_words(error)
        self._note(Failure(item.configs[0], item.seed, said))

    def _note(self, failure: Failure) -> None:
        self.failures.append(failure)
        self.failed.add(run_key(failure.config, failure.seed))
        self.say(str(failure))

    def _job(self, item: Work, threads: int | None, task: Task) -> Job:
        tables: dict[str, Learned] = {}
        logits: list[Learned] = []
        give = self.store.get if self.whole else self.store.reference
        for source in item.teachers:
            if source is None:
                logits.append(None)
                continue
            key = config_text(source[0]) + str(source[1])
            if key not in tables:
                tables[key] = give(*source, item.seed)
            logits.append(tables[key])
        return Job(
            self.plan.data, self.plan.data_dir, item.seed, item.configs, tuple(logits),
            item.keep_epochs, threads, self.plan.commit, task.file,
            tuple(None if source is None else source[0] for source in item.teachers),
        )  # fmt: skip

    def _write(self, item: Work, done: Done) -> int:
        """Write down what came back, and say how many of the runs are now recorded."""
        for epoch, logits in done.logits.items():
            weights = done.weights.get(epoch)
            self.store.put(item.configs[0], epoch, item.seed, logits, weights)
        fresh, written = [], 0
        for record in done.records:
            key = run_key(record.config, record.seed)
            if key not in self.known:  # a teacher may be trained again for its logits
                try:
                    fresh.append(self.ledger.signed(record))
                except (TypeError, ValueError) as error:
                    self._note(Failure(record.config, record.seed, in_words(error)))
                    continue
            written += 1
        if fresh:
            for record in fresh:  # workers may be other machines than this one
                device = device_class(record.environment.get("device"))
                with self.ledger.named():
                    require_same_kind(self.kinds, device, None)
            self.ledger.add(fresh)
            self.kinds = self.kinds or fresh[:1]
            self.known |= {run_key(r.config, r.seed) for r in fresh}
        return written
