"""What keeps runs apart that are not the same, and processes from the caller's script."""

import subprocess
import sys
import textwrap
from multiprocessing import spawn

import pytest

from kdteach.experiments import executors
from kdteach.experiments.guards import device_class


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("NVIDIA H100 80GB HBM3", "GPU"), ("Tesla V100-SXM2-16GB", "GPU"),
        ("NVIDIA GeForce RTX 4090", "GPU"), ("GeForce GTX 1080", "GPU"),
        ("Quadro RTX 6000", "GPU"), ("AMD Instinct MI210", "GPU"), ("cuda: x", "GPU"),
        ("AMD Radeon RX 7900 XTX", "GPU"), ("AMD EPYC", "CPU"), ("x86_64", "CPU"),
        ("AMD Ryzen 7 5800H with Radeon Graphics", "CPU"), ("arm64", "CPU"),
        ("Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz", "CPU"), ("Apple M2", "CPU"),
        (None, None), ("", None), (3, None),
    ],
)  # fmt: skip
def test_kinds_of_devices(name, kind):
    assert device_class(name) == kind


def test_processes_of_dask_are_not_told_of_the_script(monkeypatch):
    """Dask starts its own, in threads of its own; those of others are told as usual."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/a/script.py", raising=False)
    told = "init_main_from_path"
    assert told in spawn.get_preparation_data("Dask Worker process (from Nanny)")
    with executors._without_script("Dask"):
        assert told not in spawn.get_preparation_data("Dask Worker process (from Nanny)")
        assert told in spawn.get_preparation_data("SpawnProcess-1")
    assert told in spawn.get_preparation_data("Dask Worker process (from Nanny)")


def test_precision_that_is_set_by_newer_names_is_put_back(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent("""
            import torch
            from kdteach.experiments import environment
            place = torch.backends.cuda.matmul
            place.fp32_precision = "tf32"
            with environment.settings(None):
                assert place.fp32_precision == "ieee"
            assert place.fp32_precision == "tf32"
        """)], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
