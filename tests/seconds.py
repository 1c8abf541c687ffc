"""How long each test takes: measured, kept, and used to put the long ones first.

``seconds.json`` holds what takes longer than a test of a good size; everything else is
taken to be short. Each run measures anew and leaves its figures in pytest's cache; after
``make test`` on a machine that does nothing else ``make times`` writes them into the list.
"""

import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIST = HERE / "seconds.json"
CACHE = "kdteach/seconds"
KEPT = 0.05  # seconds: shorter ones are not in the list, and belong to ``make quick``
BUDGET = 50.0  # seconds that the tests of ``make quick`` may take on one core, half on two
SLOW = 1.0  # seconds: longer ones are marked slow, and run on their own
SHORT = 0.02  # seconds of a test that nothing is known about


def of(nodeid):
    """The test, or the chapter, under which a test's time is kept."""
    plain = nodeid.rpartition("@")[0] if nodeid.rfind("@") > nodeid.rfind("]") else nodeid
    file, _, name = (plain or nodeid).partition("::")
    return file if file.endswith(".ipynb") else f"{file}::{name}"


def listed():
    """Seconds by test, from the list: the same for everybody."""
    return json.loads(LIST.read_text(encoding="utf-8"))


def group_of(nodeid, seconds):
    """The group in which a test runs: its chapter, its file, or itself where it is slow.

    Args:
        nodeid: of a test.
        seconds: by test.
    """
    test = of(nodeid)
    file = test.partition("::")[0]
    alone = seconds.get(test, SHORT) >= SLOW and not file.endswith(".ipynb")
    return test if alone else file


def arrange(items, seconds):
    """Sort tests into groups that one process runs, the longest group first.

    A chapter stays together, and so do the short tests of a file, which share what they
    prepare. A slow test is a group of its own.

    Args:
        items: of pytest.
        seconds: by test.

    Returns:
        The items in order; of each its group, whether it is slow, and whether it is quick.
    """
    groups, whole, taken = [], {}, []
    for item in items:
        test = of(item.nodeid)
        file = test.partition("::")[0]
        takes = seconds.get(test, SHORT)
        group = group_of(item.nodeid, seconds)
        if file.endswith(".ipynb"):
            whole[group] = takes
        else:
            whole[group] = whole.get(group, 0.0) + takes
        groups.append(group)
        taken.append(takes)
    order = sorted(range(len(items)), key=lambda i: -whole[groups[i]])  # a stable sort
    return [(items[i], groups[i], taken[i] >= SLOW, taken[i] < KEPT) for i in order]


def exists(test):
    """Whether there still is a test, or a chapter, of that name."""
    file, _, name = test.partition("::")
    path = HERE.parent / file
    if not path.exists() or not name:
        return path.exists()
    function = re.escape(name.partition("[")[0])
    return (
        re.search(rf"(?m)^def {function}\(", path.read_text(encoding="utf-8")) is not None
    )


def write(measured):
    """Bring the list up to date.

    Args:
        measured: seconds by test, of a whole run.
    """
    long = {test: round(takes, 1) for test, takes in measured.items() if takes >= KEPT}
    long = {test: takes for test, takes in long.items() if exists(test)}
    text = json.dumps(dict(sorted(long.items())), indent=1)
    LIST.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    cached = HERE.parent / ".pytest_cache" / "v" / CACHE
    write(json.loads(cached.read_text(encoding="utf-8")))
