"""The kernels of the chapters import the package from here, on one thread."""

import os
from pathlib import Path

root = str(Path(__file__).resolve().parent.parent)
os.environ["PYTHONPATH"] = os.pathsep.join(
    part for part in (root, os.environ.get("PYTHONPATH")) if part
)
os.environ["OMP_NUM_THREADS"] = "1"
