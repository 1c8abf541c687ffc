"""Small studies of digits without a finished teacher: peers, generations, an own past.

Networks see few images. Every arm chooses its learning rate, and its temperature, weight or
smoothing where it has one, by the errors on the validation images of all seeds together;
the test images are read at that choice. Adam, and a rate that falls along a cosine.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from itertools import product

import torch
from torch import Tensor, nn

from kdteach.checks import check_list, check_model, shown
from kdteach.data import small_sample
from kdteach.experiments.choosing import Found, network
from kdteach.metrics import evaluate, predict_logits, prediction_agreement
from kdteach.objectives import Objective, distil, hard_labels, mutual
from kdteach.training import constant, cosine, fit_cohort, fit_many, teacher_logits
from kdteach.types import ImageSet, Split

__all__ = [
    "PAIR", "Ensemble", "Tried", "chosen", "few", "generations", "mutual_learning",
    "trained",
]  # fmt: skip

PAIR = ("fc-64", "cnn-1k")
RATES = (0.001, 0.003, 0.01, 0.03)
TEMPERATURES = (1.0, 2.0, 4.0)
ALPHAS = (0.5, 1.0)
SMOOTHINGS = (0.1, 0.2, 0.4)
IMAGES, EPOCHS, BATCH = 100, 60, 20
GENERATIONS = 3
_APART = 1000  # between the seeds of two generations

Group = Sequence[nn.Module]
Tried = Sequence[tuple[Mapping[str, float], Sequence[Group]]]
"""Settings, each with a group of networks for each seed."""


class Ensemble(nn.Module):
    """Several networks that answer with the mean of their probabilities.

    Args:
        members: at least one network (B, ...) -> (B, C) logits; they are not copied.

    Raises:
        TypeError: members are no modules.
        ValueError: there is none.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        found = check_list("members", members, "networks")
        if not found:
            raise ValueError(f"an ensemble has at least one member, got {shown(members)}")
        for number, member in enumerate(found):
            check_model(f"members[{number}]", member)
        self.members = nn.ModuleList(found)

    def forward(self, images: Tensor) -> Tensor:
        """(B, ...) to (B, C), the logarithms of the mean probabilities."""
        logs = [member(images).log_softmax(dim=1) for member in self.members]
        return (
            torch.stack(logs).logsumexp(dim=0)
            - torch.tensor(
                float(len(logs)), dtype=logs[0].dtype, device=logs[0].device
            ).log()
        )


def few(draws: Sequence[ImageSet], images: int = IMAGES) -> list[Split]:
    """Some training images of each data set, of all classes alike.

    Args:
        draws: data sets, a seed each.
        images: how many.
    """
    return [small_sample(draw.train, images, seed=s) for s, draw in enumerate(draws)]


def trained(
    networks: Sequence[nn.Module],
    seen: Sequence[Split],
    objectives: Sequence[Objective],
    rate: float,
    *,
    epochs: int = EPOCHS,
    falls: bool = True,
    apart: int = 0,
) -> list[nn.Module]:
    """Networks of one architecture after their training, in place.

    Args:
        networks: one a seed.
        seen: what each learns from.
        objectives: that of each.
        rate: of Adam.
        epochs: passes over the images.
        falls: whether the rate falls along a cosine, or stays.
        apart: added to the seeds of the orders.
    """
    fit_many(
        networks, list(seen), list(objectives), epochs=epochs, batch_size=BATCH,
        learning_rate=rate, schedule=cosine if falls else constant, progress=False,
        seeds=[apart + seed for seed in range(len(networks))],
    )  # fmt: skip
    return list(networks)


def chosen(tried: Tried, draws: Sequence[ImageSet]) -> tuple[list[Group], Found]:
    """The setting with the fewest validation errors, of all seeds and members of a group.

    Args:
        tried: at least one setting, each with its networks.
        draws: data sets, a seed each.

    Returns:
        The groups of that setting, and what is recorded of it: errors are those of the
        whole group of a seed.
    """
    counts = []
    for setting, groups in tried:
        errors = [
            sum(evaluate(member, draw.valid).errors for member in group)
            for group, draw in zip(groups, draws, strict=True)
        ]
        counts.append((setting, errors))
    best = min(range(len(tried)), key=lambda place: sum(counts[place][1]))
    setting, groups = tried[best]
    all_tried = [(setting, float(sum(errors))) for setting, errors in counts]
    return list(groups), Found(setting, all_tried, counts[best][1], [])


def mutual_learning(draws: Sequence[ImageSet]) -> dict[str, Found]:
    """Two architectures: alone, in mutual learning, and taught by what is finished.

    Args:
        draws: data sets, a seed each.

    Returns:
        By "arm, network" for the networks of ``PAIR`` and "ensemble", the mean of both.
        Arms are "labels", "smoothed", "mutual", "finished peer" (each is taught by the
        other architecture as trained on labels alone) and "finished ensemble" (each is
        taught by the mean of both). A pair chooses one setting. ``more`` has "agreement",
        the share of test images on which both choose one class.
    """
    seen, seeds = few(draws), range(len(draws))

    def pairs(objectives: Callable[[int], Sequence[Objective]], rate: float) -> list[Group]:
        columns = [
            trained([network(name, draws[s], s) for s in seeds], seen, objectives(j), rate)
            for j, name in enumerate(PAIR)
        ]
        return list(zip(*columns, strict=True))

    def cohorts(temperature: float, rate: float) -> list[Group]:
        found: list[Group] = []
        for s in seeds:
            both = [network(name, draws[s], s) for name in PAIR]
            fit_cohort(
                both, seen[s], mutual(temperature), epochs=EPOCHS, batch_size=BATCH,
                learning_rate=rate, schedule=cosine, seed=s, progress=False,
            )  # fmt: skip
            found.append(both)
        return found

    def plain(smoothing: float) -> Callable[[int], Sequence[Objective]]:
        return lambda _: [hard_labels(smoothing=smoothing) for _ in seeds]

    arms: dict[str, Tried] = {
        "labels": [({"learning_rate": r}, pairs(plain(0.0), r)) for r in RATES]
    }
    alone, _ = chosen(arms["labels"], draws)
    peers = [_tables([pair[1 - j] for pair in alone], draws) for j in (0, 1)]
    means = [_tables([Ensemble(pair) for pair in alone], draws)] * 2
    arms["smoothed"] = [
        ({"smoothing": e, "learning_rate": r}, pairs(plain(e), r))
        for e, r in product(SMOOTHINGS, RATES)
    ]
    for name, tables in (("finished peer", peers), ("finished ensemble", means)):
        arms[name] = [
            ({"temperature": T, "learning_rate": r}, pairs(_taught(tables, T), r))
            for T, r in product(TEMPERATURES, RATES)
        ]
    arms["mutual"] = [
        ({"temperature": T, "learning_rate": r}, cohorts(T, r))
        for T, r in product(TEMPERATURES, RATES)
    ]
    found = {}
    for name, tried in arms.items():
        groups, about = chosen(tried, draws)
        shares = [_agreement(group, d) for group, d in zip(groups, draws, strict=True)]
        for j, member in enumerate((*PAIR, "ensemble")):
            each = [g[j] if j < len(PAIR) else Ensemble(g).eval() for g in groups]
            found[f"{name}, {member}"] = _tested(each, draws, about, agreement=shares)
    return found


def generations(draws: Sequence[ImageSet]) -> dict[str, Found]:
    """One architecture that teaches itself: born again, or by its own past.

    Args:
        draws: data sets, a seed each.

    Returns:
        "labels", "generation 1" to 3, each taught by the one before it, with first weights
        of its own; "labels, long", as many epochs as all generations together; "smoothed";
        "own past", whose second half is taught by what it was after the first, and its
        control "labels, restart"; "ensemble of generations" and "ensemble of labels", of
        four networks each.
    """
    seen, seeds = few(draws), range(len(draws))
    name, labels = PAIR[0], [hard_labels() for _ in draws]

    def fresh(apart: int = 0) -> list[nn.Module]:
        return [network(name, draws[s], apart + s) for s in seeds]

    def arm(tried: list[tuple[dict[str, float], list[nn.Module]]]) -> list[nn.Module]:
        groups, about = chosen([(at, [(n,) for n in each]) for at, each in tried], draws)
        best = [group[0] for group in groups]
        arms.append(_tested(best, draws, about))
        return best

    arms: list[Found] = []
    names = ["labels"]
    line = [arm([({"learning_rate": r}, trained(fresh(), seen, labels, r)) for r in RATES])]
    rate = arms[0].setting["learning_rate"]
    settings = list(product(TEMPERATURES, ALPHAS, RATES))
    for generation in range(1, 1 + GENERATIONS):
        apart = _APART * generation
        tables = _tables(line[-1], draws)
        names.append(f"generation {generation}")
        line.append(arm([
            (_setting(T, a, r),
             trained(fresh(apart), seen, [distil(t, T, a) for t in tables], r, apart=apart))
            for T, a, r in settings
        ]))  # fmt: skip
    names += ["labels, long", "smoothed", "labels, restart", "own past"]
    total = EPOCHS * (1 + GENERATIONS)
    arm([
        ({"learning_rate": r}, trained(fresh(), seen, labels, r, epochs=total))
        for r in RATES
    ])  # fmt: skip
    arm([
        ({"smoothing": e, "learning_rate": r},
         trained(fresh(), seen, [hard_labels(smoothing=e) for _ in draws], r))
        for e, r in product(SMOOTHINGS, RATES)
    ])  # fmt: skip
    half = EPOCHS // 2
    first = {r: trained(fresh(), seen, labels, r, epochs=half, falls=False) for r in RATES}
    past = {r: _tables(each, draws) for r, each in first.items()}

    def second(r: float, objectives: Sequence[Objective]) -> list[nn.Module]:
        return trained(
            copy.deepcopy(first[r]), seen, objectives, r, epochs=half, apart=_APART
        )

    arm([({"learning_rate": r}, second(r, labels)) for r in RATES])
    arm([
        (_setting(T, a, r), second(r, [distil(t, T, a) for t in past[r]]))
        for T, a, r in settings
    ])  # fmt: skip
    found = dict(zip(names, arms, strict=True))
    others = [
        trained(fresh(_APART * g), seen, labels, rate, apart=_APART * g)
        for g in range(1, 1 + GENERATIONS)
    ]
    for key, several in (("generations", line), ("labels", [line[0], *others])):
        members = [Ensemble(each).eval() for each in zip(*several, strict=True)]
        about = chosen([({}, [(member,) for member in members])], draws)[1]
        found[f"ensemble of {key}"] = _tested(members, draws, about)
    return found


def _setting(temperature: float, alpha: float, rate: float) -> dict[str, float]:
    return {"temperature": temperature, "alpha": alpha, "learning_rate": rate}


def _taught(
    tables: Sequence[Sequence[Tensor]], temperature: float
) -> Callable[[int], Sequence[Objective]]:
    return lambda j: [distil(table, temperature, alpha=0.5) for table in tables[j]]


def _tables(networks: Sequence[nn.Module], draws: Sequence[ImageSet]) -> list[Tensor]:
    pairs = zip(networks, draws, strict=True)
    return [teacher_logits(each.eval(), draw.train) for each, draw in pairs]


def _agreement(group: Group, draw: ImageSet) -> float:
    one, other = (predict_logits(member, draw.test.images) for member in group)
    return prediction_agreement(one, other)


def _tested(
    networks: Sequence[nn.Module], draws: Sequence[ImageSet], about: Found,
    **more: Sequence[float],
) -> Found:  # fmt: skip
    pairs = list(zip(networks, draws, strict=True))
    return Found(
        about.setting, about.tried, [evaluate(n, d.valid).errors for n, d in pairs],
        [evaluate(n, d.test).errors for n, d in pairs], more,
    )  # fmt: skip
