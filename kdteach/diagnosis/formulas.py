"""The forms in which people write the two terms of a loss, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

Soft = Callable[[Tensor, Tensor, float], Tensor]
"""``(student's logits, teacher's, T) -> (B,)``, a loss an image without T^2."""

Hard = Callable[[Tensor, Tensor, float], Tensor]
"""``(student's logits, targets, T) -> (B,)``."""


def _log(x: Tensor, t: float = 1.0) -> Tensor:
    return F.log_softmax(x / t, dim=1)


def _exp(x: Tensor, t: float = 1.0) -> Tensor:
    return F.softmax(x / t, dim=1)


def _kl(log_q: Tensor, p: Tensor) -> Tensor:
    return F.kl_div(log_q, p, reduction="none").sum(dim=1)


def _against(targets: Tensor, log_q: Tensor) -> Tensor:
    return -(targets * log_q).sum(dim=1)


def _jensen(z: Tensor, v: Tensor, t: float) -> Tensor:
    q, p = _exp(z, t), _exp(v, t)
    m = ((p + q) / 2).log()
    return (_kl(m, p) + (q * (_log(z, t) - m)).sum(1)) / 2


def _reverse(z: Tensor, log_p: Tensor, t: float) -> Tensor:
    return (_exp(z, t) * (_log(z, t) - log_p)).sum(1)


SOFT: dict[str, Soft] = {
    "forward": lambda z, v, t: _against(_exp(v, t), _log(z, t)),
    "reverse": lambda z, v, t: _reverse(z, _log(v, t), t),
    # a softmax too many in the student
    "student softmax before T": lambda z, v, t: _against(_exp(v, t), _log(_exp(z), t)),
    "student softmax after T": lambda z, v, t: _against(_exp(v, t), _log(_exp(z, t))),
    "student softmax and T twice": lambda z, v, t: _against(
        _exp(v, t), _log(_exp(z, t), t)
    ),
    "student softmax alone": lambda z, v, t: _against(_exp(v, t), _log(_exp(z))),
    # in the teacher
    "teacher softmax before T": lambda z, v, t: _against(_exp(_exp(v), t), _log(z, t)),
    "teacher softmax after T": lambda z, v, t: _against(_exp(_exp(v, t)), _log(z, t)),
    "teacher softmax and T twice": lambda z, v, t: _against(
        _exp(_exp(v, t), t), _log(z, t)
    ),
    "teacher softmax alone": lambda z, v, t: _against(_exp(_exp(v)), _log(z, t)),
    # in both
    "both softmax before T": lambda z, v, t: _against(_exp(_exp(v), t), _log(_exp(z), t)),
    "both softmax after T": lambda z, v, t: _against(_exp(_exp(v, t)), _log(_exp(z, t))),
    "both softmax and T twice": lambda z, v, t: _against(
        _exp(_exp(v, t), t), _log(_exp(z, t), t)
    ),
    # in both, and the direction exchanged
    "reverse of both softmax before T": lambda z, v, t: _reverse(
        _exp(z), _log(_exp(v), t), t
    ),
    "reverse of both softmax after T": lambda z, v, t: _reverse(
        _exp(z, t), _log(_exp(v, t)), 1
    ),
    # T on one side
    "teacher without temperature": lambda z, v, t: _against(_exp(v), _log(z, t)),
    "student without temperature": lambda z, v, t: _against(_exp(v, t), _log(z)),
    # what is no logarithm, and what is no probability
    "probabilities for logarithms": lambda z, v, t: _against(_exp(v, t), _exp(z, t)),
    "probabilities without T for logarithms": lambda z, v, t: _against(_exp(v, t), _exp(z)),
    "teacher softmax, and probabilities for logarithms": lambda z, v, t: _against(
        _exp(_exp(v), t), _exp(z, t)
    ),
    "logits for logarithms": lambda z, v, t: _against(_exp(v, t), z / t),
    "exchanged, and probabilities": lambda z, v, t: _kl(_exp(v, t), _exp(z, t)),
    "exchanged in its order": lambda z, v, t: _against(_log(v, t), _exp(z, t)),
    "exchanged without a softmax": lambda z, v, t: _kl(v / t, _exp(z, t)),
    "teacher's logits as targets": lambda z, v, t: _against(v, _log(z, t)),
    "teacher's softened logits as targets": lambda z, v, t: _against(v / t, _log(z, t)),
    "teacher's logarithms as targets": lambda z, v, t: _against(_log(v, t), _log(z, t)),
    # others that are right
    "squared error of probabilities": lambda z, v, t: (
        (_exp(z, t) - _exp(v, t)).square().sum(1)
    ),
    "squared error of logarithms": lambda z, v, t: (
        (_log(z, t) - _log(v, t)).square().sum(1)
    ),
    "Jensen-Shannon": _jensen,
}
"""Forms of the soft term, each as people write it."""

FREE: dict[str, Soft] = {
    "squared error of logits": lambda z, v, _t: (z - v).square().sum(1),
    "logits for logarithms and targets": lambda z, v, _t: _against(v, z),
    "squared error of softmax twice": lambda z, v, _t: (_exp(z) - v).square().sum(1),
}
"""Forms in which no temperature occurs."""

HARD: dict[str, Hard] = {
    "cross-entropy": lambda z, y, _t: F.cross_entropy(z, y, reduction="none"),
    "softmax twice": lambda z, y, _t: F.cross_entropy(_exp(z), y, reduction="none"),
    "softmax with T twice": lambda z, y, t: F.cross_entropy(
        _exp(z, t), y, reduction="none"
    ),
    "softened": lambda z, y, t: F.cross_entropy(z / t, y, reduction="none"),
}
"""Forms of the hard term."""

EVEN: dict[str, Soft] = {
    "cross-entropy": lambda z, _y, _t: -_log(z).mean(dim=1),
    "softmax twice": lambda z, _y, _t: -_log(_exp(z)).mean(dim=1),
    "softmax with T twice": lambda z, _y, t: -_log(_exp(z, t)).mean(dim=1),
    "softened": lambda z, _y, t: -_log(z, t).mean(dim=1),
}
"""The same with equal shares for all classes: what label smoothing adds."""

PLAIN = ("forward", "reverse", "Jensen-Shannon", "teacher without temperature")
"""Forms whose weight is alpha T^2 in the usual loss."""

_TWICE_STUDENT = (
    "softmax in the student",
    "the student's logits go through a softmax before the loss takes its own",
    "give the loss the logits themselves",
)
_TWICE_TEACHER = (
    "probabilities instead of logits",
    "the teacher's logits go through a softmax before the loss takes its own: its "
    "soft targets are almost uniform",
    "give the loss the teacher's logits themselves",
)
_ONE_SIDE = (
    "temperature on one side",
    "the {} logits are divided by T and the {} are not",
    "divide both networks' logits by the same T in the soft term",
)
_NO_LOGARITHM = (
    "probabilities instead of log-probabilities",
    "the KL divergence gets the student's probabilities where it expects their "
    "logarithms: what it computes is no divergence",
    "give F.log_softmax(student / T, 1) as the first argument",
)
_NO_SOFTMAX = (
    "logits instead of log-probabilities",
    "the KL divergence gets the student's logits where it expects log-probabilities; a "
    "log_softmax is missing",
    "give F.log_softmax(student / T, 1) as the first argument",
)
_EXCHANGED = (
    "arguments of KL exchanged",
    "the teacher's answer stands where the student's log-probabilities belong",
    "F.kl_div(F.log_softmax(student / T, 1), F.softmax(teacher / T, 1), "
    'reduction="batchmean")',
)
_REVERSE = (
    "arguments of KL exchanged",
    "the loss computes KL(student || teacher), the reverse direction",
    "nn.KLDivLoss and F.kl_div take the student's log-probabilities first and the "
    "teacher's probabilities second; if the reverse direction is meant, call the loss "
    "reverse_...",
)


def _logits(which: str) -> tuple[str, str, str]:
    return (
        "logits instead of probabilities",
        f"{which} are used as if they were probabilities; a softmax is missing",
        "the second argument is F.softmax(teacher / T, 1), or log_target=True goes with "
        "F.log_softmax(teacher / T, 1)",
    )


Said = tuple[str, str, str]

SPELLED: dict[str, tuple[Said, ...]] = {
    "reverse": (_REVERSE,),
    **{f"student softmax {how}": (_TWICE_STUDENT,)
       for how in ("before T", "after T", "and T twice", "alone")},
    **{f"teacher softmax {how}": (_TWICE_TEACHER,)
       for how in ("before T", "after T", "and T twice", "alone")},
    **{f"both softmax {how}": (_TWICE_STUDENT, _TWICE_TEACHER)
       for how in ("before T", "after T", "and T twice")},
    **{f"reverse of both softmax {how}": (_REVERSE, _TWICE_STUDENT, _TWICE_TEACHER)
       for how in ("before T", "after T")},
    "teacher without temperature": ((
        _ONE_SIDE[0], _ONE_SIDE[1].format("student's", "teacher's"), _ONE_SIDE[2]),),
    "student without temperature": ((
        _ONE_SIDE[0], _ONE_SIDE[1].format("teacher's", "student's"), _ONE_SIDE[2]),),
    "probabilities for logarithms": (_NO_LOGARITHM,),
    "probabilities without T for logarithms": (_NO_LOGARITHM,),
    "teacher softmax, and probabilities for logarithms": (_NO_LOGARITHM, _TWICE_TEACHER),
    "logits for logarithms": (_NO_SOFTMAX,),
    "logits for logarithms and targets": (
        _NO_SOFTMAX, _logits("the teacher's logits themselves")),
    "exchanged, and probabilities": (_EXCHANGED,),
    "exchanged in its order": (_EXCHANGED,),
    "exchanged without a softmax": (_EXCHANGED,),
    "teacher's logits as targets": (_logits("the teacher's logits themselves"),),
    "teacher's softened logits as targets": (
        _logits("the teacher's logits, divided by T,"),),
    "teacher's logarithms as targets": (_logits("the teacher's log-probabilities"),),
    "squared error of softmax twice": (_TWICE_STUDENT,),
}  # fmt: skip
"""What is wrong with a form: for each fault its name, what was found, the remedy."""
