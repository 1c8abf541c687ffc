"""The kernels of the chapters import the package from here, on one thread.

A kernel is a copy of a process that has torch and its like imported, and not
kdteach: see ``tests/warm.py``.
"""

import importlib.util
import os
import sys
from pathlib import Path

from jupyter_client import launcher

ROOT = Path(__file__).resolve().parent.parent
os.environ["PYTHONPATH"] = os.pathsep.join(
    part for part in (str(ROOT), os.environ.get("PYTHONPATH")) if part
)
os.environ["OMP_NUM_THREADS"] = "1"


def _warm():
    """The module beside the tests, also where these are not collected."""
    if "warm" in sys.modules:
        return sys.modules["warm"]
    file = ROOT / "tests" / "warm.py"
    spec = importlib.util.spec_from_file_location("warm", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["warm"] = module
    spec.loader.exec_module(module)
    return module


launcher.Popen = _warm().Popen
