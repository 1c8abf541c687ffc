"""Settings of the process that an answer may change: read before, put back afterwards."""

from __future__ import annotations

import decimal
import gc
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch

_Setting = tuple[Callable[[], Any], Callable[[Any], object]]
"""How a setting is read, and how it is put back."""


def _environment() -> dict[Any, Any]:
    """As Python keeps it, which is bytes where the system's names are: quicker to read."""
    return dict(getattr(os.environ, "_data", os.environ))


def _set_environment(kept: dict[Any, Any]) -> None:
    before = {os.fsdecode(name): os.fsdecode(value) for name, value in kept.items()}
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


def _umask() -> int:
    """Read without being changed where the system tells it."""
    with suppress(OSError, ValueError, StopIteration):
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            line = next(line for line in file if line.startswith("Umask:"))
        return int(line.split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _interruption() -> Any:
    return signal.getsignal(signal.SIGINT)


def _set_interruption(handler: Any) -> None:
    # another thread can neither change it nor put it back
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, handler)


def _filters() -> tuple[Any, list[Any], Any]:
    return warnings.filters, list(warnings.filters), warnings.showwarning


def _set_filters(kept: tuple[Any, list[Any], Any]) -> None:
    place, filters, show = kept
    place[:] = filters
    warnings.filters, warnings.showwarning = place, show


def _determinism() -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _anomalies() -> tuple[bool, bool]:
    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


def _set_path(kept: tuple[list[str], list[str]]) -> None:
    sys.path, sys.path[:] = kept[0], kept[1]


def _torch_printing() -> dict[str, Any]:
    options = getattr(getattr(torch, "_tensor_str", None), "PRINT_OPTS", None)
    return dict(vars(options)) if options is not None else {}


_SETTINGS: tuple[_Setting, ...] = (
    (os.getcwd, os.chdir),
    (_environment, _set_environment),
    (_umask, os.umask),
    (_interruption, _set_interruption),
    (gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
    (lambda: (sys.path, list(sys.path)), _set_path),
    (lambda: sys.excepthook, lambda hook: setattr(sys, "excepthook", hook)),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (sys.get_int_max_str_digits, sys.set_int_max_str_digits),
    (sys.getswitchinterval, sys.setswitchinterval),
    (_filters, _set_filters),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (_determinism, lambda on: torch.use_deterministic_algorithms(on[0], warn_only=on[1])),
    (_anomalies, lambda on: torch.autograd.set_detect_anomaly(*on)),
    (_torch_printing, lambda options: torch.set_printoptions(**options)),
)  # fmt: skip


def _read(setting: _Setting) -> Any:
    with suppress(OSError, RuntimeError):  # a folder that is gone; set by other names
        return setting[0]()
    return None


@contextmanager
def state_kept() -> Iterator[None]:
    """Inside, gradients are kept; afterwards settings and random states are as before."""
    kind, device = torch.get_default_dtype(), torch.get_default_device()
    gradients, numpy_state = torch.is_grad_enabled(), np.random.get_state()  # noqa: NPY002
    python_state, torch_state = random.getstate(), torch.get_rng_state()
    kept = [_read(setting) for setting in _SETTINGS]
    try:
        with np.errstate(), np.printoptions(), decimal.localcontext():
            torch.set_grad_enabled(True)
            yield
    finally:
        torch.set_rng_state(torch_state)
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.set_grad_enabled(gradients)
        if torch.get_default_dtype() != kind:
            torch.set_default_dtype(kind)
        if torch.get_default_device() != device:
            torch.set_default_device(None if device.type == "cpu" else device)
        for setting, before in zip(_SETTINGS, kept, strict=True):
            if before is not None and _read(setting) != before:
                with suppress(OSError, RuntimeError):
                    setting[1](before)
