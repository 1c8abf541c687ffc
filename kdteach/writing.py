"""Files that are written whole or not at all, and by one process at a time.

A file is made beside its place under a name of its own and then moved there in one step, so
that whoever reads sees the old content or the new, and a process that is killed leaves the
old. Links are followed, permissions stay. Where two processes may write the same file, a
lock keeps them apart: the system's own, which ends with the process that holds it.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kdteach.checks import shown
from kdteach.files import check_path, kind_of

try:
    import fcntl
except ImportError:  # not a Unix: there, msvcrt
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"\w[\w .+-]*")
_LONGEST_NAME = 100  # characters
_MOST_BYTES = 200  # of a name; with what is added, a file system's 255 bytes hold it
_PART = re.compile(r"[0-9a-f]{16}\.part")
_STALE = 24 * 3600.0  # seconds after which an unfinished file belongs to nobody
_PATIENCE = 60.0  # seconds to wait for somebody else's short work
_NO_LOCKS = {
    getattr(errno, name, None)
    for name in ("ENOLCK", "ENOSYS", "EOPNOTSUPP", "ENOTSUP", "EINVAL", "EBADF")
}
"""How file systems say that they have no locks."""


class LockedError(RuntimeError):
    """Another process is at the same work."""


def check_file_name(what: str, name: object) -> str:
    """Return a name that may become the name of a file, and nothing else.

    Args:
        what: is named so, for the message.
        name: letters, digits, spaces and ``. _ + -``, the first a letter or a digit.

    Raises:
        TypeError: no str.
        ValueError: empty, too long, or with a character that would lead elsewhere.
    """
    if not isinstance(name, str):
        raise TypeError(f"{what} must be named by a str, got {shown(name)}")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ValueError(
            f"{what} must have a name of 1 to {_LONGEST_NAME} letters, digits, spaces and "
            f"'. _ + -' that begins with a letter or a digit, got {shown(name)}"
        )
    if (size := len(name.encode())) > _MOST_BYTES:
        raise ValueError(
            f"{what} has a name of {size} bytes, too many for the name of a file: at most "
            f"{_MOST_BYTES}, got {shown(name)}"
        )
    return name


def target_of(path: Path) -> Path:
    """Where a file is in truth: its own path, or the end of the links that stand there.

    Raises:
        OSError: links that lead in a circle, or into a folder that is not there.
    """
    if not path.is_symlink():
        return path
    real = Path(os.path.realpath(path))
    if real.is_symlink():
        raise OSError(errno.ELOOP, "a link that leads in a circle", str(path))
    if not real.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, f"a link to {real}, whose folder is not there", str(path)
        )
    return real


def state_of(path: Path) -> tuple[int, ...] | None:
    """What tells one state of a file from another, None where there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def write_whole(
    path: Path, content: bytes, *, unless: Callable[[], bool] = lambda: False
) -> bool:
    """Write a file so that it is there whole, or as it was before.

    A link is followed and its target written. A file that is there keeps its permissions; a
    new one gets those that the system gives new files (the umask). Folders are made.

    Args:
        path: of the file.
        content: all of it.
        unless: asked at the last moment; if it says True, nothing is written.

    Returns:
        Whether it was written.

    Raises:
        OSError: the file cannot be written, or something stands there that is no file; it
            is left as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = target_of(path)
        before = target.stat() if target.exists() else None
        if before is not None and (kind := kind_of(before.st_mode)):
            raise OSError(errno.EINVAL, f"{kind} stands there, not a plain file")
        mode = 0o666 if before is None else stat.S_IMODE(before.st_mode)
        handle, part = _new_part(target, mode & 0o777)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if before is not None:
                _keep_owner(part, before)
                os.chmod(part, mode)
            if unless():
                part.unlink()
                return False
            os.replace(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _refused(error, path) from error
    _settle(target)
    return True


def require_writable(folder: str | os.PathLike[str]) -> None:
    """Raise OSError when a folder cannot be written, before work is put into it.

    Nothing is left in it, and nothing that is there is touched.

    Args:
        folder: a path; it is made where it is not there.

    Raises:
        OSError: it cannot be written.
        TypeError: no path.
        ValueError: an empty path.
    """
    folder = check_path("folder", folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, probe = _new_part(folder / "probe", 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(b"0")
        finally:
            probe.unlink()
    except OSError as error:
        raise _refused(error, folder) from error
    _sweep(folder / "probe")


def _refused(error: OSError, path: Path) -> OSError:
    why = error.strerror or str(error)
    where = "" if error.filename in (None, str(path)) else f" ({error.filename})"
    return OSError(error.errno, f"cannot write results: {why}{where}", str(path))


def _new_part(target: Path, mode: int) -> tuple[int, Path]:
    """A new file beside a target, which no other process has."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_BINARY"):
        flags |= getattr(os, name, 0)
    part = target.parent / f".{target.stem}-{secrets.token_hex(8)}.part"
    try:
        return os.open(part, flags, mode), part
    except OSError as error:
        # of the folder, not of a name that nobody has asked for
        raise OSError(error.errno, error.strerror) from error


def _keep_owner(part: Path, before: os.stat_result) -> None:
    """Where one user writes another's file, it stays the other's if the system allows."""
    if hasattr(os, "chown") and (before.st_uid, before.st_gid) != (
        os.geteuid(),
        part.stat().st_gid,
    ):
        with suppress(OSError):
            os.chown(part, before.st_uid, before.st_gid)


def _settle(target: Path) -> None:
    """Make the move itself last, and sweep."""
    with suppress(OSError):
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    _sweep(target)


def _sweep(target: Path) -> None:
    """Take away what a process that was killed a day ago left half-made of a target."""
    start = f".{target.stem}-"
    with suppress(OSError):
        for entry in os.scandir(target.parent):
            rest = entry.name.removeprefix(start)
            if rest == entry.name or not _PART.fullmatch(rest):
                continue
            old = time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE
            if old and entry.is_file(follow_symlinks=False):
                os.unlink(entry.path)


@contextmanager
def locked(
    path: Path, work: str, *, patience: float | None = None, busy: str = ""
) -> Iterator[None]:
    """Keep other processes out of a block that changes a file.

    The lock is the system's own, on a small file beside the one that is changed. It ends
    with the process that holds it, however that ends; a small file that is left behind
    holds nobody up, and is removed the next time. Where the file system has no locks, the
    block runs without one.

    Args:
        path: of the file that is changed; links are followed.
        work: what the lock is for, a word of its name.
        patience: seconds to wait for another process, by default a minute.
        busy: the message where another process holds the lock all that time; "{who}"
            becomes the process, where it has said so.

    Raises:
        LockedError: another process holds the lock.
        OSError: the folder cannot be written.
    """
    path = target_of(path)
    lock = path.parent / f".{path.stem}-{work}.lock"
    deadline = time.monotonic() + (_PATIENCE if patience is None else patience)
    while True:
        try:
            handle = _open_lock(lock)
        except OSError as error:
            raise _refused(error, path) from error
        try:
            state = _try_lock(handle)
            if state is not False and (state is None or _same(handle, lock)):
                break
        except BaseException:
            os.close(handle)
            raise
        who = _reader(handle) if state is False else ""
        os.close(handle)
        if state is False and time.monotonic() >= deadline:
            says = busy or f"{path}: {{who}} is writing"
            raise LockedError(says.replace("{who}", who))
        time.sleep(0.01)
    _HELD.add(handle)
    try:
        if state:
            _say_who(handle)
        yield
    finally:
        _HELD.discard(handle)
        # removed while it is held: whoever waits for it finds another file and asks anew
        with suppress(OSError):
            lock.unlink()
        with suppress(OSError):  # a forked child may hold the same handle
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_UN)
        with suppress(OSError):
            os.close(handle)
        if os.name == "nt":  # where an open file cannot be removed
            with suppress(OSError):
                lock.unlink()


_HELD: set[int] = set()


def _let_go() -> None:
    """A forked child holds no lock of its parent, which it may outlive by seconds."""
    while _HELD:
        with suppress(OSError):
            os.close(_HELD.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _open_lock(lock: Path) -> int:
    flags = 0
    for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | flags, 0o666)
    except PermissionError as error:
        try:  # left behind by another user: reading is enough to lock it
            handle = os.open(lock, os.O_RDONLY | flags)
        except FileNotFoundError:  # nothing was: it is the folder that cannot be written
            raise error from None
    if kind := kind_of(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, f"{kind} stands where the lock belongs", str(lock))
    return handle


def _try_lock(handle: int) -> bool | None:
    """True with the lock, False where another has it, None where there are no locks."""
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            return None
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return False
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


def _same(handle: int, lock: Path) -> bool:
    """Whether the file that is locked is still the one that others will find."""
    try:
        return os.path.samestat(os.fstat(handle), lock.stat())
    except OSError:
        return False


def _say_who(handle: int) -> None:
    with suppress(OSError):
        os.ftruncate(handle, 0)
        moment = time.strftime("%Y-%m-%d %H:%M")
        os.write(handle, f" process {os.getpid()}, since {moment}".encode())


def _reader(handle: int) -> str:
    with suppress(OSError):
        os.lseek(handle, 0, os.SEEK_SET)
        text = os.read(handle, 100).decode("ascii", "replace").strip()
        if text.isprintable() and text:
            return text
    return "another process"
