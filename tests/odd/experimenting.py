"""Experiments: configurations that contradict themselves, runs, the command line."""

import contextlib
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kdteach.experiments import EXPERIMENTS, Experiment
from kdteach.results import load_records
from tests.odd import values
from tests.odd.judge import Told
from tests.odd.material import folder
from tests.odd.sweep import Check, Room, equals, found, nothing, require_equal

ROOM = Room("experiments, command line")
PLAIN = {"role": "plain", "model": "fc-4", "epochs": 1, "batch_size": 32,
    "learning_rate": 0.01, "transfer": 32}  # fmt: skip
TEACHER = {**PLAIN, "role": "teacher"}
STUDENT = {**PLAIN, "role": "distilled", "temperature": 2.0, "alpha": 0.5,
    "teacher": TEACHER}  # fmt: skip
DATA = ("digits", {"dtype": "float64"})

# a configuration

recipe = ROOM.function(
    "kdteach.experiments.Recipe", lambda: {"config": dict(STUDENT)},
    call=lambda config: found("kdteach.experiments.Recipe").of(config),
)  # fmt: skip


def _kept(value: Any, arguments: dict[str, Any]) -> None:
    for key, wanted in arguments["config"].items():
        if key != "teacher":
            require_equal(getattr(value, key), wanted)


recipe.right("as it is", nothing, _kept)
recipe.right("its teacher alone", lambda: {"config": TEACHER}, _kept)


def _setting(
    key: str, odds: list[values.Odd], base: dict[str, Any] = STUDENT, **more: Any
) -> None:
    """Each odd value of one setting."""
    for odd in odds:
        stands_for = odd.stands_for

        def change(odd: values.Odd = odd) -> dict[str, Any]:
            return {"config": {**base, **more, key: odd.make()}}

        label = f"{key}: {odd.label}"
        if stands_for is None:
            recipe.refuse(label, change, names=(key,))
            continue

        def check(value: Any, _: Any, stands_for: Any = stands_for) -> None:
            other = found("kdteach.experiments.Recipe").of({**base, **more,
                key: stands_for.plain()})  # fmt: skip
            assert value == other, f"{getattr(value, key)!r}"

        recipe.add(label, change, right=check, must=isinstance(stands_for, values.Same),
            names=(key,))  # fmt: skip


for key in ("epochs", "batch_size", "transfer", "stop_epoch", "teacher_epoch"):
    _setting(key, [o for o in values.count(1) if not (key == "batch_size" and "None"
        in o.label)])  # fmt: skip
_setting("jitter", values.count(1, least=0), PLAIN)
_setting("subclasses", values.count(2), teacher={**TEACHER, "subclasses": 2})
_setting("learning_rate", values.number(0.5, lambda x: x > 0))
_setting("temperature", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
_setting("alpha", values.number(0.25, lambda x: 0 <= x <= 1))
_setting("weight_decay", values.number(0.5, lambda x: x > 0))
_setting("dropout", values.number(0.25, lambda x: 0 <= x < 1))
_setting("drop_last", values.switch())
_setting("optimizer", values.choice("momentum"))
_setting("schedule", values.choice("cosine"))
_setting("precision", values.choice("bfloat16"))
_setting("role", [o for o in values.text()])
_setting("model", [o for o in values.choice("fc-8") if o.label not in ("a subclass of str",
    "numpy.str_")])  # fmt: skip
for key, wrongs in {
    "omit": (None, 3, "03", [3.0], [True], [-1], ["3"], [[3]], [], {3}, [3, 3], [math.nan],
    torch.tensor([3])),
    "only": (None, 3, "78", [7.5], [-1], [], [7, 7], {"a": 1}),
    "teacher": (None, "teacher", 3, [], {}, {"role": "teacher"},
    {**TEACHER, "nonsense": 1}, {**TEACHER, "epochs": 0}, [TEACHER],
    {**TEACHER, "teacher_epoch": 3}),
    "flips": (1, "yes", None, [], 0.5), "balanced": (1, "yes", None, []),
    "policy": ("none", None, 3, []), "weights": (3, [], True, "x", ""),
    "choose_on": ("train", 3, True, []), "choose_by": ("loss", 3, []),
    "targets": ("soft", None, 3), "mistake": ("all", 3, True),
    "shipped": ("cnn-valid", 3, True),
    "views": (-1, 0.5, "1", True, None), "smoothing": (1.0, -0.1, math.nan, "0.1", None),
    "beta": (-1.0, math.nan, "1", None),
}.items():  # fmt: skip
    for number, wrong in enumerate(wrongs):
        recipe.refuse(f"{key}, {number} = {str(wrong)[:30]}",
                      lambda k=key, w=wrong: {"config": {**STUDENT, k: w}}, names=(key,
                  ))  # fmt: skip
for key in ("lr", "Temperature", "batchsize", "epoch", "", "temperature ", "models", 3,
    None, b"epochs", ("a",)):  # fmt: skip
    recipe.refuse(f"an unknown setting {key!r}",
        lambda k=key: {"config": {**STUDENT, k: 1}},
                  names=(str(key) or "unknown setting", "settings"))  # fmt: skip
for label, config in {
    "None": None, "a list": [1], "a word": "plain", "empty": {}, "3": 3,
    "a broken length": values.Sizeless(), "no role": {k: v for k,
    v in PLAIN.items() if k != "role"},
    "no model": {k: v for k, v in PLAIN.items() if k != "model"},
    "no epochs": {k: v for k, v in PLAIN.items() if k != "epochs"},
}.items():  # fmt: skip
    recipe.refuse(f"config: {label}", lambda c=config: {"config": c},
        names=("configuration", "role", "model", "epochs"))  # fmt: skip
for label, more in {
    "alpha without temperature": {**PLAIN, "alpha": 0.5},
    "temperature without alpha": {**PLAIN, "temperature": 2.0, "teacher": TEACHER},
    "smoothing and a teacher": {**STUDENT, "smoothing": 0.1},
    "smoothing and votes": {**PLAIN, "smoothing": 0.1, "targets": "votes"},
    "omit and only": {**PLAIN, "omit": [3], "only": [7, 8]},
    "flips and jitter": {**PLAIN, "flips": True, "jitter": 1},
    "stop_epoch beyond": {**STUDENT, "stop_epoch": 9},
    "teacher_epoch beyond": {**STUDENT, "teacher_epoch": 9},
    "weights of fc": {**PLAIN, "weights": "imagenet"},
    "policy of fc": {**PLAIN, "policy": "features"},
    "choose_by without choose_on": {**PLAIN, "choose_by": "accuracy"},
    "beta without subclasses": {**PLAIN, "beta": 0.1},
    "jitter and temperature": {**STUDENT, "jitter": 1},
    "subclasses and stop_epoch": {**STUDENT, "subclasses": 2, "stop_epoch": 1},
    "shipped and epochs": {**TEACHER, "shipped": "cnn-digits"},
    "dropout of linear": {**PLAIN, "model": "linear", "dropout": 0.5},
    "teacher_epoch of the best": {**STUDENT, "teacher": {**TEACHER, "choose_on": "valid",
    "epochs": 3}, "teacher_epoch": 1}, "a shipped student": {"role": "plain",
    "shipped": "cnn-digits"},
}.items():  # fmt: skip
    named = tuple(word for word in label.split() if word in more)
    recipe.refuse(label, lambda m=more: {"config": m}, names=named or ("configuration",))


def _deep() -> dict[str, Any]:
    config: dict[str, Any] = dict(TEACHER)
    for _ in range(2000):
        config = {**STUDENT, "role": "assistant", "teacher": config}
    return config


recipe.refuse("a chain of 2,000 teachers", lambda: {"config": _deep()},
    names=("teacher", "config", "configuration"))  # fmt: skip

# an experiment


def _experiment(**arguments: Any) -> Any:
    return found("kdteach.experiments.Experiment")(**arguments)


whole = ROOM.function(
    "kdteach.experiments.Experiment",
    lambda: {"name": "odd", "question": "?", "data": DATA,
    "configurations": (TEACHER, PLAIN)},
    call=_experiment, also={"configurations": ("configuration",), "data": ("options",)},
)  # fmt: skip
whole.right("as it is", nothing, lambda value,
    a: require_equal(len(value.configurations), 2))  # fmt: skip
whole.right("NumPy's numbers", lambda: {"configurations": ({**PLAIN, "epochs": np.int64(1)},
    )},
            lambda value, _: require_equal(type(value.configurations[0]["epochs"]), int
        ))  # fmt: skip
whole.vary("name", values.file_name(), names=("name", "named", "experiment"))
whole.vary("question", values.text())
whole.vary("seeds", values.count(3, heavy=(10**9, 10**20)))
for label, data in {
    "None": None, "a word": "digits", "unknown": ("cifar", {}),
    "options a list": ("digits", []), "of three": ("digits", {}, 1), "a number": (3, {}),
    "options None": ("digits", None),
    "a tensor inside": ("digits", {"a": torch.zeros(1)}),
    "NaN inside": ("digits", {"scale": math.nan}),
}.items():  # fmt: skip
    whole.refuse(f"data: {label}", lambda d=data: {"data": d})
for label, configs in {
    "None": None, "empty": (), "one alone": PLAIN, "words": ("plain",),
    "twice": (PLAIN, PLAIN), "the same in another order": (PLAIN,
    dict(reversed(PLAIN.items()))), "a student without a teacher": (
        {k: v for k, v in STUDENT.items() if k != "teacher"},),
        "two teachers": (TEACHER, {**TEACHER, "epochs": 2},
        {k: v for k, v in STUDENT.items() if k != "teacher"}),
        "a wrong one": ({**PLAIN, "lr": 1},), "None inside": (None,), "a set": {1},
    "a shipped one": ({"role": "teacher", "shipped": "cnn-digits"},),
    "a shipped teacher of another draw": ({**STUDENT,
    "teacher": {"role": "teacher", "shipped": "cnn-digits"}},),
}.items():  # fmt: skip
    whole.refuse(f"configurations: {label}", lambda c=configs: {"configurations": c},
        names=("configurations", "configuration", "teacher", "shipped", "lr"))  # fmt: skip
for label, published in {"None": None, "a word": "x", "numbers": (1.0,),
    "a dict": {}}.items():  # fmt: skip
    whole.refuse(f"published: {label}", lambda p=published: {"published": p})
taught = ROOM.function(
    "kdteach.experiments.Experiment", lambda: {"config": dict(STUDENT)},
    call=lambda config: Experiment("odd", "?", DATA, (TEACHER, PLAIN)).teacher_of(config),
)  # fmt: skip
taught.right("its own", nothing, lambda value, _: require_equal(value == TEACHER, True))
taught.right("labels alone", lambda: {"config": PLAIN}, equals(None))
published = ROOM.function(
    "kdteach.experiments.Published",
    lambda: {"source": "a paper", "where": {"role": "plain"}, "metric": "test_errors",
    "value": 3.0},
    call=lambda **a: found("kdteach.experiments.Published")(**a).fits(PLAIN),
)  # fmt: skip
published.right("as it is", nothing, equals(True))
published.right("another role", lambda: {"where": {"role": "teacher"}}, equals(False))
published.vary("source", values.text())
published.vary("metric", values.text())
published.vary("value", values.number(3.0, lambda x: True))
published.vary("item", values.count(1, least=0, none=True))
for label, where in {"None": None, "a list": [("role", "plain")], "a word": "plain",
    "3": 3}.items():  # fmt: skip
    published.refuse(f"where: {label}", lambda w=where: {"where": w})

# running


def _reproduced(experiment: Any = None, **arguments: Any) -> Any:
    EXPERIMENTS["odd"] = experiment or Experiment("odd", "?", DATA, (TEACHER, STUDENT),
        seeds=1)  # fmt: skip
    try:
        return found("kdteach.experiments.reproduce")(**{"executor": "local",
            "say": _quiet, **arguments})  # fmt: skip
    finally:
        del EXPERIMENTS["odd"]


def _quiet(_: str) -> None:
    """Nobody listens."""


reproduce = ROOM.function(
    "kdteach.experiments.reproduce", lambda: {"name": "odd", "results_dir": folder()},
    call=_reproduced,
    changes=("results_dir",), errors=(RuntimeError,), also={"name": ("experiment",)},
)  # fmt: skip


def _recorded(seeds: int) -> Check:
    def check(value: Any, arguments: dict[str, Any]) -> None:
        assert value == Path(arguments["results_dir"]) / "odd.jsonl"
        runs = load_records("odd", arguments["results_dir"])
        assert sorted((r.config["role"], r.seed) for r in runs) == sorted(
            (role, seed) for role in ("teacher", "distilled") for seed in range(seeds
        ))  # fmt: skip
        for run in runs:
            assert len(run.result["test_wrong"]) == run.result["test_errors"]

    return check


reproduce.right("as it is", nothing, _recorded(1))
reproduce.right("two seeds of NumPy's", lambda: {"seeds": np.int64(2)}, _recorded(2))
reproduce.right("a folder as str", lambda: {"results_dir": str(folder())}, _recorded(1))
reproduce.right("a folder that is not there", lambda: {
    "results_dir": folder() / "new" / "er"}, _recorded(1))  # fmt: skip
reproduce.right("under float64", nothing, _recorded(1), call=lambda **a: _in_double(**a))


def _in_double(**arguments: Any) -> Any:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return _reproduced(**arguments)
    finally:
        torch.set_default_dtype(before)


def _twice(**arguments: Any) -> Any:
    _reproduced(**arguments)
    before = (Path(arguments["results_dir"]) / "odd.jsonl").read_bytes()
    assert _reproduced(**arguments) is None
    assert (Path(arguments["results_dir"]) / "odd.jsonl").read_bytes() == before
    return Path(arguments["results_dir"]) / "odd.jsonl"


reproduce.right("twice", nothing, _recorded(1), call=_twice)
reproduce.vary("name", [o for o in values.choice("odd") if o.stands_for is None])
reproduce.vary("seeds", [o for o in values.count(1, none=True,
    heavy=(10**5, 10**20, 10**400)) if o.stands_for is None])  # fmt: skip
reproduce.vary("executor", [o for o in values.choice("local",
    none=True) if o.stands_for is None])  # fmt: skip
for name in ("dask=", "Dask", "local=3", "processes=2", "=x"):
    reproduce.refuse(f"executor: {name}", lambda n=name: {"executor": n})
reproduce.vary("download", [o for o in values.switch() if o.stands_for is None])
reproduce.vary("say", values.function())
for name in ("results_dir", "data_dir"):
    reproduce.vary(name, [o for o in values.path() if o.label != "too long a name"])
reproduce.refuse("results_dir: a file", lambda: {"results_dir": _file()},
    names=("results_dir", "a.txt"))  # fmt: skip
reproduce.refuse("a damaged file", lambda: {"results_dir": _damaged()},
    names=("odd.jsonl",))  # fmt: skip


def _file() -> Path:
    path = folder() / "a.txt"
    path.write_text("mine")
    return path


def _damaged() -> Path:
    place = folder()
    (place / "odd.jsonl").write_text("{half a line\n")
    return place


reproduce.refuse("a run that diverges", lambda: {"experiment": _wild()}, names=("odd",),
    unfinished=True)  # fmt: skip


def _wild() -> Experiment:
    bad = {**PLAIN, "role": "wild", "learning_rate": 1e308, "optimizer": "momentum",
        "epochs": 3}  # fmt: skip
    return Experiment("odd", "?", ("digits", {"dtype": "float32"}), (bad, PLAIN), seeds=1)


counted = ROOM.function("kdteach.experiments.seeds_recorded",
    lambda: {"name": "digits-hinton", "results_dir": None})  # fmt: skip
counted.right("as it is", nothing, equals(10))
counted.right("nothing yet", lambda: {"results_dir": folder()}, equals(0))
counted.vary("name", [o for o in values.choice("digits-hinton")],
    names=("name", "experiment"))  # fmt: skip
counted.vary("results_dir", [o for o in values.path() if o.label not in ("too long a name",
    )])  # fmt: skip
counted.circumstances()

# a teacher with its weights


def _kept_teacher(**arguments: Any) -> Any:
    """A teacher whose weights are kept in the folder, or damaged there."""
    EXPERIMENTS["odd"] = Experiment("odd", "?", DATA, (TEACHER, PLAIN), seeds=1)
    try:
        return found("kdteach.experiments.recorded_teacher")(**arguments)
    finally:
        del EXPERIMENTS["odd"]


def _shelf(spoil: Callable[[bytes], bytes] | None = None) -> Path:
    place = folder()
    _reproduced(
        Experiment("odd", "?", DATA, (TEACHER, PLAIN), seeds=1), results_dir=place,
        name="odd",
    )  # fmt: skip
    for path in place.rglob("*.weights.safetensors"):
        if spoil is not None:
            path.write_bytes(spoil(path.read_bytes()))
    return place


kept_teacher = ROOM.function(
    "kdteach.experiments.recorded_teacher",
    lambda: {"experiment": "odd", "label": "teacher", "results_dir": _shelf()},
    call=_kept_teacher, also={"label": ("configuration",), "results_dir": ("weights",)},
)  # fmt: skip


def _answers(value: Any, _: Any) -> None:
    assert not value.training
    assert value(torch.zeros(2, 1, 8, 8, dtype=torch.float64)).shape == (2, 10)


kept_teacher.right("as it is", nothing, _answers)
kept_teacher.right("trained again", lambda: {"results_dir": folder(), "remake": True},
    _answers, changes=("results_dir",))  # fmt: skip
kept_teacher.refuse("nothing kept", lambda: {"results_dir": folder()}, names=("weights",))
kept_teacher.refuse("a student", lambda: {"label": "plain"})
for label in ("Teacher", "", 3, None, ["teacher"]):
    kept_teacher.refuse(f"label {label!r}", lambda w=label: {"label": w},
        names=("configuration", "label"), errors=(LookupError,))  # fmt: skip
for name, spoil in {
    "half a file": lambda b: b[:40], "nothing in it": lambda _: b"",
    "other bytes at the end": lambda b: b[:-8] + bytes(8),
}.items():  # fmt: skip
    kept_teacher.refuse(f"weights: {name}", lambda s=spoil: {"results_dir": _shelf(s)},
        names=("safetensors",))  # fmt: skip
for argument, wrongs in {
    "experiment": ("nonsense", 3, None, ""), "seed": (-1, 1.5, "0", True, None),
    "epoch": (0, 2, "1", True, 1.0), "remake": (1, "yes", None),
}.items():  # fmt: skip
    for number, wrong in enumerate(wrongs):
        kept_teacher.refuse(f"{argument}, {number} = {wrong!r}",
            lambda a=argument, w=wrong: {a: w}, names=(argument,))  # fmt: skip

# the command line


def _main(*arguments: str) -> Callable[..., tuple[str, str]]:
    def call(**_: Any) -> tuple[str, str]:
        from kdteach.__main__ import main

        out, said = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
            try:
                status = main([str(word) for word in arguments])
            except SystemExit as end:
                status = end.code
        if status:
            raise Told(said.getvalue())
        return out.getvalue(), said.getvalue()

    return call


line = ROOM.function("kdteach.__main__.main", dict)


def _command(words: list[Any], names: tuple[str, ...], **options: Any) -> None:
    line.add(" ".join(str(w)[:40] for w in words), nothing, call=_main(*map(str, words)),
        names=names, **options)  # fmt: skip


_command([], ("command",))
for words, names in (
    (["nonsense"], ("nonsense",)), (["--nonsense"], ("command", "--nonsense")),
    (["reproduce", "nonsense"], ("nonsense",)), (["reproduce", "../x"], ("../x",)),
    (["reproduce", ""], ("experiment",)),
    (["reproduce", "petri", "digits"], ("digits",)),
    (["reproduce", "--seed", "3", "--list"], ("--seed",)),
    (["reproduce", "x", "--results", "y"], ("--results",)),
    (["petri"], ("--out",)), (["petri", "--out"], ("--out",)),
    (["petri", "--out", ""], ("--out",)), (["petri", "--out", "a\0b"], ("--out",)),
    (["teachers", "extra"], ("extra",)),
):  # fmt: skip
    _command(words, names)
for seeds in ("-1", "0", "2.5", "x", "1e3", "", "10001", "9" * 20, "9" * 5000, "nan",
    "True", "٣x"):  # fmt: skip
    line.add(f"reproduce --seeds {seeds[:24]}", nothing, names=("seeds", "--seeds"),
             call=_main("reproduce", "digits-hinton", "--seeds", seeds, "--results-dir",
             "/nowhere/x"))  # fmt: skip
for executor in ("nonsense", "", "dask=", "LOCAL", "local "):
    line.add(f"reproduce --executor {executor!r}", lambda: {"place": folder()},
        names=("executor", "--executor"),
             call=lambda place, executor=executor: _main("reproduce", "digits-hinton",
             "--results-dir", str(place), "--executor", executor)())  # fmt: skip
line.add("reproduce --results-dir FILE", lambda: {"place": _file()}, names=("a.txt",),
         call=lambda place: _main("reproduce", "digits-hinton", "--results-dir",
         str(place))())  # fmt: skip
line.add("reproduce mnist --data-dir NOWHERE", lambda: {"place": folder()},
    names=("MNIST", "nowhere"),
         call=lambda place: _main("reproduce", "mnist-fc", "--results-dir", str(place),
         "--data-dir", "/nowhere")())  # fmt: skip
line.right("reproduce --list", nothing, lambda value,
    _: require_equal("digits-hinton" in value[0], True), call=_main("reproduce", "--list"
))  # fmt: skip
line.right("reproduce what is recorded", nothing, lambda value,
    _: require_equal("all" in value[0], True), call=_main("reproduce", "digits-hinton"
))  # fmt: skip
for option, wrongs in {
    "--size": ("-1", "0", "15", "4097", "100000", "x", "", "32.5", "nan", "9" * 30),
    "--scale": ("0", "-1", "nan", "inf", "1e9", "x", "", "1e400"),
    "--seed": ("-1", "x", "1.5", "", "nan"),
}.items():  # fmt: skip
    for wrong in wrongs:
        line.add(f"petri {option} {wrong[:20]}", lambda: {"place": folder() / "new"},
            names=(option, option[2:]),
                 call=lambda place, option=option, wrong=wrong: _main(
                     "petri", "--out", str(place), "--size", "16", "--scale", "0.001",
                     option, wrong)())  # fmt: skip
for label, make in {
    "a file": _file, "a full folder": _damaged, "a link to a file": lambda: _link(_file()),
    "a link in a circle": lambda: _circle(), "in a file": lambda: _file() / "x",
}.items():  # fmt: skip
    line.add(f"petri --out {label}", lambda m=make: {"place": m()},
        names=("new", "a.txt", "odd-"),
             call=lambda place: _main("petri", "--out", str(place), "--size", "16",
             "--scale", "0.001")())  # fmt: skip


def _link(target: Path) -> Path:
    path = folder() / "new"
    path.symlink_to(target)
    return path


def _circle() -> Path:
    path = folder() / "new"
    path.symlink_to("new")
    return path


def _drawn(value: Any, arguments: dict[str, Any]) -> None:
    place = arguments["place"]
    assert sorted(p.name for p in place.iterdir()) == ["annotations.csv", "images", "masks"]


for label, make in {
    "a new folder": lambda: folder() / "new", "an empty folder": folder,
    "deeper": lambda: folder() / "a" / "b", "a link to an empty folder": lambda: _link(
    folder()),
}.items():  # fmt: skip
    line.right(f"petri --out {label}", lambda m=make: {"place": m()}, _drawn,
        changes=("place",), names=("place",),
               call=lambda place: _main("petri", "--out", str(place), "--size", "16",
               "--scale", "0.001")())  # fmt: skip
line.right("petri into a folder of mode 700", lambda: {"place": _mode_700()},
    changes=("place",), names=("place",),
           check=lambda value, a: require_equal(a["place"].stat().st_mode & 0o777, 0o700),
           call=lambda place: _main("petri", "--out", str(place), "--size", "16",
           "--scale", "0.001")())  # fmt: skip


def _mode_700() -> Path:
    place = folder()
    place.chmod(0o700)
    return place
