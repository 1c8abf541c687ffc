"""Chains of teachers on the digits: widths 144, 48 and 16, every arm with its own settings.

All networks have two hidden layers of one width; each step of the chain shrinks the width
by 3. Teachers of 144, 48 and 16 units learn from the labels of all training images of a
draw. So does an assistant of 48 units, from the teacher of 144 units and the labels, at T =
1 or at T = 4. The student has 16 units and learns from all training images, or from 100 of
them, drawn for each draw of the data; those who teach it have seen them all.

Every arm of the student has the same budget of 18 settings: three learning rates with three
values of T and two of alpha; in the chain, three values of T and the two assistants, at
alpha 0.9; with labels alone, six amounts of label smoothing. The setting with the fewest
mistakes on validation images, of all ten draws together, is taken, and of equal ones the
first. A first list of rates began at 0.003 and ended at 0.03: on the validation images of
the first draw every arm was best at its upper end or close to it, and 0.003 gave way to 0.1
(two draws of its runs are in the records).

A look at one seed of MNIST, at validation images of students of 600 and 1,000 images, had
suggested where to look for a large teacher that teaches worse than a small one: few images,
T of 1 to 4, teachers that are almost certain of the images they have seen. On the digits
nothing was tried before.

Named before the run were ten comparisons of test mistakes, corrected together. With 100
images at one setting for all (rate 0.01, alpha 0.9), the student of the teacher of 16 units
fewer than that of 144 units (T of 1, 4 and 16: three), and the same with settings of their
own (one). With 100 and with all images: with the teacher of 144 units fewer than with
labels alone; with the one of 48 fewer than with the one of 144; with the chain fewer than
with the one of 144 (six). A chain is worth its price where it saves one point, 3.6 of 359:
what is smaller counts as no difference, where the interval says so.
"""

from __future__ import annotations

from kdteach.experiments.design import Config, Experiment

WIDTHS = (16, 48, 144)
"""Hidden units of the teachers; the first are also those of the student."""
FEW = 100
"""Images of a small transfer set."""
RATES = (0.01, 0.03, 0.1)
ALPHAS = (0.5, 0.9)
TEMPERATURES = (1.0, 4.0, 16.0)
ASSISTED_AT = (1.0, 4.0)
"""T at which the assistants learn."""
SMOOTHING = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
ARMS = ("labels", "16", "48", "144", "chain")
"""Who teaches: nobody, a teacher of so many units, or an assistant."""

_COMMON = {"epochs": 60, "schedule": "cosine"}
_ALL = {**_COMMON, "batch_size": 64}
_FEW = {**_COMMON, "batch_size": 20, "transfer": FEW}


def teacher(units: int) -> Config:
    """A teacher that learns from labels.

    Args:
        units: of each of its two hidden layers.
    """
    model = f"fc-{units}-{units}"
    return {"role": "teacher", "model": model, "learning_rate": 3e-3, **_ALL}


def assistant(temperature: float) -> Config:
    """The assistant of 48 units, taught by the teacher of 144.

    Args:
        temperature: T at which it learns.
    """
    return {
        **teacher(48), "role": "assistant", "temperature": temperature, "alpha": 0.9,
        "teacher": teacher(144),
    }  # fmt: skip


def settings(arm: str, few: bool) -> list[Config]:
    """The 18 settings of an arm, in the order in which equal ones are preferred.

    Args:
        arm: one of ``ARMS``.
        few: whether the student has ``FEW`` images instead of all.
    """
    student = {"model": "fc-16-16", **(_FEW if few else _ALL)}
    if arm == "labels":
        return [
            {**student, "learning_rate": rate, "role": "plain"}
            | ({"smoothing": epsilon} if epsilon else {})
            for rate in RATES
            for epsilon in SMOOTHING
        ]
    taught = {**student, "role": "distilled"}
    if arm == "chain":
        return [
            {**taught, "learning_rate": rate, "temperature": T, "alpha": 0.9,
             "teacher": assistant(at)}
            for rate in RATES
            for T in TEMPERATURES
            for at in ASSISTED_AT
        ]  # fmt: skip
    return [
        {**taught, "learning_rate": rate, "temperature": T, "alpha": alpha,
         "teacher": teacher(int(arm))}
        for rate in RATES
        for T in TEMPERATURES
        for alpha in ALPHAS
    ]  # fmt: skip


def _experiment(name: str, question: str, few: bool) -> Experiment:
    teachers = {f"teacher, {units}": teacher(units) for units in WIDTHS}
    teachers |= {f"assistant, T = {T:g}": assistant(T) for T in ASSISTED_AT}
    students = [config for arm in ARMS for config in settings(arm, few)]
    return Experiment(
        name, question, ("digits", {"dtype": "float64", "draw": "seed"}),
        (*teachers.values(), *students), labels=teachers,
    )  # fmt: skip


FEW_IMAGES = _experiment(
    "digits-chains-few",
    "Who teaches a student of 100 images best: a large teacher, a small one, a chain?",
    few=True,
)
ALL_IMAGES = _experiment(
    "digits-chains",
    "Who teaches a student of all images best: a large teacher, a small one, a chain?",
    few=False,
)
