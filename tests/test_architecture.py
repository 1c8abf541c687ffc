"""Who may import whom, and what an import may do."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "kdteach"
# A room imports from lower levels only. DESIGN's rows, from the ground floor up.
LEVELS = {
    "renamed": -2,
    "checks": -2, "arrays": -2, "extras": -2, "fingerprints": -1, "workers": 0,
    "runs": -1, "writing": 0, "record": 1,
    "memory": -2, "files": -1, "shifting": -1, "stored": -1, "drawing": -1,
    "types": 0, "seeding": 0, "stats": 0,
    "data": 1, "models": 1, "losses": 1,
    "metrics": 2, "cost": 2, "objectives": 2, "quantisation": 2,
    "training": 3, "explain": 3, "dark_knowledge": 1,
    "results": 4, "experiments": 5,
    "comparisons": 1, "marks": 7, "claims": 8,
    "tables": 6, "diagnosis": 6,
    "plots": 7, "diagrams": 6, "live": 7, "interactive": 7, "exercises": 7,
    "workflow": 8,
    "__main__": 9, "__init__": 10,
}  # fmt: skip
# objectives and metrics stand on one floor with cost and know nothing of each other
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imports(path):
    """Every module that a file imports, lazily or not."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            if node.module == "kdteach":
                yield from (f"kdteach.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_rooms_import_from_below(path):
    here = room(path)
    assert here in LEVELS, f"{here} has no floor: add it to LEVELS and to the design"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "kdteach" or len(parts) == 1 or parts[1] == here:
            continue
        assert LEVELS[parts[1]] < LEVELS[here], f"{here} imports {parts[1]}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_one_purpose_a_room(path):
    names = {name.split(".")[0] for name in imports(path)}
    if names & {"matplotlib", "seaborn"}:
        assert room(path) == "plots"
    if "altair" in names:
        assert room(path) == "interactive"
    assert not names & {"requests", "urllib", "http", "socket", "httpx"}
    assert not names & {"IPython", "nbformat", "jupyter_book", "tests"}
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert path.stem not in {"utils", "helpers", "misc", "common"}


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_import_has_no_side_effects():
    """No file of the package's data read, no connection, no seed, no setting."""
    seen = run(
        "import sys, json, torch, numpy\n"
        "events, before = [], torch.random.get_rng_state()\n"
        "threads = torch.get_num_threads()\n"
        f"home = {str(PACKAGE)!r}\n"
        "def hook(name, args):\n"
        "    if name.startswith('socket.') or name == 'subprocess.Popen':\n"
        "        events.append(name)\n"
        "    if name == 'open' and str(args[0]).startswith(home):\n"
        "        if '.py' not in str(args[0]):\n"
        "            events.append(args[0])\n"
        "sys.addaudithook(hook)\n"
        "import kdteach\n"
        "same = bool(torch.equal(before, torch.random.get_rng_state()))\n"
        "heavy = [m for m in ('matplotlib', 'seaborn', 'pandas', 'sklearn',\n"
        "    'scipy.stats', 'torchvision', 'altair', 'statsmodels') if m in sys.modules]\n"
        "print(json.dumps([events, same, heavy, threads == torch.get_num_threads()]))\n"
    )
    assert seen == [[], True, [], True]


def test_import_is_quick():
    """At most 0.5 s on top of torch, of the processor, for the machine may be busy."""
    code = (
        "import time, json, torch, numpy\n"
        "start = time.process_time()\n"
        "import kdteach\n"
        "print(json.dumps(time.process_time() - start))\n"
    )
    assert min(run(code) for _ in range(3)) < 0.5


def test_public_names():
    import kdteach
    from kdteach import cost, data, losses, metrics, models, objectives

    assert callable(kdteach.fit)
    assert callable(kdteach.fit_many)
    assert callable(kdteach.teacher_logits)
    assert callable(data.load)
    assert callable(models.build)
    assert {"soft_targets", "distillation_loss", "kd_loss"} <= set(losses.__all__)
    assert callable(objectives.hard_labels)
    assert callable(objectives.distil)
    assert callable(metrics.evaluate)
    assert callable(cost.count_parameters)
    assert callable(cost.count_flops)
    assert callable(cost.measure_latency)
    for name in set(kdteach.__all__):
        assert hasattr(kdteach, name)


def test_public_functions_say_shapes_errors_and_source():
    """Every public function has a docstring with its arguments and what it returns."""
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            if any(isinstance(d, ast.Name) and d.id == "overload" for d in
                   node.decorator_list):  # fmt: skip
                continue
            text = ast.get_docstring(node) or ""
            assert text, f"{path.name}: {node.name} has no docstring"
            named = [a.arg for a in node.args.args + node.args.kwonlyargs]
            if (
                len(named) > 2
                and not path.stem.startswith("_")
                and room(path) != "exercises"
            ):
                assert "Args:" in text or "unchecked" in text, f"{path.name}: {node.name}"
