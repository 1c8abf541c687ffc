"""``import kdteach as kd``: quick, quiet, and whole; what an extra brings is named."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import kdteach as kd
from kdteach.extras import EXTRAS, require_extra

PACKAGE = Path(kd.__file__).parent
HEAVY = (
    "matplotlib", "seaborn", "altair", "pandas", "sklearn", "scipy", "torchvision",
    "captum", "lime", "skimage", "timm", "distributed",
)  # fmt: skip
CORE = (
    "claims", "cost", "data", "exercises", "experiments", "explain", "losses", "metrics",
    "models", "objectives", "results", "stats", "training", "types",
)  # fmt: skip
VERBS = {
    "build": "models", "claim": "claims", "distil": "objectives", "doctor": "diagnosis",
    "evaluate": "metrics",
    "fit": "training", "fit_many": "training", "hard_labels": "objectives",
    "interval_text": "claims", "load": "data", "mean_interval": "stats",
    "measured": "results", "sentence": "claims", "teacher_logits": "training",
    "trained_teacher": "models",
}  # fmt: skip


def fresh(code):
    """What a fresh process prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_modules_and_verbs_hang_on_the_one_import():
    for name in CORE:
        assert getattr(kd, name).__name__ == f"kdteach.{name}"
    for verb, home in VERBS.items():
        assert getattr(kd, verb) is getattr(getattr(kd, home), verb)
    assert kd.compare is kd.comparisons.compare
    assert {*CORE, *VERBS, "compare", "plots", "tables"} <= set(dir(kd))
    assert not hasattr(kd, "nonsense")
    with pytest.raises(AttributeError, match="'kdteach' has no attribute 'destil'"):
        _ = kd.destil


def test_type_checkers_see_what_is_there_at_run_time():
    """The names in the block for type checkers are those of ``__all__``."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == set(kd.__all__)
    assert kd.__all__ == sorted(kd.__all__)


def test_nothing_is_loaded_before_it_is_touched():
    loaded = "[m for m in sys.modules if m.startswith('kdteach.')]"
    before, heavy, after = fresh(
        "import sys, json, torch, numpy\n"
        "import kdteach as kd\n"
        f"before = {loaded}\n"
        f"for name in {CORE!r}: getattr(kd, name)\n"
        f"for name in {tuple(VERBS)!r}: getattr(kd, name)\n"
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "kd.tables\n"
        "print(json.dumps([before, heavy, 'pandas' in sys.modules]))\n"
    )
    assert before == []
    assert heavy == []
    assert after


def test_the_import_changes_nothing():
    """Also where everything is touched: no seed, thread, default or setting of NumPy."""
    same = fresh(
        "import json, os, torch, numpy as np, warnings\n"
        "def state():\n"
        "    return (torch.get_rng_state().tolist(), torch.get_num_threads(),\n"
        "        str(torch.get_default_dtype()), torch.is_grad_enabled(),\n"
        "        np.random.get_state()[1].tolist(), np.geterr(), len(warnings.filters),\n"
        "        torch.are_deterministic_algorithms_enabled(), dict(os.environ),\n"
        "        torch.get_float32_matmul_precision())\n"
        "before = state()\n"
        "import kdteach as kd\n"
        f"for name in {CORE + tuple(VERBS)!r}: getattr(kd, name)\n"
        "print(json.dumps(state() == before))\n"
    )
    assert same


BLOCKER = """
import json, sys
BLOCKED = set(%r)
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            return None
        return self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
import torch
import kdteach as kd
def said(work):
    try:
        work()
    except ModuleNotFoundError as error:
        return [str(error), error.name]
    return None
"""


def test_the_core_needs_no_extra():
    """Load, train, distil, evaluate, compare and record with all extras missing."""
    accuracy, recorded = fresh(
        BLOCKER % (tuple(EXTRAS),) + f"for name in {CORE!r}: getattr(kd, name)\n"
        "digits = kd.load('digits')\n"
        "teacher = kd.models.trained_teacher(0)\n"
        "logits = kd.teacher_logits(teacher, digits.train)\n"
        "student = kd.build('fc-16', input_shape=digits.image_shape)\n"
        "kd.fit(student, digits, kd.distil(logits, 4.0, 0.5), epochs=20,\n"
        "    learning_rate=0.01)\n"
        "accuracy = kd.evaluate(student, digits.test).accuracy\n"
        "maps = kd.explain.saliency(student, digits.test.images[:2])\n"
        "runs = kd.measured('digits-hinton', 'test_errors', role='plain')\n"
        "gap = kd.compare(runs, runs)\n"
        "kd.claim('The same runs do not differ.', gap.covers(0), gap)\n"
        "print(json.dumps([accuracy, len(runs)]))\n"
    )
    assert accuracy > 0.8
    assert recorded == 10


def test_a_missing_extra_is_named():
    found = fresh(
        BLOCKER % (tuple(EXTRAS),) + "images = torch.rand(2, 3, 16, 16)\n"
        "net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(768, 2))\n"
        "maps = kd.explain.saliency(net, images)\n"
        "print(json.dumps({\n"
        "    'plots': said(lambda: kd.plots), 'tables': said(lambda: kd.tables),\n"
        "    'interactive': said(lambda: kd.interactive),\n"
        "    'captum': said(lambda: kd.explain.saliency(\n"
        "        net, images, method='integrated gradients')),\n"
        "    'lime': said(lambda: kd.explain.lime(net, images[:1])),\n"
        "    'agreement': said(lambda: kd.explain.agreement(maps, maps)),\n"
        "    'timm': said(lambda: kd.build('resnetv2_50')),\n"
        "    'dask': said(lambda: kd.experiments.reproduce(\n"
        "        'digits-hinton', seeds=11, executor='dask', results_dir='/nowhere/x')),\n"
        "}))\n"
    )
    extras = {
        "plots": "book", "tables": "book", "interactive": "book", "captum": "explain",
        "lime": "explain", "agreement": "explain", "timm": "timm", "dask": "dask",
    }  # fmt: skip
    for what, extra in extras.items():
        message, _ = found[what]
        assert f"pip install 'kdteach[{extra}]'" in message, (what, message)


def test_what_a_package_itself_lacks_is_not_blamed_on_the_extra(tmp_path, monkeypatch):
    (tmp_path / "altair.py").write_text("import no_such_module_here\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "altair", raising=False)
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_module_here'"):
        require_extra("this test", "altair")


def test_the_extras_are_those_of_the_package():
    import tomllib

    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    homes = {"skimage": "scikit-image"}
    for package, extra in EXTRAS.items():
        named = [line.split(">")[0] for line in extras[extra]]
        assert homes.get(package, package) in named
    core = {line.split(">")[0] for line in project["dependencies"]}
    assert core == {
        "numpy", "safetensors", "scikit-learn", "scipy", "threadpoolctl", "torch",
        "torchvision", "tqdm",
    }  # fmt: skip


def private_names(path):
    """Names with an underscore that a file takes from another room, and from where."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kdteach"):
            for alias in node.names:
                modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                parts = [*node.module.split("."), alias.name]
                if any(part.startswith("_") for part in parts):
                    yield parts[1] if len(parts) > 1 else "", ".".join(parts)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        private = node.attr.startswith("_") and not node.attr.startswith("__")
        if private and node.value.id in modules:
            whole = f"{modules[node.value.id]}.{node.attr}"
            yield whole.split(".")[1], whole


def test_no_private_name_crosses_a_room():
    crossing = [
        (str(path.relative_to(PACKAGE)), name)
        for path in sorted(PACKAGE.rglob("*.py"))
        for room, name in private_names(path)
        if room != path.relative_to(PACKAGE).with_suffix("").parts[0]
    ]
    assert crossing == []


def test_private_names_are_found(tmp_path):
    file = tmp_path / "a.py"
    file.write_text(
        "from kdteach.data._canvas import draw\nfrom kdteach import writing\n"
        "from kdteach.types import _rows\nwriting._try_lock\nwriting.locked\n"
    )
    assert {name for _, name in private_names(file)} == {
        "kdteach.data._canvas.draw", "kdteach.types._rows", "kdteach.writing._try_lock"
    }  # fmt: skip


ENGINE = sorted((PACKAGE / "experiments").glob("*.py"))


@pytest.mark.parametrize("path", ENGINE, ids=lambda p: p.stem)
def test_the_engine_meets_the_catalogue_in_one_place(path):
    named = {
        node.module
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    meets = any(name.startswith("kdteach.experiments.catalogue") for name in named)
    assert meets == (path.stem == "registry")
