"""Five ways to a student of 16 units with 100 digits: a gap, and a chain of teachers.

All networks have two hidden layers of one width; each step of the chain shrinks the width
by 3. Teachers of 144, 48 and 16 units learn from the labels of all training images of a
division. An assistant of 48 units learns from the teacher of 144 units and the labels, at
T = 1 or at T = 4. The student has 16 units and learns from 100 of the training images,
drawn for each division; those who teach it have seen them all.

``SETTINGS`` is the search, on the divisions 0 to 9. Every arm has the same budget of 24
settings: three learning rates with four values of T and two of alpha; in the chain, at
alpha 0.5, which the other arms had chosen before, with four values of T and the two
assistants; with labels alone, four learning rates with six amounts of label smoothing. The
setting with the fewest mistakes on the validation images of all ten divisions together is
taken, and of equal ones the first. The choices stand in ``CHOSEN``, and a test makes them
again from the records.

``CHAINS`` runs what was chosen, with seeds 0 to 19. Its first ten divisions belong to the
search; what is reported are the fresh ones, 10 to 19, whose first weights, images and
orders are new. They are drawn from the same 1,797 images.

What was known before: an earlier search on the divisions 0 to 9, with shorter lists, found
by a look at validation images that at T = 1, a rate of 0.01 and alpha 0.9 the teacher of 16
units taught better than the one of 144. There labels alone chose the smallest rate, 0.01,
and the strongest smoothing, 0.6, and the teacher of 144 units the highest T, 16; so these
lists became longer.

Named before ``CHAINS`` was run are seven comparisons of mistakes on the 359 test images of
the fresh divisions, corrected together. At one setting for all (rate 0.01, alpha 0.9), the
student of the teacher of 16 units fewer than that of 144 units (T of 1, 4 and 16: three),
and the same with settings of their own (one). With settings of their own: with the teacher
of 144 units fewer than with labels alone; the teacher of 48 units less the one of 144; the
chain less the teacher of 144 units. A chain is worth its price where it saves one point,
3.6 of 359: what is smaller counts as no difference, where the interval says so.

Added later: the teacher of 16 units has the student's own architecture, and by the same
seed it had the student's own first weights, which no other teacher can have. That alone may
help (Cloud and others 2025; *What is actually passed on?*). So there is a second teacher of
16 units with first weights of its own (``ANOTHER_START``). Its students repeat the four
comparisons with the teacher of 144 units, at the same settings. These four were named
before they were run, and are corrected together with the seven, as eleven.

After them the teachers of 48 and 144 units were trained from another start, too: by the
same seed their first layers began with the rows of the student's. They are controls, and
no comparison of theirs was named. At last the whole chain is trained so, teacher, assistant
and student, with the settings that the chain had chosen: its comparison with the teacher of
144 units that begins elsewhere was named before it was run, when all others were known.
"""

from __future__ import annotations

from kdteach.experiments.design import Config, Experiment

WIDTHS = (16, 48, 144)
"""Hidden units of the teachers; the first are also those of the student."""
FEW = 100
"""Images of the student."""
RATES = (0.01, 0.03, 0.1)
"""Learning rates of students with a teacher."""
TEMPERATURES = (1.0, 4.0, 16.0, 64.0)
ALPHAS = (0.5, 0.9)
ASSISTED_AT = (1.0, 4.0)
"""T at which the assistants learn."""
LABEL_RATES = (0.001, 0.003, 0.01, 0.03)
"""Learning rates of students with labels alone."""
SMOOTHING = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9)
ARMS = ("labels", "16", "48", "144", "chain")
"""Who teaches: nobody, a teacher of so many units, or an assistant."""
ANOTHER_START = 1000
"""Added to the seed of the first weights of the second teachers."""
SEARCHED = 10
"""The divisions 0 to 9 belong to the search; the later ones are fresh."""

_ALL = {"batch_size": 64, "epochs": 40, "schedule": "cosine"}
_FEW = {"batch_size": 25, "epochs": 60, "schedule": "cosine", "transfer": FEW}
_DATA = ("digits", {"dtype": "float64", "draw": "seed"})


def teacher(units: int, start: int = 0) -> Config:
    """A teacher that learns from labels.

    Args:
        units: of each of its two hidden layers.
        start: added to the seed of its first weights.
    """
    config = {"role": "teacher", "model": f"fc-{units}-{units}", "learning_rate": 3e-3}
    return {**config, **_ALL, **({"start": start} if start else {})}


def assistant(temperature: float, start: int = 0) -> Config:
    """The assistant of 48 units, taught by the teacher of 144.

    Args:
        temperature: T at which it learns.
        start: added to the seed of the first weights of both.
    """
    return {
        **teacher(48, start), "role": "assistant", "temperature": temperature,
        "alpha": 0.9, "teacher": teacher(144, start),
    }  # fmt: skip


def student(arm: str, rate: float, *choice: float) -> Config:
    """A student of an arm.

    Args:
        arm: one of ``ARMS``.
        rate: the learning rate.
        *choice: smoothing for "labels"; T and the T of the assistant for "chain"; T and
            alpha for the others.
    """
    common = {"model": "fc-16-16", **_FEW, "learning_rate": rate}
    if arm == "labels":
        (smoothing,) = choice
        more = {"smoothing": smoothing} if smoothing else {}
        return {"role": "plain", **common, **more}
    temperature, other = choice
    taught = {"role": "distilled", **common, "temperature": temperature}
    if arm == "chain":
        return {**taught, "alpha": 0.5, "teacher": assistant(other)}
    return {**taught, "alpha": other, "teacher": teacher(int(arm))}


def choices(arm: str) -> list[tuple[float, ...]]:
    """The 24 settings of an arm, in the order in which equal ones are preferred.

    Args:
        arm: one of ``ARMS``.

    Returns:
        What ``student`` takes after the arm.
    """
    if arm == "labels":
        return [(rate, smoothing) for rate in LABEL_RATES for smoothing in SMOOTHING]
    others = ASSISTED_AT if arm == "chain" else ALPHAS
    return [(rate, T, o) for rate in RATES for T in TEMPERATURES for o in others]


_TEACHERS: dict[str, Config] = {
    **{f"teacher, {units}": teacher(units) for units in WIDTHS},
    **{f"assistant, T = {T:g}": assistant(T) for T in ASSISTED_AT},
}
_TRIED = {
    f"{arm}: {', '.join(f'{value:g}' for value in choice)}": student(arm, *choice)
    for arm in ARMS
    for choice in choices(arm)
}

SETTINGS = Experiment(
    "digits-chain-settings",
    "Which settings suit a student of 100 digits, with each of five ways to teach it?",
    _DATA,
    (*_TEACHERS.values(), *_TRIED.values()),
    labels=_TEACHERS | _TRIED,
)

CHOSEN: dict[str, tuple[float, ...]] = {
    "labels": (0.01, 0.4),
    "16": (0.03, 64.0, 0.5),
    "48": (0.03, 4.0, 0.9),
    "144": (0.03, 16.0, 0.5),
    "chain": (0.03, 16.0, 1.0),
}
"""What each arm chose, as ``student`` takes it."""

_OWN = {f"{arm}, own": student(arm, *choice) for arm, choice in CHOSEN.items()}
_SAME = {
    f"{units}, T = {T:g}": student(str(units), 0.01, T, 0.9)
    for units in WIDTHS
    for T in (1.0, 4.0, 16.0)
}
_FRESH = {name: config for name, config in _SAME.items() if config not in _OWN.values()}
_APART = {
    f"{units} from another start, {label}": {
        **config, "teacher": teacher(units, ANOTHER_START),
    }
    for units in WIDTHS
    for name, config in (_OWN | _SAME).items()
    for who, _, label in [name.partition(", ")]
    if who == str(units)
}  # fmt: skip
_SECOND = {
    f"teacher, {units} from another start": teacher(units, ANOTHER_START)
    for units in WIDTHS
}
_ASSISTED = assistant(CHOSEN["chain"][2], ANOTHER_START)
_SECOND["assistant from another start"] = _ASSISTED
_APART["chain from another start, own"] = {**_OWN["chain, own"], "teacher": _ASSISTED}

CHAINS = Experiment(
    "digits-chains",
    "Who teaches a student of 100 digits best: a large teacher, a small one, a chain?",
    _DATA,
    (
        *_TEACHERS.values(),
        *_OWN.values(),
        *_FRESH.values(),
        *_SECOND.values(),
        *_APART.values(),
    ),
    seeds=20,
    labels=_TEACHERS | _OWN | _SAME | _SECOND | _APART,
)
