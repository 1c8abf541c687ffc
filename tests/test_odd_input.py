"""Every public function is fed with odd and hostile input: nothing goes wrong in silence.

A call may end with a result that is right, to judge by an oracle outside the library, or
with an error that the library raises itself and that names the argument. Anything else is a
fault: a bare error from deep inside, a wrong result, a changed state, lost data, a hang, a
bite out of the memory. ``make odd`` prints the counts; the cases stand in ``tests/odd``.
"""

import inspect
import pkgutil
import time
import zlib
from importlib import import_module

import numpy as np
import pytest
import torch

import kdteach
from tests.odd import judge
from tests.odd.judge import Case
from tests.odd.rooms import MODULES, rooms
from tests.odd.values import REFUSED

CASES = {}
for room in rooms():
    for function, cases in room.cases().items():
        CASES.setdefault(function, []).extend(cases)

FOUNDATIONS = {
    "renamed",
    "arrays", "checks", "extras", "files", "fingerprints", "memory", "record", "seeding",
    "drawing", "shifting", "stored",
    "workers", "writing",
}  # fmt: skip
"""Modules that the rooms stand on: every case goes through them."""
MADE_BY_THE_LIBRARY = {
    "kdteach.live.LiveFigure", "kdteach.marks.Mark",
    "kdteach.diagrams.Diagram",
    "kdteach.cost.Latency", "kdteach.diagnosis.Diagnosis", "kdteach.diagnosis.Finding",
    "kdteach.data.petri.Case", "kdteach.data.petri.Tile", "kdteach.experiments.Failure",
    "kdteach.explain.Agreement", "kdteach.metrics.RaterAgreement",
    "kdteach.objectives.Mixed",
    "kdteach.objectives.TrainingSetup",
    "kdteach.stats.McNemar", "kdteach.tables.Download", "kdteach.types.Batch",
    "kdteach.workflow.Outcome",
    "kdteach.types.History", "kdteach.types.LossTerms", "kdteach.types.RunRecord",
}  # fmt: skip
"""Records of results, which nobody else makes; where they are arguments, odd ones are."""


@pytest.fixture(autouse=True)
def no_folder_of_data(monkeypatch):
    """What is given counts, and not what this machine has beside it."""
    monkeypatch.delenv("KDTEACH_DATA", raising=False)


def public_names():
    """Everything of the package that can be called, by the name under which it is found."""
    names = [module.name for module in pkgutil.iter_modules(kdteach.__path__)]
    places = [name for name in names if name not in FOUNDATIONS and name != "__main__"]
    found = {"kdteach.__main__.main"} | {f"kdteach.{n}" for n in kdteach.__all__}
    for place in (*places, "data.petri", "data.mhist"):
        module = import_module(f"kdteach.{place}")
        own = (
            name
            for name, thing in vars(module).items()
            if not name.startswith("_")
            and getattr(thing, "__module__", "") == module.__name__
        )
        for name in getattr(module, "__all__", own):
            found.add(f"{module.__name__}.{name}")
    return found


def parts(path):
    module, _, name = path.rpartition(".")
    return import_module(module), name


def can_be_called(path):
    """Whether there is something to feed: a function, or a class."""
    try:
        thing = getattr(*parts(path))
    except (ImportError, AttributeError):
        return False
    if isinstance(thing, type):
        return not issubclass(thing, BaseException) and not getattr(
            thing, "_is_protocol", False
        )
    return inspect.isfunction(thing)


ELSEWHERE = {
    "kdteach.reports": "no arguments: tests/test_reports.py",
    "kdteach.exercises.judge_half_a_point": "Judgement, tests/test_exercise_engine.py",
    "kdteach.exercises.judge_far_rings": "Judgement, tests/test_exercise_engine.py",
    "kdteach.exercises.judge_below_chance": "Judgement, tests/test_exercise_engine.py",
    "kdteach.exercises.judge_shrinking_loss": "Judgement, tests/test_exercise_engine.py",
    "kdteach.exercises.judge_teacher_alone": "Judgement, tests/test_exercise_engine.py",
    "kdteach.exercises.judge_negative_loss": "Judgement, tests/test_exercise_engine.py",
    "kdteach.exercises.judge_rising_curve": "Judgement, tests/test_exercise_engine.py",
    "kdteach.exercises.judge_unnormalised": "Judgement, tests/test_exercise_engine.py",
    "kdteach.exercises.judge_new_layer": "Judgement, tests/test_exercise_engine.py",
    "kdteach.tables.download": "tests/test_reports.py",
    "kdteach.workflow.Settings": "tests/test_workflow.py",
    "kdteach.workflow.distil": "tests/test_workflow.py",
    "kdteach.data.look_alikes": "no arguments: tests/test_look_alikes.py",
    "kdteach.data.mhist.cut": "load('mhist') cuts by it",
    "kdteach.data.mhist.is_drawn": "reproduce('mhist') asks it; a path as load('mhist')",
    "kdteach.data.mhist.load_mhist": "load('mhist')",
    "kdteach.live.page_examples": "no arguments: tests/test_drawing_readers.py",
    "kdteach.live.page_numbers": "no arguments: tests/test_drawing_readers.py",
    "kdteach.live.page_readers": "no arguments: tests/test_drawing_readers.py",
    "kdteach.live.readers_record": "no arguments: tests/test_drawing_readers.py",
    "kdteach.models.reader_file": "trained_reader",
    "kdteach.models.last_step": "teacher_logits and evaluate of odd networks",
    "kdteach.metrics.answers_to": "evaluate of what is read in batches",
    "kdteach.metrics.each_answer": "teacher_logits of what is read in batches",
    "kdteach.stats.require_interval": "verdict, claim and the tables",
    "kdteach.stats.written": "the tables, and claims by interval_text",
    "kdteach.types.as_split": "evaluate, teacher_logits and many more",
    "kdteach.types.is_pair": "evaluate, teacher_logits and many more",
    "kdteach.types.require_set": "merge_classes and in_quadrants",
    "kdteach.types.require_split": "evaluate, teacher_logits and many more",
}
"""Public names whose cases stand under another."""


def test_every_public_function_has_odd_cases():
    fed = set(CASES)
    things = {id(getattr(*parts(path))) for path in fed if can_be_called(path)}
    missing = {
        path
        for path in public_names() - MADE_BY_THE_LIBRARY - ELSEWHERE.keys()
        if can_be_called(path) and id(getattr(*parts(path))) not in things
    }
    assert not missing, f"write odd cases in tests/odd for {sorted(missing)}"
    checking = {
        path
        for path in MADE_BY_THE_LIBRARY
        if hasattr(getattr(*parts(path)), "__post_init__")
    }
    assert not checking, f"they check what they are given: {sorted(checking)}"
    unknown = {path for path in fed if not can_be_called(path)}
    assert not unknown, f"cases of what is not there: {sorted(unknown)}"


def test_there_are_many_and_all_different():
    labels = [case.label for cases in CASES.values() for case in cases]
    assert len(labels) >= 1300
    assert len(set(labels)) == len(labels), sorted(
        {label for label in labels if labels.count(label) > 1}
    )[:20]


def today(case):
    """Of the strange values that every argument is given, a third will do: here each is
    given to a third of the arguments. ``make odd`` gives all to all.
    """
    return not case.common or zlib.crc32(case.label.encode()) % 3 == 0


@pytest.mark.parametrize("function", sorted(CASES))
def test_odd_input(function):
    outcomes = [(case.label, judge.judge(case)) for case in CASES[function] if today(case)]
    faults = [f"{o.kind}: {label}: {o.text}" for label, o in outcomes if not o.fine]
    assert not faults, f"{len(faults)} of {len(outcomes)} cases\n" + "\n".join(faults)


# the judge is judged, so that the sweep can fail


def outcome(call, names=("temperature",), right=None, **options):
    made = options.pop("arguments", dict)
    return judge.judge(
        Case("f", "f()", lambda: (made(), ()), call, names, right, **options)
    ).kind


def is_three(value, _):
    assert value == 3


def bare(*_):
    raise ValueError("temperature must be above 0")  # not by the library


@pytest.mark.parametrize(
    ("kind", "call", "right"),
    [
        (judge.RIGHT, lambda: 3, is_three),
        (judge.WRONG, lambda: 4, is_three),
        (judge.WRONG, lambda: 3, REFUSED),
        (judge.CLEAR, lambda: kdteach.objectives.distil(torch.zeros(2, 2), -1, 0.5), None),
        (judge.UNCLEAR, lambda: kdteach.objectives.distil(torch.zeros(2, 2), 1, 2), None),
        (judge.UNCLEAR, bare, None),
        (judge.UNCLEAR, lambda: [][1], None),
        (judge.UNCLEAR, lambda: kdteach.models.device_of(3), None),
        (judge.STATE, lambda: torch.manual_seed(3) and None, REFUSED),
        (judge.STATE, lambda: np.random.seed(3), REFUSED),  # noqa: NPY002
        (judge.STATE, lambda: torch.set_default_dtype(torch.float64), REFUSED),
        (judge.STATE, lambda: torch.set_grad_enabled(False) and None, REFUSED),
        # well above MOST: garbage of earlier tests may be freed meanwhile
        (judge.MEMORY, lambda: np.ones(40_000_000)[0], REFUSED),
        (judge.MEMORY, lambda: torch.ones(10**13), REFUSED),
    ],
)  # fmt: skip
def test_the_judge_tells_them_apart(kind, call, right, monkeypatch):
    monkeypatch.setattr(judge, "MOST", 10**8)
    assert outcome(call, right=right, alone=kind == judge.MEMORY) == kind
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def test_what_must_be_supported_may_not_be_refused():
    def refused():
        return kdteach.objectives.distil(torch.zeros(2, 2), -1, 0.5)

    assert outcome(refused, right=is_three) == judge.CLEAR
    assert outcome(refused, right=is_three, must=True) == judge.UNCLEAR


def test_the_judge_sees_changed_arguments_and_files(tmp_path):
    images = torch.zeros(3)
    assert outcome(lambda x: x.add_(1), arguments=lambda: {"x": images}) == judge.STATE
    path = tmp_path / "x"
    path.write_text("old")

    def spoils(x):
        x.write_text("new")
        kdteach.objectives.distil(torch.zeros(2, 2), -1, 0.5)

    assert outcome(spoils, arguments=lambda: {"x": path}) == judge.LOST
    model = torch.nn.Linear(2, 2)
    assert outcome(lambda m: m.eval(), arguments=lambda: {"m": model}) == judge.STATE


def test_the_judge_waits_for_nobody(monkeypatch):
    monkeypatch.setattr(judge, "PATIENCE", 0.3)
    assert outcome(lambda: time.sleep(60)) == judge.HANG

    def swallows():
        while True:
            try:
                time.sleep(60)
            except BaseException:
                return 3

    assert outcome(swallows, right=is_three) == judge.HANG
    assert outcome(lambda: time.sleep(60), alone=True) == judge.HANG


def test_modules_of_cases_are_all_there():
    found = {
        module.name for module in pkgutil.iter_modules(import_module("tests.odd").__path__)
    }
    helpers = {
        "__main__", "judge", "lists", "material", "networks", "rooms", "sweep", "values",
        "world",
    }  # fmt: skip
    assert found - helpers == set(MODULES)
