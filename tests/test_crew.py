"""Threads that share a step: errors come back, and nobody stays behind."""

import gc
import threading
import time

import pytest

from kdteach.training.crew import Crew


def test_all_tasks_are_done_at_the_same_time():
    barrier, done = threading.Barrier(3, timeout=10), []

    def task():
        barrier.wait()
        done.append(threading.get_ident())

    Crew(3).run([task] * 3)
    assert len(set(done)) == 3
    assert threading.get_ident() in done


def test_an_error_comes_back_and_the_crew_goes_on():
    crew, done = Crew(2), []

    def fails():
        raise OverflowError("in a thread")

    with pytest.raises(OverflowError, match="in a thread"):
        crew.run([lambda: done.append("mine"), fails])
    with pytest.raises(OverflowError):
        crew.run([fails, lambda: (time.sleep(0.05), done.append("theirs"))])
    assert done == ["mine", "theirs"]  # the other task had ended when the error came
    crew.run([lambda: done.append(1), lambda: done.append(2)])
    assert set(done[2:]) == {1, 2}


def test_more_tasks_than_threads_are_refused():
    for size in (1, 2):
        with pytest.raises(ValueError, match=f"tasks for {size} threads"):
            Crew(size).run([lambda: None] * (size + 1))


def test_the_threads_end_with_the_crew():
    before = set(threading.enumerate())
    crew, barrier = Crew(4), threading.Barrier(4, timeout=10)
    crew.run([barrier.wait] * 4)
    mine = set(threading.enumerate()) - before
    assert len(mine) == 3
    del crew
    gc.collect()
    for thread in mine:
        thread.join(timeout=10)
        assert not thread.is_alive()
