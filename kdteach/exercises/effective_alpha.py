"""A check of the chapter on the distillation loss: what alpha does a program use?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from kdteach.exercises._alpha_mistakes import (
    BY_LOGITS,
    KEPT,
    Loss,
    Program,
    asked,
    effective,
    from_logits,
    over_classes,
    piled_up,
)
from kdteach.exercises._check import CheckResult, Exercise, Mistake

_PROGRAMS = (
    Program("program A", 0.7 * 16, 0.3, 4.0),
    Program("program B", 0.9, 0.1, 20.0),
    Program("program C", 0.9 * 2.5, 0.1, 5.0),  # averaged over ten classes
    Program("program D", 0.2 * 64, 0.8, 8.0),
    Program("program E", 3.0, 1.0, 2.5, minus_entropy=False),
)
_WHAT_IT_IS = (
    " (The programs A to E are losses of this check, to be called like yours: "
    "`loss(student_logits, teacher_logits, labels)`. The number behind the name is the "
    "temperature.)"
)
_EFFECTIVE = Exercise(
    effective,
    tuple((program, program.temperature) for program in _PROGRAMS),
    (
        Mistake(
            "you have the weight of the divergence. Alpha belongs to T squared times the "
            "divergence: divide it out before you compare the two weights.",
            lambda f, t: asked(f, t)[0] * t * t / (asked(f, t)[0] * t * t + asked(f, t)[1]),
        ),
        Mistake(
            "your soft weight is too large by a factor T: alpha is the share of T squared "
            "times the divergence. Does your known gradient lack a T (the chain rule "
            "cancels one of the two), or did you divide by T alone?",
            lambda f, t: asked(f, t)[0] * t / (asked(f, t)[0] * t + asked(f, t)[1]),
        ),
        Mistake(
            "you compared with the gradient of a divergence at T = 1; the program works at "
            "`temperature`.",
            lambda f, _: effective(f, 1.0),
        ),
        Mistake(
            "that is 1 minus the weight of the hard term. The two weights need not sum "
            "to 1: take the share of the soft one.",
            lambda f, t: 1 - asked(f, t)[1],
        ),
        Mistake(
            "alpha is the share of the soft term; yours is the share of the hard one.",
            lambda f, t: 1 - effective(f, t),
        ),
        Mistake(
            "you found the weight of the soft term; its share of both is asked for.",
            lambda f, t: asked(f, t)[0],
        ),
        Mistake(
            "this is the ratio of both weights; alpha is the first divided by their sum.",
            lambda f, t: asked(f, t)[0] / asked(f, t)[1],
        ),
        Mistake(
            "that is the sum of both weights, the scale; alpha is the first divided by it.",
            lambda f, t: sum(asked(f, t)),
        ),
        Mistake(
            "your soft weight is too small by T squared. Did you divide by T squared, "
            "though your known gradient has that factor already?",
            lambda f, t: (
                asked(f, t)[0] / (t * t) / (asked(f, t)[0] / (t * t) + asked(f, t)[1])
            ),
        ),
        Mistake(
            "this is the ratio of both weights, upside down; alpha is the soft one divided "
            "by their sum.",
            lambda f, t: asked(f, t)[1] / asked(f, t)[0],
        ),
        Mistake(
            "that is the difference of both weights; alpha is the share of the soft one in "
            "their sum.",
            lambda f, t: asked(f, t)[0] - asked(f, t)[1],
        ),
        Mistake(
            "these are both weights; one number is asked for, the share of the soft one.",
            lambda f, t: torch.tensor(asked(f, t)),
        ),
        Mistake(
            "these are both shares; one number is asked for, that of the soft one.",
            lambda f, t: torch.tensor([effective(f, t), 1 - effective(f, t)]),
        ),
        *(
            Mistake(
                "your gradients add up: `backward` adds to what `z.grad` holds already. "
                "Ask for each alone.",
                partial(piled_up, order),
            )
            for order in (
                "soft hard mixed",
                "hard soft mixed",
                "mixed soft hard",
                # "mixed hard soft" gives a / b, the ratio above
                "soft mixed hard",
                "hard mixed soft",
            )
        ),
        *map(over_classes, (10, 3, 4, 5, 6, 8, 20, 100)),  # of the reader's logits
    ),
    known={
        (4,): "Do you compare the values of the loss? This program's soft term carries the "
        "teacher's entropy, which changes its value and not its gradient. Compare "
        "gradients."
    },
    narrow=True,
    praise="whatever a program calls its numbers, its gradient says which alpha it uses.",
)


def check_effective_alpha(answer: Callable[[Loss, float], Any]) -> CheckResult:
    """Check ``answer(loss, temperature) -> alpha`` for losses that can only be called.

    ``loss(student_logits, teacher_logits, labels)`` is a weighted sum of a divergence at
    the temperature and a cross-entropy; alpha is its share of T^2 KL.
    """
    mistakes = (
        *_EFFECTIVE.mistakes,
        *(
            Mistake(hint, from_logits(of, place))
            for hint, of in BY_LOGITS
            for place in range(KEPT)
        ),
    )
    cases = tuple((replace(one, heard=[]), one.temperature) for one in _PROGRAMS)
    result = replace(_EFFECTIVE, cases=cases, mistakes=mistakes).check(answer)
    if result.passed or result.named or "program" not in result.message:
        return result
    return replace(result, message=f"{result.message}{_WHAT_IT_IS}")
