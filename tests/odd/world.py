"""What surrounds a call and what it is given: as it was, or changed."""

import dataclasses
import hashlib
import multiprocessing
import os
import random
import signal
import stat
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_PATCHABLE = {
    "torch": (torch, ("softmax", "allclose", "equal", "isfinite")),
    "torch.nn.functional": (nn.functional, ("softmax", "cross_entropy", "relu")),
    "numpy": (np, ("allclose", "asarray", "isclose")),
}
_IGNORED_THREADS = ("odd dog", "Thread-tqdm", "TMonitor", "MainThread")
_KINDS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1")


def state() -> dict[str, Any]:
    """Everything that belongs to the caller and not to the library."""
    matplotlib = sys.modules.get("matplotlib")
    mask = os.umask(0o22)
    os.umask(mask)
    return {
        "torch's random numbers": torch.get_rng_state(),
        "NumPy's random numbers": np.random.get_state(),  # noqa: NPY002 (the caller's)
        "Python's random numbers": random.getstate(),
        "gradient mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "torch's threads": torch.get_num_threads(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "anomaly mode": torch.is_anomaly_enabled(),
        "working folder": os.getcwd(),
        "environment": os.environ._data.copy(),  # as bytes, which is quicker
        "handlers of signals": {
            kind: signal.getsignal(getattr(signal, kind)) for kind in _KINDS
        },
        "umask": mask,
        "matplotlib's settings": None if matplotlib is None else _settings(matplotlib),
        "patched functions": {
            (module, name): getattr(place, name)
            for module, (place, names) in _PATCHABLE.items()
            for name in names
        },
        "hook on exceptions": sys.excepthook,
        "limit of recursion": sys.getrecursionlimit(),
        "processes": len(multiprocessing.active_children()),
        "other threads": sum(
            not thread.name.startswith(_IGNORED_THREADS)
            and type(thread).__name__ != "TMonitor"
            for thread in threading.enumerate()
        ),
        "modules": len(sys.modules),
    }


def _settings(matplotlib: Any) -> dict[str, Any]:
    return dict(dict.items(matplotlib.rcParams))  # without its checks, which take long


def differences(before: dict[str, Any]) -> list[str]:
    """What is no longer as it was."""
    after = state()
    found = []
    imported = before["modules"] != after["modules"]
    for name, old in before.items():
        new = after[name]
        if name == "modules" or (name == "matplotlib's settings" and old is None):
            continue
        if name == "environment" and imported:  # libraries set theirs when they are loaded
            new = {key: value for key, value in new.items() if key in old}
        if name == "patched functions" and imported:
            continue
        if name == "other threads":
            if new > old and not _threads_end(old):
                found.append(f"{new - old} more threads")
            continue
        if not _same(old, new):
            found.append(name)
    return found


def _threads_end(count: int) -> bool:
    """Whether what was started is gone after a moment."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(0.2)
    return state()["other threads"] <= count


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, Tensor):
        return torch.equal(old, new)
    if isinstance(old, tuple) and any(isinstance(part, np.ndarray) for part in old):
        return all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))
    return bool(old == new)


def put_back(before: dict[str, Any]) -> None:
    """Give the next call the world that this one was given."""
    torch.set_rng_state(before["torch's random numbers"])
    np.random.set_state(before["NumPy's random numbers"])  # noqa: NPY002
    random.setstate(before["Python's random numbers"])
    torch.set_grad_enabled(before["gradient mode"])
    if torch.get_default_dtype() != before["default dtype"]:
        torch.set_default_dtype(before["default dtype"])
    for (module, name), function in before["patched functions"].items():
        place = _PATCHABLE[module][0]
        if getattr(place, name) is not function:
            setattr(place, name, function)


def put_all_back(before: dict[str, Any]) -> None:
    """As ``put_back``, with everything that hardly anybody touches."""
    put_back(before)
    if torch.get_num_threads() != before["torch's threads"]:
        torch.set_num_threads(before["torch's threads"])
    if os.getcwd() != before["working folder"]:
        os.chdir(before["working folder"])
    for kind, handler in before["handlers of signals"].items():
        if signal.getsignal(getattr(signal, kind)) is not handler:
            signal.signal(getattr(signal, kind), handler)
    environment = {os.fsdecode(k): os.fsdecode(v) for k, v in before["environment"].items()}
    for key in set(os.environ) - set(environment):
        if not key.startswith("KMP_"):
            del os.environ[key]
    os.environ.update(environment)
    os.umask(before["umask"])
    sys.setrecursionlimit(before["limit of recursion"])
    if before["matplotlib's settings"] is not None:
        sys.modules["matplotlib"].rcParams.update(before["matplotlib's settings"])


# what a call is given


def frozen(value: Any, depth: int = 0) -> Any:
    """A picture of an argument, to be compared with one that is taken afterwards."""
    if depth > 6:
        return "..."
    if isinstance(value, Tensor):
        return _tensor(value, depth)
    if isinstance(value, nn.Module):
        return _module(value, depth)
    if isinstance(value, np.ndarray):
        content = repr(value) if value.dtype == object else value.tobytes()
        return ("array", value.shape, str(value.dtype), content)
    if isinstance(value, Path):
        return _tree(value)
    if isinstance(value, torch.Generator):
        return ("generator", value.get_state().numpy().tobytes())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # private ones hold what was computed, not what the caller gave
        fields = [f.name for f in dataclasses.fields(value) if not f.name.startswith("_")]
        return {n: frozen(getattr(value, n, None), depth + 1) for n in fields}
    if type(value) is dict:
        return {
            f"{number} {key if isinstance(key, str) else type(key).__name__}": frozen(
                part, depth + 1
            )
            for number, (key, part) in enumerate(value.items())
        }
    if type(value) in (list, tuple, deque) and len(value) <= 1000:
        return [frozen(part, depth + 1) for part in value]
    if isinstance(value, (int, float, complex, str, bytes, type(None))):
        return (type(value).__name__, value if value == value else "nan")
    return type(value).__name__


def _tensor(value: Tensor, depth: int) -> Any:
    kind = (str(value.dtype), value.requires_grad, str(value.layout))
    if value.is_nested or value.layout is not torch.strided or value.is_meta:
        return kind
    grad = frozen(value.grad, depth + 1) if value.is_leaf else None
    with torch.no_grad():
        plain = value.detach().as_subclass(Tensor)
        if plain.is_quantized:
            plain = plain.int_repr()
        flat = plain.resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
        content = bytes(flat.view(torch.uint8).numpy().data) if flat.numel() else b""
    return (*kind, tuple(value.shape), grad, content)


def _module(value: nn.Module, depth: int) -> Any:
    whole: dict[str, Any] = {}
    for name, part in value.named_modules():
        whole[f"mode of {name or 'the model'}"] = part.training
        hooks = [key for key, held in vars(part).items() if key.endswith("_hooks") and held]
        whole[f"hooks of {name or 'the model'}"] = hooks
        plain = {
            key: held
            for key, held in vars(part).items()
            if isinstance(held, (int, float, str)) and key != "training"
        }
        whole[f"attributes of {name or 'the model'}"] = repr(plain)
    for name, weight in value.named_parameters(remove_duplicate=False):
        whole[f"weight {name}"] = frozen(weight, depth + 1)
    for name, buffer in value.named_buffers(remove_duplicate=False):
        whole[f"buffer {name}"] = frozen(buffer, depth + 1)
    return whole


def _tree(path: Path) -> Any:
    """A file or a folder with everything in it."""
    found: dict[str, Any] = {}
    try:
        paths = [path, *(sorted(path.rglob("*")) if path.is_dir() else ())]
    except (OSError, ValueError):
        return "no path"
    for each in paths:
        try:
            info = each.lstat()
        except (OSError, ValueError):
            continue
        kind, mode = stat.S_IFMT(info.st_mode), stat.S_IMODE(info.st_mode)
        content: Any = None
        if stat.S_ISLNK(info.st_mode):
            content = os.readlink(each)
        elif stat.S_ISREG(info.st_mode) and info.st_size < 2**24:
            content = hashlib.sha256(each.read_bytes()).hexdigest()
        found[str(each)] = (kind, mode, content)
    return found


def first_difference(old: Any, new: Any, where: str = "") -> str | None:
    """Where two pictures differ, in words; None where they do not."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            place = f"{where} {key}".strip()
            if key not in new:
                return f"{place} is gone"
            if key not in old:
                return f"{place} is new"
            if (told := first_difference(old[key], new[key], place)) is not None:
                return told
        return None
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (a, b) in enumerate(zip(old, new, strict=True)):
            if (told := first_difference(a, b, f"{where}[{number}]")) is not None:
                return told
        return None
    return None if old == new else f"{where or 'it'} has changed"
