"""Whether students look where their teacher looks, on digits, where distillation helps.

Students of 60 images, at the settings that the arms of ``digits-passed-on`` chose. For each
of them two maps of every test image: of the logit of the label's class, and of the class
that the teacher puts first among the others. How alike they are to the teacher's is a rank
correlation of the pixels; the numbers that it has to be seen beside are taken with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from kdteach.dark_knowledge import runner_up, shuffled
from kdteach.data import small_sample
from kdteach.experiments.choosing import Found, network
from kdteach.explain import Maps, another_of_class, centred, rank_correlation, saliency
from kdteach.metrics import predict_logits
from kdteach.objectives import Objective, distil, hard_labels
from kdteach.training import cosine, fit_many, sgd_momentum, teacher_logits
from kdteach.types import ImageSet

__all__ = ["KINDS", "SETTINGS", "TARGETS", "integrated", "maps_alike", "occluded", "slopes"]

SETTINGS: Mapping[str, Mapping[str, float]] = {
    "labels": {"learning_rate": 0.06},
    "teacher": {"temperature": 8.0, "learning_rate": 0.06},
    "permuted": {"temperature": 4.0, "learning_rate": 0.02},
}
"""What these arms of the study "few images" of ``digits-passed-on`` chose."""
FEW, FEW_EPOCHS, ALL_EPOCHS, BATCH = 60, 200, 40, 32
RUNS = 4  # students of each arm and division
TARGETS = ("label", "runner-up")
APART = 1000  # between the seeds of two runs
_STEPS = 10  # of integrated gradients
_SQUARE = 1  # pixels on each side of the one in the middle of what is hidden

MapOf = Callable[[nn.Module, Tensor, Tensor], Maps]


def slopes(model: nn.Module, images: Tensor, target: Tensor) -> Maps:
    """The signed gradient of the logit, counted from the mean of the logits.

    Args:
        model: (N, 1, H, W) -> (N, C) logits.
        images: (N, 1, H, W) in [0, 1].
        target: (N,) classes.
    """
    return saliency(centred(model), images, target, signed=True)


def integrated(model: nn.Module, images: Tensor, target: Tensor) -> Maps:
    """Integrated gradients from black, with the midpoints of 10 steps.

    Args:
        model, images, target: as ``slopes``.
    """
    total = sum(
        slopes(model, images * (step + 0.5) / _STEPS, target).values
        for step in range(_STEPS)
    )
    return Maps(total * images[:, 0] / _STEPS, target)


def occluded(model: nn.Module, images: Tensor, target: Tensor) -> Maps:
    """By how much the logit falls when a square of 3 x 3 pixels around one is blanked.

    Args:
        model, images, target: as ``slopes``.
    """
    net = centred(model)
    height, width = images.shape[2:]
    every = []
    for row in range(height):
        for column in range(width):
            hidden = images.clone()
            hidden[
                :, :, max(row - _SQUARE, 0) : row + _SQUARE + 1,
                max(column - _SQUARE, 0) : column + _SQUARE + 1,
            ] = 0  # fmt: skip
            every.append(hidden)
    wanted = target[:, None]
    whole = predict_logits(net, images).gather(1, wanted)
    after = predict_logits(net, torch.cat(every)).gather(1, wanted.repeat(len(every), 1))
    falls = whole - after.view(len(every), len(images)).T
    return Maps(falls.view(-1, height, width), target)


KINDS: Mapping[str, MapOf] = {
    "gradient": slopes,
    "integrated gradients": integrated,
    "occlusion": occluded,
}


def maps_alike(
    draws: Sequence[ImageSet], teachers: Sequence[nn.Module], *, runs: int = RUNS
) -> dict[str, Found]:
    """How alike the maps of students and of other networks are to those of the teacher.

    The other teacher of a division is the teacher of the next one: another start, and a
    training part of which two fifths are other images. Numbers about it are of the test
    images that neither of the two teachers was trained on.

    Args:
        draws: D data sets, a seed each, at least two.
        teachers: one trained on each.
        runs: students of each arm and division, with starts, samples of 60 images and
            orders of their own, which the arms share.

    Returns:
        By role: "labels", "distilled", "distilled, other teacher" (by the next division's
        teacher), "permuted" and "permuted, same settings" (each image's wrong classes
        change places), "labels, all images", "untrained" (the first weights), and "other
        teacher". Errors are those of the first run. ``more`` has "test errors" and "valid
        errors", means over the runs, and for each kind of map and
        target, such as "gradient, label" (the runner-up's for gradients alone), the mean
        over test images and runs of the rank correlation with the teacher's map; and with
        these endings, the last four for gradients alone: ", other image"
        (the network's map of another image of that class, for the same target), ", without
        ink" (partial), ", all right" (images on which teacher, distilled and label-trained
        student of the run are right), ", linear" (Pearson's correlation of the values), ",
        closer" (share of images closer than the label-trained student's), ",
        new to both" (images that neither teacher was trained on), ", to the other" (of
        those, with the other teacher's map). And "same class", the share of test images on
        which the network's answer is the teacher's; "images", how many are new to both
        teachers; "share right", the share on which all three are right.
    """
    arms = _trained(draws, teachers, runs)
    others = [*teachers[1:], teachers[0]]
    arms["other teacher"] = [others]
    rows: dict[str, list[list[dict[str, float]]]] = {}
    for s, draw in enumerate(draws):
        mine = {role: [run[s] for run in group] for role, group in arms.items()}
        after = draws[(s + 1) % len(draws)]
        for role, found in measured(draw, teachers[s], others[s], mine, after).items():
            rows.setdefault(role, []).append(found)
    return {role: means_of(role, each) for role, each in rows.items()}


def _trained(
    draws: Sequence[ImageSet], teachers: Sequence[nn.Module], runs: int
) -> dict[str, list[list[nn.Module]]]:
    """By role, run and division."""
    tables = [teacher_logits(t, d.train) for t, d in zip(teachers, draws, strict=True)]
    others = [*teachers[1:], teachers[0]]
    further = [teacher_logits(t, d.train) for t, d in zip(others, draws, strict=True)]
    mixed_up = [
        shuffled(table, draw.train.labels, seed=s)
        for s, (table, draw) in enumerate(zip(tables, draws, strict=True))
    ]
    labels: list[Objective] = [hard_labels()] * len(draws)

    def soft(given: Sequence[Tensor], arm: str) -> tuple[list[Objective], float]:
        chosen = SETTINGS[arm]
        objectives: list[Objective] = [
            distil(table, chosen["temperature"], alpha=1.0) for table in given
        ]
        return objectives, chosen["learning_rate"]

    wanted = {
        "labels": (labels, SETTINGS["labels"]["learning_rate"]),
        "distilled": soft(tables, "teacher"),
        "distilled, other teacher": soft(further, "teacher"),
        "permuted": soft(mixed_up, "permuted"),
        "permuted, same settings": soft(mixed_up, "teacher"),
        "labels, all images": (labels, SETTINGS["labels"]["learning_rate"]),
    }
    found: dict[str, list[list[nn.Module]]] = {role: [] for role in (*wanted, "untrained")}
    for run in range(1, runs + 1):
        seeds = [APART * run + s for s in range(len(draws))]
        few = [
            small_sample(d.train, FEW, seed=i) for i, d in zip(seeds, draws, strict=True)
        ]
        fresh = partial(fresh_students, draws, seeds)
        found["untrained"].append(fresh())
        for role, (objectives, rate) in wanted.items():
            whole = role == "labels, all images"
            students = fresh()
            fit_many(
                students, [d.train for d in draws] if whole else few, objectives,
                seeds=seeds, epochs=ALL_EPOCHS if whole else FEW_EPOCHS, batch_size=BATCH,
                learning_rate=rate, optimizer=sgd_momentum, schedule=cosine,
                progress=False,
            )  # fmt: skip
            found[role].append([student.eval() for student in students])
    return found


def fresh_students(draws: Sequence[ImageSet], seeds: Sequence[int]) -> list[nn.Module]:
    """Students that have learned nothing yet, one a division."""
    return [network("fc-64", d, i).eval() for i, d in zip(seeds, draws, strict=True)]


def measured(
    draw: ImageSet,
    teacher: nn.Module,
    other: nn.Module,
    networks: Mapping[str, Sequence[nn.Module]],
    other_draw: ImageSet,
) -> dict[str, list[dict[str, float]]]:
    """Agreement with the teacher's maps, and errors, of the networks of one division.

    Args:
        draw: the division; its test images, (N, 1, 8, 8) float64, are explained.
        teacher: whose maps the others are compared with.
        other: a second teacher, trained on another division.
        networks: by role ("distilled", "labels" and others) one network for each run.
        other_draw: the division of the second teacher, for the images that it never saw.

    Returns:
        By role a dictionary of numbers for each run: errors, and agreements in [-1, 1].
    """
    x, y = draw.test.images, draw.test.labels
    logits = predict_logits(teacher, x)
    right = logits.argmax(dim=1) == y
    target = {"label": y, "runner-up": runner_up(logits, y)}
    partner, new = another_of_class(y), _unseen(x, other_draw.train.images)
    answers = {
        role: [predict_logits(one, x).argmax(dim=1) for one in group]
        for role, group in networks.items()
    }
    all_right = [
        right & (a == y) & (b == y)
        for a, b in zip(answers["distilled"], answers["labels"], strict=True)
    ]
    found: dict[str, list[dict[str, float]]] = {
        role: [
            {
                "test errors": float((said != y).sum()),
                "valid errors": wrong(one, draw),
                "same class": float((said == logits.argmax(dim=1)).double().mean()),
                "images": float(new.sum()),
                "share right": float(all_right[run].double().mean()),
            }
            for run, (one, said) in enumerate(zip(group, answers[role], strict=True))
        ]
        for role, group in networks.items()
    }
    for name, classes in target.items():
        for kind, map_of in KINDS.items():
            main = kind == "gradient"
            if name != "label" and not main:
                continue
            its = map_of(teacher, x, classes)
            others = map_of(other, x, classes) if main else its
            beside: list[Tensor] = []
            for role, group in networks.items():  # the label-trained come first
                for run, one in enumerate(group):
                    mine = map_of(one, x, classes)
                    if name == "label":  # the image beside has the same label
                        away = Maps(mine.values[partner], classes)
                    else:
                        away = map_of(one, x[partner], classes)
                    same = rank_correlation(its, mine)
                    if role == "labels":
                        beside.append(same)
                    numbers = {
                        "": same,
                        ", other image": rank_correlation(its, away),
                        ", without ink": rank_correlation(its, mine, without=x[:, 0]),
                        ", all right": same[all_right[run]],
                    }
                    if main:
                        numbers |= {
                            ", linear": _linear(its, mine),
                            ", closer": 0.5 + 0.5 * torch.sign(same - beside[run]),
                            ", new to both": same[new],
                            ", to the other": rank_correlation(others, mine)[new],
                        }
                    found[role][run].update(
                        {f"{kind}, {name}{end}": float(v.mean())
                         for end, v in numbers.items()}
                    )  # fmt: skip
    return found


def _unseen(images: Tensor, train: Tensor) -> Tensor:
    """(N,) bool: which images are not among those of a training part."""
    known = {image.numpy().tobytes() for image in train}
    return torch.tensor(
        [image.numpy().tobytes() not in known for image in images], device="cpu"
    )


def wrong(one: nn.Module, draw: ImageSet) -> float:
    """How many validation images a network misreads."""
    said = predict_logits(one, draw.valid.images).argmax(dim=1)
    return float((said != draw.valid.labels).sum())


def _linear(first: Maps, second: Maps) -> Tensor:
    """(N,) Pearson's correlation of the values."""
    a, b = (maps.values.flatten(1) for maps in (first, second))
    a, b = (rows - rows.mean(dim=1, keepdim=True) for rows in (a, b))
    return nn.functional.cosine_similarity(a, b, dim=1)


def means_of(role: str, rows: Sequence[Sequence[Mapping[str, float]]]) -> Found:
    """The means over the runs, a number a division."""
    setting = {
        "labels": SETTINGS["labels"],
        "distilled": SETTINGS["teacher"],
        "distilled, other teacher": SETTINGS["teacher"],
        "permuted": SETTINGS["permuted"],
        "permuted, same settings": SETTINGS["teacher"],
        "labels, all images": SETTINGS["labels"],
    }.get(role, {})
    means = {
        key: [float(np.mean([run[key] for run in runs])) for runs in rows]
        for key in rows[0][0]
    }
    first = {
        key: [runs[0][key] for runs in rows] for key in ("valid errors", "test errors")
    }
    return Found(setting, [], first["valid errors"], first["test errors"], means)
