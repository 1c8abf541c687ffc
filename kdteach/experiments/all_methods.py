"""Every method with one protocol: what is missing is searched, tested and written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path

from kdteach.checks import check_list, shown
from kdteach.experiments.executors import check_name, open_executor
from kdteach.experiments.ledger import Ledger
from kdteach.experiments.method_runs import (
    APART,
    choose,
    chosen_config,
    search_config,
    searched,
    tested,
)
from kdteach.experiments.methods import METHODS
from kdteach.experiments.order import commit_of
from kdteach.experiments.protocols import Protocol
from kdteach.files import check_path
from kdteach.results import Folder, records_folder, run_key
from kdteach.types import RunRecord

Call = tuple[Callable[..., RunRecord], tuple[object, ...]]


@dataclass(frozen=True)
class Order:
    """What is run of a protocol.

    Attributes:
        protocol: which.
        methods: their names.
        images: sizes of the transfer set, one after the other.
        seeds: of the tests.
        divisions: of the search; None for what the protocol says of each size.
        epochs: of each student; None for what the protocol says.
        data_dir: folder of MNIST, by default ``$KDTEACH_DATA``.
    """

    protocol: Protocol
    methods: Sequence[str] = tuple(METHODS)
    images: Sequence[int] = ()
    seeds: int = 10
    divisions: int | None = None
    epochs: int | None = None
    data_dir: Path | None = None

    def __post_init__(self) -> None:
        """Raise TypeError or ValueError for a method or a size that there is not."""
        for given, known in (
            (self.methods, METHODS), (self.images, self.protocol.images),
        ):  # fmt: skip
            for one in check_list("methods and images", given, "names"):
                if one not in known:
                    raise ValueError(
                        f"{shown(one)} is none of {', '.join(map(str, known))}"
                    )


def record(
    order: Order, *, executor: str | None, results_dir: Folder | None,
    say: Callable[[str], None],
) -> Path:  # fmt: skip
    """Search and test what is not recorded yet, one size of the transfer set after another.

    With each size first all searches that are missing, then all students: a run that is
    stopped leaves whole sizes. What has ended is written down at once or nearly so, and the
    same call goes on from there.

    Args:
        order: what is to be run.
        executor: "local", "processes" or as ``kdteach.experiments.reproduce``; by default
            processes where there are several cores.
        results_dir: where the records go, by default into the package.
        say: called with one line a group of records.

    Returns:
        The path of the records.

    Raises:
        TypeError: an argument of another type.
        ValueError: an unknown executor.
        LockedError: another process is adding to these records.
    """
    if executor is not None:
        check_name(executor)
    folder = (
        records_folder() if results_dir is None else check_path("results_dir", results_dir)
    )
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(order.protocol.record, folder)
    commit = commit_of(Path(__file__).parent)
    with ledger.alone():
        for images in order.images:
            for stage in (_searches, _tests):
                calls = list(stage(ledger, order, images, commit))
                with open_executor(executor, len(calls)) as (pool, most, _):
                    together = 1 if most == 1 else order.protocol.together
                    _all(calls, pool, most, ledger, together, say)
    return ledger.path


def _divisions(order: Order, images: int) -> int:
    usual = order.protocol.divisions[images]
    return usual if order.divisions is None else order.divisions


def _searches(ledger: Ledger, order: Order, images: int, commit: str) -> Iterator[Call]:
    known = {run_key(r.config, r.seed) for r in ledger.load()}
    data, epochs = order.protocol.data, order.epochs
    for name in order.methods:
        config = search_config(name, images, epochs, data)
        for draw in range(_divisions(order, images)):
            if run_key(config, APART + draw) not in known:
                yield searched, (name, images, draw, commit, epochs, data, order.data_dir)


def _tests(ledger: Ledger, order: Order, images: int, commit: str) -> Iterator[Call]:
    found = {run_key(r.config, r.seed): r for r in ledger.load()}
    data, epochs, tried = order.protocol.data, order.epochs, _divisions(order, images)
    for name in order.methods:
        config = search_config(name, images, epochs, data)
        setting = choose([found[run_key(config, APART + d)] for d in range(tried)])
        config = chosen_config(name, images, setting, epochs, data)
        for seed in range(order.seeds):
            if run_key(config, seed) not in found:
                yield tested, (
                    name, images, setting, seed, commit, epochs, data, order.data_dir,
                )  # fmt: skip


def _all(
    calls: Sequence[Call], pool: Executor, most: int, ledger: Ledger, together: int,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """Make all calls, so many at once, and write down what they return."""
    waiting, running, new = list(calls), set[Future[RunRecord]](), list[RunRecord]()
    ended = 0

    def write() -> None:
        if new:
            ledger.add([ledger.signed(record) for record in new])
            stage = new[-1].config["stage"]
            say(f"{ledger.name}: {stage}: {ended} of {len(calls)} recorded")
            new.clear()

    try:
        while waiting or running:
            while waiting and len(running) < most:
                function, arguments = waiting.pop(0)
                running.add(pool.submit(function, *arguments))
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                new.append(future.result())
                ended += 1
            if len(new) >= together:
                write()
    finally:
        write()
        for future in running:
            future.cancel()
