"""Mistakes of idea about the distillation loss and its slope."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from kdteach.exercises._matching import Mistake

Soft = Callable[[Tensor, Tensor, float], Tensor]
"""A soft term without its weight: of student, teacher and temperature."""

Hard = Callable[[Tensor, Tensor], Tensor]
"""A hard term without its weight: of student and labels."""


def logs(z: Tensor, v: Tensor, t: float) -> tuple[Tensor, Tensor]:
    """The logarithms of the teacher's and the student's softened probabilities."""
    return torch.log_softmax(v / t, dim=1), torch.log_softmax(z / t, dim=1)


def _divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    return (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


def divergence(z: Tensor, v: Tensor, t: float) -> Tensor:
    """The right soft term: from the teacher to the student, a mean over the images."""
    return _divergence(*logs(z, v, t))


def _loss(
    soft: Soft, hard: Hard, z: Tensor, v: Tensor, y: Tensor, t: float, a: float
) -> Tensor:
    return a * t**2 * soft(z, v, t) + (1 - a) * hard(z, y)


def with_soft(soft: Soft) -> Callable[..., Tensor]:
    """The loss with another soft term."""
    return partial(_loss, soft, functional.cross_entropy)


def with_hard(hard: Hard) -> Callable[..., Tensor]:
    """The loss with another hard term."""
    return partial(_loss, divergence, hard)


def onto_top(z: Tensor, v: Tensor, t: float) -> Tensor:
    """A soft term that compares with the teacher's class alone."""
    return functional.cross_entropy(z / t, v.argmax(dim=1))


def backwards(z: Tensor, v: Tensor, t: float) -> Tensor:
    """The divergence from the student to the teacher."""
    return divergence(v, z, t)


def _by_softmax(z: Tensor, v: Tensor, t: float) -> Tensor:
    return _divergence(logs(z, v, t)[0], torch.softmax(z / t, dim=1).log())


def _label_by_softmax(z: Tensor, y: Tensor) -> Tensor:
    return functional.nll_loss(torch.softmax(z, dim=1).log(), y)


def _by_exp(on_label: bool, late: bool) -> Callable[..., Tensor]:
    """The loss with a softmax by exp: its logarithm, or one taken of the sum alone."""

    def log_softmax(x: Tensor) -> Tensor:
        weights = x.exp()
        total = weights.sum(dim=1, keepdim=True)
        return x - total.log() if late else (weights / total).log()

    def soft(z: Tensor, v: Tensor, t: float) -> Tensor:
        return _divergence(log_softmax(v / t), log_softmax(z / t))

    def hard(z: Tensor, y: Tensor) -> Tensor:
        return functional.nll_loss(log_softmax(z), y)

    return partial(_loss, soft, hard if on_label else functional.cross_entropy)


_DETOUR = Callable[[Tensor], Tensor]


def _kept_above(how: str, small: float) -> tuple[_DETOUR, _DETOUR]:
    """How a logarithm of the teacher and one of the student are kept from log(0)."""

    def added(x: Tensor) -> Tensor:
        return (x + small).log()

    def cut(x: Tensor) -> Tensor:
        return x.clamp(min=small).log()

    found: dict[str, tuple[_DETOUR, _DETOUR]] = {
        "both": (added, added),
        "student": (torch.log, added),
        "cut": (cut, cut),
        "teacher": (torch.log, torch.log),
        "nobody": (torch.log, torch.log),
    }
    return found[how]


def _small(
    how: str, on_label: bool, small: float, z: Tensor, v: Tensor, y: Tensor, t: float,
    a: float,
) -> Tensor:  # fmt: skip
    """The loss where a small number is added to what a logarithm is taken of."""
    q, p = torch.softmax(z / t, dim=1), torch.softmax(v / t, dim=1)
    of_p, of_q = _kept_above(how, small)
    log_p, log_q = logs(z, v, t)
    if how == "teacher":
        p = p.clamp(min=small)
        log_p = p.log()
    elif how != "nobody":
        log_p, log_q = of_p(p), of_q(q)
    soft = (p * (log_p - log_q)).sum(dim=1).mean()
    label = functional.cross_entropy(z, y)
    if on_label:
        log = _kept_above("cut" if how == "cut" else "both", small)[1]
        label = functional.nll_loss(log(torch.softmax(z, dim=1)), y)
    return a * t**2 * soft + (1 - a) * label


INFINITE = (
    "right for ordinary logits. But where a student is very sure, a small probability "
    "comes out as 0, and your loss is infinite or NaN. Which function gives the logarithm "
    "of a softmax at once, without the probability in between?"
)
_BY_EXP = (
    "right for ordinary logits; for some your loss is NaN or infinite: exp of a large "
    "number overflows, and exp of a very negative one is 0 for a whole row. Which function "
    "gives the logarithm of a softmax for all of them?"
)
_SMALL = (
    "a small number is added to a probability, or a probability is cut off from below, "
    "before its logarithm is taken. That changes the loss of a student that is very sure. "
    "Which function gives the logarithm of a softmax without ever reaching log(0)?"
)
_SEVERAL = (
    "one number is asked for, and you have one for each image: in which term is the mean "
    "over the images missing?"
)


def _each(both: bool, z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    log_p, log_q = logs(z, v, t)
    label = functional.cross_entropy(z, y, reduction="none" if both else "mean")
    return a * t**2 * (log_p.exp() * (log_p - log_q)).sum(dim=1) + (1 - a) * label


def _divided(student: bool, z: Tensor, v: Tensor, t: float) -> Tensor:
    log_p, log_q = logs(z, v, 1.0)
    return _divergence(logs(z, v, t)[0] if student else log_p / t, log_q / t)


def _other_base(size: float, z: Tensor, v: Tensor, t: float) -> Tensor:
    return divergence(z, v, t) / size


def _mixed(z: Tensor, v: Tensor, t: float) -> Tensor:
    log_p, log_q = logs(z, v, t)
    middle = ((log_p.exp() + log_q.exp()) / 2).log()
    return (_divergence(log_p, middle) + _divergence(log_q, middle)) / 2


def _of_means(z: Tensor, v: Tensor, t: float) -> Tensor:
    p, q = (log.exp().mean(dim=0, keepdim=True) for log in logs(z, v, t))
    return _divergence(p.log(), q.log())


def _per_class(z: Tensor, v: Tensor, t: float, of: Callable[..., Tensor]) -> Tensor:
    return of(*logs(z, v, t)).sum(dim=1).mean()


def _classes(of: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return with_soft(partial(_per_class, of=of))


def _where_right(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    right = v.argmax(dim=1) == y
    soft = divergence(z[right], v[right], t)
    return a * t**2 * soft + (1 - a) * functional.cross_entropy(z, y)


def _at_label(z: Tensor, v: Tensor, y: Tensor, t: float, a: float) -> Tensor:
    log_p, log_q = (log.gather(1, y[:, None]) for log in logs(z, v, t))
    return a * t**2 * _divergence(log_p, log_q) + (1 - a) * functional.cross_entropy(z, y)


def _squared_label(z: Tensor, y: Tensor) -> Tensor:
    return ((torch.softmax(z, 1) - functional.one_hot(y, z.shape[1])) ** 2).sum(1).mean()


def _two(z: Tensor, v: Tensor, y: Tensor, t: float) -> tuple[Tensor, Tensor]:
    return divergence(z, v, t), functional.cross_entropy(z, y)


def _weighed(
    first: Callable[[float, float], float],
    second: Callable[[float, float], float],
    z: Tensor, v: Tensor, y: Tensor, t: float, a: float,
) -> Tensor:  # fmt: skip
    soft, hard = _two(z, v, y, t)
    return first(a, t) * soft + second(a, t) * hard


def _weights(
    first: Callable[[float, float], float],
    second: Callable[[float, float], float] = lambda a, _: 1 - a,
) -> Callable[..., Tensor]:
    return partial(_weighed, first, second)


_BY_TOP = (
    "your soft term compares the student with the teacher's class alone (its argmax). What "
    "the teacher says about the other classes is the point of distillation."
)
KD_LOSS = (
    *(
        Mistake(_BY_EXP, _by_exp(on_label, late))
        for on_label in (False, True)
        for late in (False, True)
    ),
    Mistake(INFINITE, with_soft(_by_softmax)),
    Mistake(INFINITE, with_hard(_label_by_softmax)),
    Mistake(INFINITE, partial(_loss, _by_softmax, _label_by_softmax)),
    *(
        Mistake(_SMALL, partial(_small, how, on_label, small))
        for how in ("both", "student", "cut", "teacher", "nobody")
        for on_label in (False, True)
        for small in (*(10.0**-k for k in range(2, 17)), 2.0**-23, 2.0**-52)
        if on_label or how != "nobody"
        # with the teacher's probabilities alone a smaller one is lost in the tolerance
        if on_label or how != "teacher" or small >= 1e-6
    ),
    Mistake(
        "your hard term takes the columns of all labels from every image, as with "
        "`[:, labels]`. Each image has one label, its own.",
        with_hard(lambda z, y: -torch.log_softmax(z, dim=1)[:, y].mean()),
    ),
    Mistake(
        "you divide logarithms of probabilities by T. What they belong to no longer sums "
        "to 1: divide the logits, before the softmax.",
        with_soft(partial(_divided, False)),
    ),
    Mistake(
        "you divide the student's log-probabilities by T. What they belong to no longer "
        "sums to 1: divide the logits, before the softmax.",
        with_soft(partial(_divided, True)),
    ),
    Mistake(
        "the probabilities themselves are divided by T in your soft term. What softens "
        "them is a division of the logits.",
        with_soft(lambda z, v, t: divergence(z, v, 1.0) / t),
    ),
    Mistake(_BY_TOP, with_soft(onto_top)),
    Mistake(_BY_TOP, with_soft(lambda z, v, t: onto_top(z, v, 1.0))),
    Mistake(
        "your soft term compares the softened student with the labels. Where does the "
        "teacher enter?",
        lambda z, v, y, t, a: (
            a * t**2 * functional.cross_entropy(z / t, y)
            + (1 - a) * functional.cross_entropy(z, y)
        ),
    ),
    Mistake(
        "`1 - alpha * hard` multiplies first: what of it is meant to be the weight?",
        lambda z, v, y, t, a: (
            a * t**2 * divergence(z, v, t) + 1 - a * functional.cross_entropy(z, y)
        ),
    ),
    Mistake(
        "your soft term has an absolute value in each class. The parts of a divergence may "
        "be negative; only their sum over the classes is not.",
        _classes(lambda log_p, log_q: log_p.exp() * (log_p - log_q).abs()),
    ),
    Mistake(
        "your soft term leaves out the classes whose part is negative. They belong to the "
        "divergence; only the sum over all classes is never negative.",
        _classes(lambda log_p, log_q: (log_p.exp() * (log_p - log_q)).clamp(min=0)),
    ),
    Mistake(
        "your soft term has the difference of the probabilities where a divergence has "
        "that of their logarithms.",
        _classes(lambda log_p, log_q: log_p.exp() * (log_p.exp() - log_q.exp())),
    ),
    Mistake(
        "what weighs the difference of logarithms in your soft term is a logarithm itself: "
        "the weights of a mean are probabilities.",
        _classes(lambda log_p, log_q: log_p * (log_p - log_q)),
    ),
    Mistake(
        "nothing weighs the classes in your soft term: a divergence is a mean with the "
        "teacher's probabilities as weights.",
        _classes(lambda log_p, log_q: log_p - log_q),
    ),
    *(
        Mistake(
            f"your soft term takes logarithms to base {base}; the natural one is meant.",
            with_soft(partial(_other_base, size)),
        )
        for base, size in ((2, 0.6931471805599453), (10, 2.302585092994046))
    ),
    Mistake(
        "your soft term is the mean of both directions of the divergence. Here the "
        "teacher's probabilities alone weigh the logarithms.",
        with_soft(lambda z, v, t: (divergence(z, v, t) + backwards(z, v, t)) / 2),
    ),
    Mistake(
        "your soft term is the sum of both directions of the divergence. Here the "
        "teacher's probabilities alone weigh the logarithms.",
        with_soft(lambda z, v, t: divergence(z, v, t) + backwards(z, v, t)),
    ),
    Mistake(
        "you compare both with their mean: that is the Jensen-Shannon divergence. Compare "
        "the student with the teacher itself.",
        with_soft(_mixed),
    ),
    Mistake(
        "you average the probabilities over the images before you compare. Each image has "
        "a divergence of its own, and these are averaged.",
        with_soft(_of_means),
    ),
    Mistake(
        "your soft term counts only the images that the teacher gets right. The mean is "
        "over all of them.",
        _where_right,
    ),
    Mistake(
        "your soft term takes the label's class alone. What about all the others?",
        _at_label,
    ),
    Mistake(
        "your soft term is divided by the number of classes where the number of images "
        "belongs.",
        with_soft(lambda z, v, t: divergence(z, v, t) * len(z) / z.shape[1]),
    ),
    Mistake(
        "your hard term is averaged over the classes too: the label's class alone counts, "
        "and the mean is over the images.",
        with_hard(lambda z, y: functional.cross_entropy(z, y) / z.shape[1]),
    ),
    Mistake(
        "your hard term is a squared difference of probabilities; the cross-entropy with "
        "the labels is meant.",
        with_hard(_squared_label),
    ),
    Mistake(
        "your hard term has two parts, for yes and no of every class (a binary "
        "cross-entropy). One softmax over the classes is meant.",
        with_hard(
            lambda z, y: functional.binary_cross_entropy_with_logits(
                z, functional.one_hot(y, z.shape[1]).to(z.dtype)
            )
        ),
    ),
    Mistake(
        "T is doubled in your function where its square belongs; at T = 2 both are 4.",
        _weights(lambda a, t: a * t * 2),
    ),
    Mistake(
        "alpha is squared together with T: what does the power stand on?",
        _weights(lambda a, t: (a * t) ** 2),
    ),
    Mistake(
        "alpha weighs the hard term as well, beside its 1 - alpha: what do your "
        "parentheses enclose?",
        _weights(lambda a, t: a * t**2, lambda a, _: a * (1 - a)),
    ),
    Mistake(
        "1 - alpha weighs the soft term as well, beside its alpha: what do your "
        "parentheses enclose?",
        _weights(lambda a, t: a * (1 - a) * t**2),
    ),
    Mistake(
        "the logits are divided by T squared in your soft term. The square is a factor "
        "before the divergence.",
        with_soft(lambda z, v, t: divergence(z, v, t**2)),
    ),
    Mistake(
        "the logits are divided by the root of T in your soft term: divide them by T.",
        with_soft(lambda z, v, t: divergence(z, v, t**0.5)),
    ),
    Mistake(_SEVERAL, partial(_each, True)),
    Mistake(_SEVERAL, partial(_each, False)),
    Mistake(
        _SEVERAL,
        with_hard(lambda z, y: functional.cross_entropy(z, y, reduction="none")),
    ),
)
