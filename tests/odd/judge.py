"""One odd call, and what came of it.

A call may end in two ways only: with a result that is right, to judge by an oracle outside
the library, or with an error that the library raises itself and that names the argument.
"""

import contextlib
import dis
import faulthandler
import io
import json
import os
import re
import resource
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.odd import world

CLEAR, RIGHT = "clear error", "right result"
UNCLEAR, WRONG, STATE = "unclear error", "silent wrong", "state changed"
LOST, HANG, MEMORY = "data lost", "hang", "memory"
CLASSES = (CLEAR, RIGHT, UNCLEAR, WRONG, STATE, LOST, HANG, MEMORY)

PATIENCE = 10.0  # seconds
MOST = 10**9  # bytes that a call may take
_CEILING = 4 * 10**9  # bytes of address space above what is there: then it is stopped
_LONGEST = 6_000  # characters of a message that somebody may read
_PACKAGE = Path(find_spec("kdteach").origin).parent
_NEVER = (
    AttributeError, KeyError, IndexError, RecursionError, OverflowError, UnicodeError,
    ZeroDivisionError, AssertionError, NotImplementedError, NameError, MemoryError,
    StopIteration, EOFError, BufferError,
)  # fmt: skip
"""What no caller can make anything of."""
_BINDING = re.compile(
    r"(missing \d+ required|unexpected keyword argument|multiple values for|"
    r"takes .*positional argument)"
)


class Own(Exception):
    """An error that the caller's own code raises: it passes on as it is."""


class Broken(Exception):
    """Raised by an object that may not even be looked at: its repr, length or equality."""


class Told(Exception):
    """What a command said before it ended with another status than 0."""


class Hang(BaseException):
    """The watchdog's word."""


@dataclass(frozen=True, eq=False)
class Case:
    """One call.

    Attributes:
        function: public name of what is called.
        label: the call, for the list of faults.
        arguments: makes fresh ones, and says by which words they are named. Where the
            library refuses to make one of them (a split with wrong labels), that is the
            error.
        call: is given them.
        names: one of these words must stand in the message of an error, or else one of
            those that name what differs from a good call.
        right: is given the result and the arguments, and raises AssertionError where it is
            not right; None where nothing but an error is.
        must: a refusal is a fault as well: this is what people do.
        errors: that are fitting.
        changes: arguments that the function is there to change.
        unfinished: it may stop half-way, so that these may be changed after an error, too.
        alone: in a process of its own: it may take all memory, or never end.
        common: a strange value of those that every argument of its kind is given.
    """

    function: str
    label: str
    arguments: Callable[[], tuple[dict[str, Any], tuple[str, ...]]]
    call: Callable[..., Any]
    names: tuple[str, ...] = ()
    right: Callable[[Any, dict[str, Any]], None] | None = None
    must: bool = False
    errors: tuple[type[BaseException], ...] = ()
    changes: tuple[str, ...] = ()
    unfinished: bool = False
    alone: bool = False
    common: bool = False


@dataclass(frozen=True)
class Outcome:
    """The class of a case, and what was seen."""

    kind: str
    text: str = field(default="")

    @property
    def fine(self) -> bool:
        """Whether it is one of the two that are allowed."""
        return self.kind in (CLEAR, RIGHT)


def judge(case: Case) -> Outcome:
    """Call, and say what came of it."""
    return _judged_alone(case) if case.alone else _judged(case)


def _judged(case: Case) -> Outcome:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            arguments, names = case.arguments()
    except Exception as error:
        return _of_error(case, error, case.names)
    names = case.names or names
    before = {name: world.frozen(value) for name, value in arguments.items()}
    outside = world.state()
    value, error, peak, late = _called(case, arguments)
    changed = world.differences(outside)
    if changed:
        world.put_all_back(outside)
    if late:
        return Outcome(HANG, f"longer than {PATIENCE:g} s")
    if peak > MOST:
        return Outcome(MEMORY, f"{peak / 1e9:.1f} GB more than before")
    if error is not None and _of_memory(error):
        return Outcome(MEMORY, _told(error))
    for name, old in before.items():
        if name in case.changes and (error is None or case.unfinished):
            continue
        if (told := world.first_difference(old, world.frozen(arguments[name]))) is not None:
            lost = error is not None and isinstance(arguments[name], Path)
            after = "" if error is None else f", after {_told(error)}"
            return Outcome(LOST if lost else STATE, f"{name}: {told}{after}")
    if changed:
        return Outcome(STATE, ", ".join(changed))
    if error is not None:
        return _of_error(case, error, names)
    found = _of_value(case, value, arguments)
    world.put_back(outside)
    return found


def _called(
    case: Case, arguments: dict[str, Any]
) -> tuple[Any, BaseException | None, int, bool]:
    """Result, error, bytes at the most and whether the watchdog had to bark."""
    value, error = None, None
    _forget_the_peak()
    before = _memory()
    start = before.get(b"VmRSS") or _peak()
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
        _ceiling(before.get(b"VmSize", 0)),
    ):
        warnings.simplefilter("ignore")
        dog = _watched()
        try:
            try:
                value = case.call(**arguments)
            finally:
                late = dog()
        except Hang:
            late = True
        except BaseException as caught:
            error = caught
    return value, error, _peak() - start, late


def _of_value(case: Case, value: Any, arguments: dict[str, Any]) -> Outcome:
    if case.right is None:
        return Outcome(WRONG, f"accepted, gave {short(value)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case.right(value, arguments)
    except Exception as error:
        return Outcome(WRONG, f"gave {short(value)}: {type(error).__name__} {error}"[:600])
    return Outcome(RIGHT)


def _of_error(case: Case, error: BaseException, names: Sequence[str]) -> Outcome:
    told = _told(error)
    if isinstance(error, Own):
        return Outcome(CLEAR, told)
    clear = _is_clear(case, error, names)
    if clear and case.must:
        return Outcome(UNCLEAR, f"refused, though it should be right: {told}")
    return Outcome(CLEAR if clear else UNCLEAR, told)


def _is_clear(case: Case, error: BaseException, names: Sequence[str]) -> bool:
    message = str(error)
    fitting = isinstance(error, (ValueError, TypeError, OSError, Told, *case.errors))
    if not fitting or (isinstance(error, _NEVER) and not isinstance(error, case.errors)):
        return False
    if not message or len(message) > _LONGEST:
        return False
    named = any(_stands_in(name, message) for name in names) or not names
    if isinstance(error, Told):
        return named and "Traceback" not in message
    if isinstance(error, TypeError) and _BINDING.search(message):
        # of the library's function, or of a function that the caller has handed in
        return named or not _in_package(error) or message.startswith("<lambda>()")
    if isinstance(error, OSError) and error.filename is not None:
        return named or str(error.filename) in message
    return named and _raised_on_purpose(error)


def _stands_in(name: str, message: str) -> bool:
    if not name[:1].isalnum() or not name[-1:].isalnum():
        return name in message
    return re.search(rf"(?<!\w){re.escape(name)}s?(?!\w)", message) is not None


def _frames(error: BaseException) -> list[TracebackType]:
    """What was called, the last one last."""
    found, trace = [], error.__traceback__
    while trace is not None:
        found.append(trace)
        trace = trace.tb_next
    return found


def _is_ours(trace: TracebackType) -> bool:
    return Path(trace.tb_frame.f_code.co_filename).is_relative_to(_PACKAGE)


def _in_package(error: BaseException) -> bool:
    return any(map(_is_ours, _frames(error)))


def _raised_on_purpose(error: BaseException) -> bool:
    """Whether the last thing that ran is a ``raise`` of the library."""
    frames = _frames(error)
    if not frames or not _is_ours(frames[-1]):
        return False
    code, at = frames[-1].tb_frame.f_code.co_code, frames[-1].tb_lasti
    return code[at] == dis.opmap["RAISE_VARARGS"] and code[at + 1] > 0


def _of_memory(error: BaseException) -> bool:
    deep = isinstance(error, (MemoryError, RuntimeError)) and not _raised_on_purpose(error)
    return isinstance(error, MemoryError) or (deep and "allocate" in str(error))


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())
    ours = [trace for trace in _frames(error) if _is_ours(trace)]
    where = ""
    if ours and not _raised_on_purpose(error):
        file = Path(ours[-1].tb_frame.f_code.co_filename).relative_to(_PACKAGE.parent)
        where = f" (at {file}:{ours[-1].tb_lineno})"
    return f"{type(error).__name__}: {text[:300]}{where}"


def short(value: Any) -> str:
    """A result in a few words."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 160 else f"{text[:160]}..."


# the watchdog: one thread, which wakes the main one by a signal


class _Dog:
    """Barks when a deadline is over."""

    def __init__(self) -> None:
        self.deadline: float | None = None
        self.barked = False
        self.process = os.getpid()
        self.before = signal.signal(signal.SIGUSR2, self._bark)
        self.thread = threading.Thread(target=self._watch, name="odd dog", daemon=True)
        self.thread.start()

    def _bark(self, *_: Any) -> None:
        if self.deadline is not None:
            self.barked = True
            raise Hang

    def _watch(self) -> None:
        while True:
            time.sleep(0.2)
            if self.deadline is not None and time.monotonic() > self.deadline:
                signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR2)
                time.sleep(0.8)


_dog: _Dog | None = None


def _watched() -> Callable[[], bool]:
    """Start the clock; what comes back stops it and says whether it had run out."""
    global _dog
    if _dog is None or _dog.process != os.getpid():
        _dog = _Dog()
    dog = _dog
    dog.barked, dog.deadline = False, time.monotonic() + PATIENCE

    def stop() -> bool:
        dog.deadline = None
        return dog.barked

    return stop


# memory


_KEYS = re.compile(rb"(VmRSS|VmHWM|VmSize):\s+(\d+)")


def _memory() -> dict[bytes, int]:
    """What is taken now, what was at the most, and all addresses, as Linux says it."""
    with contextlib.suppress(OSError):
        file = os.open("/proc/self/status", os.O_RDONLY)
        text = os.read(file, 4096)
        os.close(file)
        return {key: 1024 * int(number) for key, number in _KEYS.findall(text)}
    return {}


def _forget_the_peak() -> None:
    with contextlib.suppress(OSError):
        file = os.open("/proc/self/clear_refs", os.O_WRONLY)
        os.write(file, b"5")
        os.close(file)


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    most = unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _memory().get(b"VmHWM", most)


@contextlib.contextmanager
def _ceiling(taken: int) -> Any:
    """Inside the block the process cannot take so much that the machine suffers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if not taken or soft != resource.RLIM_INFINITY:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (taken + _CEILING, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


# in a process of its own


def _judged_alone(case: Case) -> Outcome:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            os.setsid()
            faulthandler.disable()
            found = _judged(case)
            os.write(writer, json.dumps([found.kind, found.text[:2000]]).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], PATIENCE + 5)
    said = os.read(reader, 2**16) if ready else b""
    os.close(reader)
    if not ready:
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not ready:
        return Outcome(HANG, "did not end, and could not be interrupted")
    if not said:
        return Outcome(MEMORY, f"the process was ended from outside (status {status})")
    return Outcome(*json.loads(said))
