"""The tests themselves are tested: each planted fault must make one of them fail."""

import importlib
import os
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path

import faults
import pytest

HERE = Path(__file__).resolve().parent
PATIENCE = 120  # seconds

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


def outcome(fault, faulty, folder):
    """Run the fault's test in a copy of this process, with the fault in it.

    Returns:
        pytest's exit status, and what it printed.
    """
    said = folder / "said"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the copy goes its own way, without our threads
        child = os.fork()
    if child == 0:
        _in_the_copy(fault, faulty, said)
    deadline = time.monotonic() + PATIENCE
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.02)
    return os.waitstatus_to_exitcode(ended[1]), said.read_text(encoding="utf-8")


def _in_the_copy(fault, faulty, said):
    """Plant and test, and never come back."""
    status = 70
    try:
        sys.stdout = sys.stderr = said.open("w", encoding="utf-8")
        for name in [name for name in os.environ if name.startswith("PYTEST_")]:
            del os.environ[name]
        for name in [name for name in sys.modules if name.startswith("test_")]:
            del sys.modules[name]  # they hold functions of the library as these were
        _keep_examples_apart()
        fault.plant(faulty)
        status = int(pytest.main([
            f"{HERE / fault.test}", f"--rootdir={HERE.parent}", "-x", "-q", "-s",
            "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:faulthandler",
            # what only makes a failure easier to read, and takes most of the time
            "--assert=plain", "-p", "no:unraisableexception",
        ]))  # fmt: skip
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _keep_examples_apart():
    """What hypothesis finds in a planted fault is nothing to be tried again."""
    from hypothesis import settings

    settings.register_profile("planted", database=None)
    settings.load_profile("planted")


@pytest.fixture(scope="module", autouse=True)
def _warm():
    """What every copy would have to import for itself."""
    for module in ("sklearn.datasets", "torch._dynamo"):  # digits, an optimiser's steps
        importlib.import_module(module)


@pytest.mark.parametrize("name", faults.FAULTS)
def test_a_planted_fault_breaks_a_test(name, tmp_path):
    fault = faults.FAULTS[name]
    sound, said = outcome(fault, False, tmp_path)
    assert sound == pytest.ExitCode.OK, f"without the mistake, {fault.test}:\n{said}"
    broken, said = outcome(fault, True, tmp_path)
    assert broken == pytest.ExitCode.TESTS_FAILED, f"nothing found by {fault.test}:\n{said}"
    assert "1 failed" in said


def test_all_kinds_of_faults_are_planted():
    assert len(faults.FAULTS) >= 16
