"""Python processes that begin with torch imported: a copy instead of a cold start.

Importing torch, what its optimisers bring along, scikit-learn and matplotlib takes several
seconds, and tests start some sixty processes. ``Popen`` here is
``subprocess.Popen``, but a command that runs Python is carried out by a copy (``os.fork``)
of a process that has imported those packages, and nothing of this one: ``kdteach`` is
imported by each, from where its environment says.

Everything else stays as with a process that is started anew: arguments, environment,
folder, streams, signals, exit status. Where copying is not possible, or ``KDTEACH_COLD`` is
set, it is started anew.

``copy_workers`` does the same for the processes of ``multiprocessing`` that are started
anew ("spawn"): those of a pool, and Dask's.
"""

import array
import atexit
import contextlib
import fcntl
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from multiprocessing import popen_spawn_posix, util
from pathlib import Path

PACKAGES = (
    "torch", "torch._dynamo", "torchvision", "sklearn.datasets", "scipy.stats",
    "matplotlib.figure", "ipykernel.ipkernel", "matplotlib_inline.backend_inline",
)  # fmt: skip
"""Not ``ipykernel.kernelapp``, which looks at its import whose end a kernel is to share."""
PLACE = "KDTEACH_WARM"  # in the environment: where a parent's listens
_MOST_STREAMS = 64  # that a copy is given
POSSIBLE = sys.platform == "linux" and not os.environ.get("KDTEACH_COLD")


class _Source:
    """The process that is copied, of this process."""

    def __init__(self):
        self.owner = os.getpid()
        self.folder = tempfile.TemporaryDirectory(prefix="kdteach-warm-")
        self.path = os.path.join(self.folder.name, "socket")
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        }
        environment.pop("PYTHONPATH", None)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.path)
            listening.listen()
            os.set_inheritable(listening.fileno(), True)
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(listening.fileno())],
                stdin=subprocess.PIPE, pass_fds=[listening.fileno()], env=environment,
                cwd=self.folder.name, start_new_session=True,
            )  # fmt: skip
        atexit.register(self.end)

    def end(self):
        if os.getpid() == self.owner:
            self.process.stdin.close()  # then it ends by itself
            self.process.wait(10)
            self.folder.cleanup()


_source = None


def source():
    """Start the process that is copied, once; or find the one that a parent has started.

    Returns:
        The path of its socket.
    """
    global _source
    if path := os.environ.get(PLACE):
        return path
    if _source is None or _source.owner != os.getpid():
        _source = _Source()
    return _source.path


def share():
    """Start it for the processes that this one will start as well."""
    if POSSIBLE:
        os.environ[PLACE] = source()


def _plain(command):
    """Whether this is Python with a script, a module or a text to run."""
    return (
        isinstance(command, (list, tuple))
        and len(command) > 1
        and os.fspath(command[0]) == sys.executable
        and (os.fspath(command[1]) in ("-m", "-c") or not
             os.fspath(command[1]).startswith("-"))
    )  # fmt: skip


class Popen(subprocess.Popen):
    """As ``subprocess.Popen``; Python is not started but copied."""

    _line = None

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env,
            startupinfo, creationflags, shell, p2cread, p2cwrite, c2pread, c2pwrite,
            errread, errwrite, restore_signals, gid, gids, uid, umask, start_new_session,
            *more):  # fmt: skip
        others = (executable, pass_fds, shell, gid, gids, uid)
        if not POSSIBLE or not _plain(args) or any(others):
            super()._execute_child(args, executable, preexec_fn, close_fds, pass_fds, cwd,
                env, startupinfo, creationflags, shell, p2cread, p2cwrite, c2pread,
                c2pwrite, errread, errwrite, restore_signals, gid, gids, uid, umask,
                start_new_session, *more)  # fmt: skip
            return
        streams = [p2cread, c2pwrite, errwrite]
        streams = [own if fd == -1 else fd for own, fd in enumerate(streams)]
        request = {
            "command": [os.fspath(part) for part in args[1:]],
            "cwd": os.fspath(cwd) if cwd else os.getcwd(),
            "env": {os.fspath(k): os.fspath(v) for k, v in (env or os.environ).items()},
            "session": bool(start_new_session),
        }
        self._line, self.pid = _asked_for(request, streams)
        self._child_created = True
        ends = ((p2cread, p2cwrite), (c2pwrite, c2pread), (errwrite, errread))
        for its, ours in ends:  # of pipes that were made for it
            if -1 not in (its, ours):
                os.close(its)
        if hasattr(self, "_devnull"):
            os.close(self._devnull)

    def _ended(self, wait):
        """The exit status once there is one; else None."""
        if self.returncode is None and (wait or select.select([self._line], [], [], 0)[0]):
            said = _received(self._line, 4)
            self.returncode = int.from_bytes(said, "big", signed=True) if said else -9
            self._line.close()
        return self.returncode

    def _internal_poll(self, *arguments, **options):
        if self._line is None:
            return super()._internal_poll(*arguments, **options)
        return self._ended(False)

    def _try_wait(self, wait_flags):
        if self._line is None:
            return super()._try_wait(wait_flags)
        status = self._ended(not wait_flags)
        return (0, 0) if status is None else (self.pid, 0)

    def _handle_exitstatus(self, sts, *arguments, **options):
        if self._line is None:
            super()._handle_exitstatus(sts, *arguments, **options)


def run(command, *, input=None, capture_output=False, check=False, timeout=None, **options):
    """As ``subprocess.run``."""
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with Popen(command, **options) as process:
        try:
            out, said = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(command, process.returncode, out, said)
    if check:
        done.check_returncode()
    return done


def copy_workers():
    """Let processes that ``multiprocessing`` starts anew be copies as well."""
    if not POSSIBLE or popen_spawn_posix.Popen.poll is _poll:
        return
    anew, poll = util.spawnv_passfds, popen_spawn_posix.Popen.poll

    def spawned(path, arguments, passed):
        arguments = [os.fsdecode(part) for part in arguments]
        known = len(arguments) == 4 and "spawn_main" in arguments[2]
        if not known or PLACE not in os.environ:  # such as the tracker of shared memory
            return anew(path, arguments, passed)
        request = {
            "command": arguments[1:],
            "cwd": os.getcwd(),
            "env": dict(os.environ),
            "session": False,
            "numbers": sorted(passed),
            "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        }
        line, pid = _asked_for(request, [0, 1, 2, *request["numbers"]])
        _LINES[pid] = line
        return pid

    util.spawnv_passfds = spawned
    popen_spawn_posix.Popen.poll, _poll.otherwise = _poll, poll


_LINES = {}
_reading = threading.Lock()


def _poll(self, flag=os.WNOHANG):
    """The exit status of a worker once there is one; it is no child of this process."""
    line = _LINES.get(self.pid)
    if self.returncode is None and line is None:
        return _poll.otherwise(self, flag)
    if self.returncode is None and (flag == 0 or select.select([line], [], [], 0)[0]):
        select.select([line], [], [])
        with _reading:  # several threads may wait for it
            if self.returncode is None:
                said = _received(line, 4)
                self.returncode = int.from_bytes(said, "big", signed=True) if said else -9
    return self.returncode


def _asked_for(request, streams):
    """Ask for a copy; its end is said on the line that is returned, with its number."""
    line = socket.socket(socket.AF_UNIX)
    line.connect(source())
    text = json.dumps(request).encode()
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))
    line.sendmsg([len(text).to_bytes(4, "big")], [rights])
    line.sendall(text)
    return line, int.from_bytes(_received(line, 4), "big")


def _received(line, count):
    parts = b""
    while len(parts) < count:
        part = line.recv(count - len(parts))
        if not part:
            return b""
        parts += part
    return parts


# the process that is copied


def serve(listening):
    """Import, then make copies until nobody holds the other end of the standard input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for package in PACKAGES:
            with contextlib.suppress(ImportError):
                __import__(package)
    children = {}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([listening, woken, 0], [], [])
        if 0 in ready:
            os._exit(0)
        if woken in ready:
            os.read(woken, 4096)
        if listening in ready:
            line, _ = listening.accept()
            child = _copied(line, [listening.fileno(), woken, wake], children)
            children[child] = line
        for child in list(children):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                with contextlib.suppress(OSError), children.pop(child) as line:
                    line.sendall(code.to_bytes(4, "big", signed=True))


def _copied(line, own, others):
    size, streams, _, _ = socket.recv_fds(line, 4, _MOST_STREAMS)
    request = json.loads(_received(line, int.from_bytes(size, "big")))
    child = os.fork()
    if child == 0:
        if request["session"]:
            os.setsid()
        line.sendall(os.getpid().to_bytes(4, "big"))
        numbers = [0, 1, 2, *request.get("numbers", ())]
        apart = max(*numbers, *own, line.fileno(), *streams) + 1
        moved = [fcntl.fcntl(stream, fcntl.F_DUPFD, apart) for stream in streams]
        for fd in {*own, *streams, line.fileno(), *(o.fileno() for o in others.values())}:
            if fd > 2:
                os.close(fd)
        for number, stream in zip(numbers, moved, strict=True):
            os.dup2(stream, number)
            os.close(stream)
        signal.pthread_sigmask(signal.SIG_BLOCK, request.get("blocked", ()))
        _carry_out(request)
    for stream in streams:
        os.close(stream)
    return child


def _stream(number, mode):
    """As Python opens it."""
    said = number == 2
    return open(
        number, mode, encoding="utf-8", errors="backslashreplace" if said else "strict",
        buffering=1 if said else -1, closefd=False,
    )  # fmt: skip


def _carry_out(request):
    """What ``python ...`` does, and its exit status."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python does
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    if "JPY_PARENT_PID" in os.environ:  # a kernel ends with its parent, which is the source
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        setattr(sys, name, _stream(number, mode))
        setattr(sys, f"__{name}__", getattr(sys, name))
    kind, *rest = request["command"]
    if "ipykernel_launcher" in rest and "pandas" in sys.modules:
        # what pandas sets where it is imported in a kernel
        sys.modules["pandas"].set_option("display.max_columns", 20)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    first = os.getcwd() if kind == "-m" else "" if kind == "-c" else str(Path(kind).parent)
    sys.path[:] = [first, *filter(None, paths), *sys.path[1:]]
    if PLACE in os.environ:
        copy_workers()
    status = 0
    try:
        if kind == "-m":
            sys.argv = ["-m", *rest[1:]]
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        elif kind == "-c":
            sys.argv = ["-c", *rest[1:]]
            main = type(sys)("__main__")
            sys.modules["__main__"] = main
            exec(compile(rest[0], "<string>", "exec"), vars(main))
        else:
            sys.argv = [kind, *rest]
            main = type(sys)("__main__")
            main.__file__ = kind
            sys.modules["__main__"] = main
            text = Path(kind).read_text(encoding="utf-8")
            exec(compile(text, kind, "exec"), vars(main))
    except SystemExit as ended:
        status = ended.code
        if status is not None and not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except KeyboardInterrupt:
        traceback.print_exc()
        status = -signal.SIGINT
    except BaseException:
        traceback.print_exc()
        status = 1
    with contextlib.suppress(BaseException):
        threading._shutdown()
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            status = status or (120 if stream is sys.stdout else 0)
    if status == -signal.SIGINT:  # so that the parent sees what ended it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status or 0)


if __name__ == "__main__":
    number = int(sys.argv[1])
    with socket.socket(fileno=number) as listening_socket:
        serve(listening_socket)
