"""Answers that are none: they never pass, never break a check, never leave a trace."""

import asyncio
import builtins
import contextlib
import copy
import decimal
import gc
import importlib
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import kdteach
from kdteach import exercises, losses
from kdteach.exercises import (
    _check,
    _guard,
    _values,
    is_the_difference_real,
    saliency,
    teacher_assistants,
    temperature,
)
from kdteach.exercises._values import Value, read

# the check and the limit of a test want the same signal: the test takes a thread
pytestmark = pytest.mark.timeout(300, method="thread")
F = torch.nn.functional
SOFT = temperature._SOFT_TARGETS
QUICK = replace(SOFT, seconds=0.3)


def softly(z, t):
    return F.softmax(z / t, dim=1)


def wrong(z, t):
    return torch.full_like(z, 0.5)


# --- what is a number


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (3, 3.0),
        (np.int64(3), 3.0),
        (np.float32(0.5), 0.5),
        (Fraction(1, 4), 0.25),
        (Decimal("0.5"), 0.5),
        (10**400, math.inf),
        (-(10**400), -math.inf),
        ([1, 2.5], [1.0, 2.5]),
        (range(3), [0.0, 1.0, 2.0]),
        ((torch.tensor(1.0), 2), [1.0, 2.0]),
        ([[1], [2]], [[1.0], [2.0]]),
        ([np.float64(1), Fraction(1, 2)], [1.0, 0.5]),
        (np.array([1, 2], dtype=np.uint8), [1.0, 2.0]),
        (np.array([Fraction(1, 2)], dtype=object), [0.5]),
        (pd.Series([1.0, 2.0]), [1.0, 2.0]),
        (torch.tensor([1.5], dtype=torch.bfloat16), [1.5]),
        (nn.Parameter(torch.ones(2)), [1.0, 1.0]),
        ([], []),
    ],
)
def test_numbers_of_every_kind(value, numbers):
    found = read(value)
    assert not found.truth
    assert found.numbers.dtype == torch.float64
    torch.testing.assert_close(found.numbers, torch.tensor(numbers, dtype=torch.float64))


@pytest.mark.parametrize("value", [True, np.True_, torch.tensor(True), np.array(True)])
def test_truth_of_every_kind(value):
    assert read(value) == Value(read(1.0).numbers, truth=True) or read(value).truth
    assert float(read(value).numbers) == 1.0


def endless():
    knot = []
    knot.append(knot)
    return knot


class Loud(torch.Tensor):
    """Says yes to everything."""

    @classmethod
    def __torch_function__(cls, *_, **__):
        return True


class Bad:
    """Fails at whatever is asked of it."""

    def __array__(self, *_, **__):
        raise SystemError

    def __len__(self):
        raise OSError

    def __repr__(self):
        raise OSError

    def __eq__(self, _):
        raise OSError

    __hash__ = None


@pytest.mark.parametrize(
    "value",
    [
        1j, [1.0, 2j], np.complex64(1), np.ones(2, complex), torch.ones(2) + 0j, "1.5",
        ["1", "2"], np.array(["1.5"]), b"1", None, ..., {}, {1.0}, {"a": 1.0}, object(),
        float, torch.Tensor, np.ndarray, Bad(), [Bad()], [True, 1.0], [[1.0], [1.0, 2.0]],
        (x for x in (1.0, 2.0)), endless(), math, np.datetime64("2020-01-01"),
        np.ma.masked_array([1.0], [True]), torch.ones(2).to_sparse(),
        torch.ones(2, device="meta"), Loud(), pd.DataFrame({"a": ["x"]}),
    ],
)  # fmt: skip
def test_what_is_no_number(value):
    assert isinstance(read(value), str)


@pytest.mark.filterwarnings("ignore")
def test_tensors_of_the_rarer_kinds():
    for value in (
        torch.nested.nested_tensor([torch.ones(2)]),
        torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    ):
        assert "cannot be compared" in read(value)


def test_of_too_many_numbers_only_the_shape_is_read():
    assert read(torch.zeros(1).expand(10**7)).shape == (10**7,)
    assert read(np.broadcast_to(0.0, (10**5, 10**5))).shape == (10**5, 10**5)
    assert read([0.0] * 2**21).numbers.is_meta
    assert "shape" in SOFT.check(lambda z, t: torch.zeros(1).expand(10**6, 10**6)).message


# --- wrong answers that looked right


def test_a_complex_result_is_refused_even_where_the_real_part_is_right():
    result = SOFT.check(lambda z, t: softly(z, t) + 1j)
    assert not result
    assert "complex" in result.message
    assert not SOFT.check(lambda z, t: softly(z, t).to(torch.complex128))


def test_truth_and_numbers_are_not_mixed_up():
    shrinking, error = teacher_assistants._SHRINKING, is_the_difference_real._ERROR
    assert shrinking.check(lambda x: np.bool_(shrinking.reference(x)))
    assert shrinking.check(lambda x: torch.tensor(shrinking.reference(x)))
    said = shrinking.check(lambda x: float(shrinking.reference(x)))
    assert "True or False is expected" in said.message
    assert "numbers are expected" in error.check(lambda a, n: True).message
    assert saliency._INSIDE.check(lambda v, m: m.flatten()[v.argmax()])


PATCHES = {
    "torch.softmax": (torch, "softmax", lambda z, dim: torch.full_like(z, 0.5)),
    "torch.allclose": (torch, "allclose", lambda *_, **__: True),
    "torch.Tensor.double": (torch.Tensor, "double", lambda self: torch.full((2, 3), 0.5)),
    "torch.Tensor.__eq__": (torch.Tensor, "__eq__", lambda *_: True),
    "builtins.all": (builtins, "all", lambda _: True),
    "builtins.zip": (builtins, "zip", lambda *_, **__: True),
    "builtins.isinstance": (builtins, "isinstance", lambda *_: True),
    "copy.deepcopy": (copy, "deepcopy", lambda *_: True),
    "numpy.asarray": (np, "asarray", lambda *_, **__: True),
    "math.log": (math, "log", lambda *_: 0.0),
    "numpy.allclose": (np, "allclose", lambda *_, **__: True),
    "random.random": (random, "random", lambda: 0.5),
    "time.sleep": (time, "sleep", lambda *_: None),
    "numpy.random.rand": (np.random, "rand", lambda *_: 0.5),
    "torch.nn.Linear": (nn, "Linear", nn.Identity),
    "Linear.forward": (nn.Linear, "forward", lambda self, x: x),
    "torch.autograd.grad": (torch.autograd, "grad", lambda *_: None),
    "torch.optim.Adam": (torch.optim, "Adam", torch.optim.SGD),
    "kdteach.losses.soft_targets": (losses, "soft_targets", lambda *_: 0.5),
    "Exercise._same": (_check.Exercise, "_same", lambda *_: True),
    "Exercise._judged": (
        _check.Exercise, "_judged", lambda *_: _check.CheckResult(True, "")
    ),
    "CheckResult.__bool__": (_check.CheckResult, "__bool__", lambda _: True),
    "_check.torch": (_check, "torch", None),
    "Exercise._try": (_check.Exercise, "_try", lambda *_: None),
    "_guard.Failure": (_guard, "Failure", str),
    "_values.read": (_values, "read", lambda *_: None),
}  # fmt: skip


@pytest.mark.parametrize("name", PATCHES)
def test_an_answer_that_replaces_what_it_is_checked_with(name):
    owner, attribute, fake = PATCHES[name]
    before = getattr(owner, attribute)

    def patching(z, t):
        setattr(owner, attribute, fake)
        return torch.full((len(z), 3), 0.5)

    result = SOFT.check(patching)
    assert getattr(owner, attribute) is before or getattr(owner, attribute) == before
    assert not result
    assert "replaced" in result.message
    assert attribute in result.message
    assert SOFT.check(softly)
    assert not SOFT.check(wrong)


def test_the_right_values_are_those_of_the_unpatched_library(monkeypatch):
    """Also where a cell before the check has replaced something; that stays as it is."""

    def mine(z, dim):
        return torch.full_like(z, 0.5)

    monkeypatch.setattr(torch, "softmax", mine)
    assert not SOFT.check(lambda z, t: torch.softmax(z / t, 1))
    assert SOFT.check(softly)
    assert torch.softmax is mine


def test_an_answer_that_counts_its_calls():
    wanted = [SOFT.reference(*case) for case in SOFT.cases]
    calls = iter(wanted * 10)
    result = SOFT.check(lambda *_: next(calls))
    assert not result
    assert "again" in result.message or "shape" in result.message
    for exercise in (is_the_difference_real._ERROR, teacher_assistants._SHRINKING):
        wanted = [exercise.reference(*case) for case in exercise.cases]
        calls = iter(wanted * 10)
        result = exercise.check(lambda *_, calls=calls: next(calls))
        assert "called again" in result.message


def test_an_answer_by_chance_is_none():
    result = SOFT.check(lambda z, t: torch.rand_like(z))
    assert "wrong value" in result.message or "again" in result.message


def test_results_are_kept_where_the_answer_uses_one_place_for_all():
    """A buffer of the answer's own, filled anew each time, is no fault."""
    places = {}

    def into_a_buffer(z, t):
        place = places.setdefault(len(z), torch.empty_like(z))
        return place.copy_(softly(z, t))

    assert SOFT.check(into_a_buffer)
    assert not SOFT.check(lambda z, t: z)


# --- answers without end, or without measure


def swallowing(*_):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue


def sleeping(*_):
    time.sleep(60)


def growing(*_):
    while True:
        pass


# an alarm that rings while a collector's callback of another test's library runs is lost
# there, and reported by Python; the next one comes
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("answer", [growing, sleeping, swallowing])
def test_endless_answers_come_to_an_end(answer):
    start = time.perf_counter()
    result = QUICK.check(answer)
    assert time.perf_counter() - start < 5
    assert "still running after 0.3 seconds" in result.message


def test_endless_answers_in_another_thread():
    found = []
    for answer in (growing, softly):
        thread = threading.Thread(target=lambda a=answer: found.append(QUICK.check(a)))
        thread.start()
        thread.join(timeout=20)
    assert "still running" in found[0].message
    assert found[1]


TRACED = """
import sys, threading
from kdteach.exercises import temperature
from dataclasses import replace

def growing(*_):
    while True:
        pass

quick = replace(temperature._SOFT_TARGETS, seconds=0.3)
for answer in (growing, lambda z, t: z, growing):
    thread = threading.Thread(target=lambda: print(quick.check(answer).message))
    thread.start()
    thread.join()
seen = []
sys.setprofile(lambda frame, event, _: seen.append(frame.f_code.co_name))
quick.check(lambda z, t: z)
sys.setprofile(None)
print("check" in seen)
"""


def test_a_profiler_goes_on_after_an_endless_answer():
    run = [sys.executable, "-c", TRACED]
    said = subprocess.run(run, capture_output=True, text=True, timeout=100).stdout
    assert said.count("still running") == 2
    assert said.endswith("True\n")


def test_endless_results():
    class Endless:
        def __array__(self, *_, **__):
            growing()

        def __str__(self):
            growing()

    class Wordy(Exception):
        __str__ = Endless.__str__

    def raising(*_):
        raise Wordy

    assert "still running" in QUICK.check(lambda *_: Endless()).message
    assert "still running" in QUICK.check(raising).message


def test_a_module_is_loaded_to_its_end(tmp_path, monkeypatch):
    """An alarm in the middle would leave half of it, for all who import it afterwards."""
    name = "kdteach_slowly_loaded"
    (tmp_path / f"{name}.py").write_text(
        "import time\nend = time.monotonic() + 0.6\n"
        "while time.monotonic() < end:\n    pass\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    def slow(z, t):
        importlib.import_module(name)
        while True:
            pass

    try:
        assert "still running" in QUICK.check(slow).message
        assert sys.modules[name].whole
    finally:
        sys.modules.pop(name, None)


def test_an_alarm_in_a_destructor_is_no_report(monkeypatch):
    """Python ignores it and hands it to whoever collects such errors, as pytest does."""
    reports = []
    monkeypatch.setattr(sys, "unraisablehook", reports.append)

    class Lasting:
        def __del__(self):
            growing()

    def answer(*_):
        for _ in range(10**6):
            Lasting()

    assert "still running" in QUICK.check(answer).message
    assert reports == []
    assert sys.unraisablehook == reports.append


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_answers_without_measure(monkeypatch):
    monkeypatch.setattr(_guard, "_MEMORY", 2**29)

    def hoarding(*_):
        kept = []
        while True:
            kept.append(bytearray(10**8))

    assert "MemoryError" in replace(SOFT, seconds=20.0).check(hoarding).message
    assert "raised" in SOFT.check(lambda *_: torch.ones(10**12)).message
    assert "MemoryError" in SOFT.check(lambda *_: [0] * 10**12).message


def test_prints_are_shown_in_measure(capsys):
    def chatty(z, t):
        print("x" * 10**6)
        return softly(z, t)

    assert SOFT.check(chatty)
    out = capsys.readouterr().out
    assert out.count("x") == 10_000 * len(SOFT.cases)  # the second time is silent
    assert "[990,001 more characters]" in out


# --- answers that leave, ask, or fail in their own way


class Unspeakable(Exception):
    def __str__(self):
        raise OSError


def raising(error):
    def answer(*_):
        raise error

    return answer


async def later(*_):
    return 1.0


class Needy:
    def __init__(self, one, two, three, four, five, six):
        self.six = six


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda *_: input("?"), "input"),
        (lambda *_: sys.stdin.read() + 1, "TypeError"),
        (lambda *_: sys.exit(0), "SystemExit"),
        (raising(GeneratorExit()), "GeneratorExit"),
        (raising(asyncio.CancelledError()), "CancelledError"),
        (raising(Unspeakable()), "cannot be written"),
        (raising(ValueError("\ud800\x00\x1b[31m")), "ValueError"),
        (raising(ValueError("x" * 10**6)), "ValueError"),
        (lambda *_: 1 / 0, "ZeroDivisionError"),
        (lambda a, b, c, d, e, f, g: 1, "raised TypeError"),
        (Needy, "raised TypeError"),
        (later, "coroutine"),
        (lambda *_: (yield), "generator"),
        (lambda *_: Bad(), "type Bad"),
        (lambda *_: float("nan"), "shape"),
        (lambda z, t: z * math.nan, "NaN"),
        (threading.Thread, ""),
        (nn.Identity(), ""),
        (exercises.check_soft_targets, ""),
    ],
)
def test_a_check_says_what_is_wrong(answer, says):
    result = SOFT.check(answer)
    assert not result
    assert says in result.message
    assert result.message.isprintable()
    assert len(result.message) < 600
    result._repr_html_().encode()


def test_an_interruption_by_the_user_passes():
    with pytest.raises(KeyboardInterrupt):
        SOFT.check(raising(KeyboardInterrupt()))
    assert SOFT.check(softly)


def test_arguments_that_an_answer_makes_incomparable():
    def spoiling(sizes):
        sizes[0] = Bad()
        return True

    assert "in place" in teacher_assistants._SHRINKING.check(spoiling).message


def test_a_thread_left_behind():
    done = threading.Event()

    def leaving(z, t):
        threading.Thread(target=done.wait).start()
        return softly(z, t)

    try:
        assert "thread" in SOFT.check(leaving).message
    finally:
        done.set()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes of that kind")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_an_answer_that_splits_the_process(tmp_path):
    children = []

    def splitting(z, t):
        if child := os.fork():
            children.append(child)
        return softly(z, t)

    assert SOFT.check(splitting)
    (tmp_path / str(os.getpid())).touch()
    assert children
    for child in children:  # and no other: the browser of another test may be one
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
    assert len(list(tmp_path.iterdir())) == 1


# --- the caller's settings


@pytest.fixture
def settings():
    kind = torch.get_default_dtype()
    yield
    torch.set_default_dtype(kind)
    torch.set_default_device(None)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_right_is_right_in_every_default_precision(kind, settings):
    torch.set_default_dtype(kind)
    for name in ("check_switched_off", "check_soft_targets", "check_linear_saliency"):
        check = getattr(exercises, name)
        exercise = {
            "check_switched_off": exercises.early_stopping._ESKD,
            "check_soft_targets": SOFT,
            "check_linear_saliency": saliency._LINEAR,
        }[name]
        assert check(exercise.reference)
    assert not SOFT.check(wrong)
    assert torch.get_default_dtype() == kind


def test_right_is_right_without_gradients_and_on_another_device(settings):
    gradient = exercises.distillation_loss._GRADIENT

    def by_autograd(z, v, t):
        from kdteach.losses import distillation_loss

        z.requires_grad_()
        loss = distillation_loss(z, v, t)
        return torch.autograd.grad(loss, z)[0]

    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert gradient.check(by_autograd)
    torch.set_default_device("meta")
    assert gradient.check(gradient.reference)
    assert torch.get_default_device().type == "meta"


def test_an_answer_changes_no_setting(settings):
    def meddling(z, t):
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.set_default_device("meta")
        np.seterr(all="raise")
        return softly(z, t)

    before = (
        torch.get_rng_state().tolist(), random.getstate(), np.geterr(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
    )  # fmt: skip
    assert SOFT.check(meddling)
    assert before == (
        torch.get_rng_state().tolist(), random.getstate(), np.geterr(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
    )  # fmt: skip
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_default_device().type == "cpu"
    assert torch.is_grad_enabled()


def umask():
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


SETTINGS = {
    "folder": (lambda: os.chdir("/"), os.getcwd),
    "environment": (lambda: os.environ.update(KDTEACH_DATA="/x"), lambda: dict(os.environ)),
    "a variable less": (lambda: os.environ.pop("HOME", None), lambda: dict(os.environ)),
    "umask": (lambda: os.umask(0o007), umask),
    "Ctrl-C": (
        lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        lambda: signal.getsignal(signal.SIGINT),
    ),
    "collection": (gc.disable, gc.isenabled),
    "path": (lambda: sys.path.insert(0, "/x"), lambda: list(sys.path)),
    "another path": (lambda: setattr(sys, "path", []), lambda: (id(sys.path), *sys.path)),
    "excepthook": (lambda: setattr(sys, "excepthook", len), lambda: sys.excepthook),
    "recursion": (lambda: sys.setrecursionlimit(5000), sys.getrecursionlimit),
    "digits": (lambda: sys.set_int_max_str_digits(0), sys.get_int_max_str_digits),
    "warnings": (lambda: warnings.simplefilter("error"), lambda: list(warnings.filters)),
    "decimal": (
        lambda: setattr(decimal.getcontext(), "prec", 3), lambda: decimal.getcontext().prec
    ),
    "NumPy's print": (lambda: np.set_printoptions(precision=1), np.get_printoptions),
    "torch's print": (
        lambda: torch.set_printoptions(precision=1), lambda: repr(torch.tensor(1.23456))
    ),
    "threads": (lambda: torch.set_num_threads(3), torch.get_num_threads),
    "precision": (
        lambda: torch.set_float32_matmul_precision("medium"),
        torch.get_float32_matmul_precision,
    ),
    "determinism": (
        lambda: torch.use_deterministic_algorithms(True),
        torch.are_deterministic_algorithms_enabled,
    ),
    "anomalies": (
        lambda: torch.autograd.set_detect_anomaly(True), torch.is_anomaly_enabled
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Anomaly")
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_the_process_are_put_back(name):
    change, setting = SETTINGS[name]
    before = setting()

    def meddling(z, t):
        change()
        return softly(z, t)

    assert SOFT.check(meddling)
    assert setting() == before


def test_checks_in_threads_leave_everything_as_it_was():
    """Output, input and random states are shared: checks wait for each other."""

    def drawing(z, t):
        torch.rand(3)
        return softly(z, t)

    def state():
        shared = sys.stdout, sys.stderr, sys.stdin, builtins.input, warnings.showwarning
        return shared, torch.get_rng_state().tolist(), random.getstate()

    before, usual = state(), sys.getswitchinterval()
    try:
        sys.setswitchinterval(1e-5)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: SOFT.check(drawing), range(12)))
        assert all(found), {result.message for result in found}
    finally:
        sys.setswitchinterval(usual)
        after = state()
        sys.stdout, sys.stderr, sys.stdin, builtins.input, warnings.showwarning = before[0]
    assert after == before
    assert not SOFT.check(lambda z, t: SOFT.check(softly))  # a check in a check comes back


def test_the_cases_are_the_same_under_another_default(settings, monkeypatch):
    """The numbers of the exercises do not depend on a setting at the time of the import."""
    before = exercises.rise._MASKS
    monkeypatch.setattr(kdteach, "exercises", exercises)  # put back at the end
    for name in [name for name in sys.modules if name.startswith("kdteach.exercises")]:
        monkeypatch.delitem(sys.modules, name)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    fresh = importlib.import_module("kdteach.exercises.rise")._MASKS
    assert fresh is not before
    torch.set_default_device(None)
    torch.testing.assert_close(fresh, before, rtol=0, atol=0)
