"""Where jobs run: here, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import spawn
from typing import Any

import torch

from kdteach import workers
from kdteach.checks import check_count, shown
from kdteach.extras import require_extra

KNOWN = "local, processes, dask or dask=ADDRESS"
_PATIENCE = 4  # seconds to wait for a Dask scheduler


class LocalExecutor(Executor):
    """Runs each job at once, in this thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the job and return its finished future; Ctrl-C is not caught."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Processes(ProcessPoolExecutor):
    """Processes that send each other whole tensors.

    By itself torch sends the name of a piece of shared memory. That is small in many
    containers, and whoever fetches it must find the sender alive: when a run ended early, a
    thread of the caller met a worker that was gone, and its traceback hid the reason.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand in a job."""
        return super().submit(_call, _Whole((fn, args, kwargs)))


class _Whole:
    """Arrives as the value itself, which the plain pickle module has put into bytes."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        return pickle.loads, (pickle.dumps(self.value),)


def _call(job: Any) -> _Whole:
    function, arguments, named = job
    return _Whole(function(*arguments, **named))


def check_name(name: str) -> None:
    """Raise ValueError unless this names an executor."""
    if not isinstance(name, str):
        raise TypeError(
            f"executor must be one of {KNOWN}, or a concurrent.futures.Executor, got "
            f"{shown(name)}"
        )
    kind, _, address = name.partition("=")
    if name not in ("local", "processes", "dask") and not (kind == "dask" and address):
        raise ValueError(f"unknown executor {shown(name)}; known are {KNOWN}")


def require_answer(name: str) -> None:
    """Raise an error now if this names Dask and opening it later would.

    For callers with much to do before that: nobody waits for data to be read to be told
    that the address was wrong.

    Raises:
        ModuleNotFoundError: Dask is not installed.
        ConnectionError: no scheduler answers at the address.
    """
    kind, _, address = name.partition("=")
    if kind == "dask" and address:
        _connect(address).close()
    elif kind == "dask":
        _distributed()


@contextmanager
def open_executor(
    name: str | None, jobs: int, heavy: bool = False
) -> Iterator[tuple[Executor, int, int | None]]:
    """Open an executor by name and close it, leaving no job running.

    Args:
        name: "local", "processes", "dask" (a cluster on this machine) or "dask=ADDRESS";
            None takes processes where it pays: several jobs, several cores, no GPU, and
            jobs that are not heavy.
        jobs: how many there will be.
        heavy: each job keeps all cores busy, and takes much memory.

    Yields:
        (executor, jobs in flight, threads of a job or None to leave them).

    Raises:
        ValueError: an unknown name.
        ModuleNotFoundError: Dask is not installed.
        ConnectionError: nothing answers at the address.
    """
    jobs, cores = check_count("jobs", jobs, least=0), workers.count(None)
    if name is None:
        pays = jobs > 1 and cores > 1 and not heavy and not torch.cuda.is_available()
        name = "processes" if pays else "local"
    check_name(name)
    kind, _, address = name.partition("=")
    if kind == "local":
        yield LocalExecutor(), 1, None
    elif kind == "processes":
        wanted = min(cores, max(jobs, 1))
        pool = _Processes(wanted, mp_context=workers.context(), initializer=workers.begin)
        try:
            yield pool, wanted, max(1, cores // wanted)
        except BaseException:
            workers.end(pool)
            raise
        pool.shutdown()
    else:
        yield from _dask(address, cores)


def _dask(address: str, cores: int) -> Iterator[tuple[Executor, int, int | None]]:
    if not address:
        distributed = _distributed()
        with (
            _without_script("Dask"),
            distributed.LocalCluster(
                n_workers=cores, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client.get_executor(), cores, 1
        return
    with _connect(address) as client:
        workers = client.scheduler_info()["workers"]
        slots = sum(worker["nthreads"] for worker in workers.values())
        yield client.get_executor(), max(slots, 1), None


@contextmanager
def _without_script(names: str) -> Iterator[None]:
    """Inside the block processes with such names do not run the caller's script again.

    ``kdteach.workers`` does the same for processes that are started here; Dask starts its
    own, also later, in place of those that have died.
    """
    usual = spawn.get_preparation_data

    def prepared(name: str) -> dict[str, Any]:
        prepared = usual(name)
        if name.startswith(names):
            for key in ("init_main_from_path", "init_main_from_name"):
                prepared.pop(key, None)
        return prepared

    vars(spawn)["get_preparation_data"] = prepared
    try:
        yield
    finally:
        vars(spawn)["get_preparation_data"] = usual


def _distributed() -> Any:
    require_extra("the executor 'dask'", "distributed")
    import distributed

    return distributed


def _connect(address: str) -> Any:
    """A client of the scheduler at this address, or ConnectionError.

    The client's own limit does not hold where something answers that is no scheduler: it
    then waits for ever, or fails in ways of its own.
    """
    distributed = _distributed()
    answer: Future[Any] = Future()

    def ask() -> None:
        try:
            answer.set_result(distributed.Client(address, timeout=_PATIENCE))
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.result(_PATIENCE)
    except Exception as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {address!r} within {_PATIENCE} s: is it "
            "running, and is this the scheduler's address, such as tcp://host:8786?"
        ) from error
