"""Students of ``digit_features`` trained side by side: the same runs in less time.

``reproduce`` trains students that look into a teacher one after the other. Here those of
one arm and one number of images, of all divisions, are one network with grouped
convolutions; each keeps its own weights, images, order and settings, and a test compares
them with ``reproduce``. What a teacher's layers say is computed once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kdteach.data import load
from kdteach.experiments.design import Config, config_text
from kdteach.experiments.environment import environment_of
from kdteach.experiments.inner import ANGLES
from kdteach.experiments.ledger import Ledger
from kdteach.experiments.measures import beside_teacher, measure
from kdteach.experiments.order import commit_of
from kdteach.experiments.recipes import fresh_model, transfer_set
from kdteach.experiments.registry import EXPERIMENTS
from kdteach.losses import feature, relation
from kdteach.metrics import predict_logits
from kdteach.models import tap, trained_teacher
from kdteach.objectives import hints
from kdteach.results import run_key
from kdteach.seeding import generator
from kdteach.types import ImageSet, RunRecord

_BETAS, _EPSILON = (0.9, 0.999), 1e-8  # of Adam, as torch has them
_ALIKE = ("features", "transfer", "epochs", "batch_size", "model")


@dataclass(frozen=True, eq=False)
class Division:
    """What a seed gives: images, the teacher, and all that it says of training images."""

    data: ImageSet
    teacher: nn.Module
    answers: dict[str, Tensor]
    layers: dict[str, Tensor]

    @classmethod
    def of(cls, seed: int, dtype: torch.dtype) -> Division:
        """Load the images and the teacher of a seed, and ask the teacher.

        Args:
            seed: of the division.
            dtype: of the images.
        """
        data = load("digits", draw=seed, dtype=dtype)
        teacher = trained_teacher(seed, dtype=dtype)
        splits = {"train": data.train, "valid": data.valid, "test": data.test}
        answers = {n: predict_logits(teacher, s.images) for n, s in splits.items()}
        with torch.no_grad(), tap(teacher, ("3", "6", "8")) as seen:
            teacher(data.train.images)
            layers = {name: seen[name] for name in ("3", "6", "8")}
        return cls(data, teacher, answers, layers)


class SideBySide:
    """S students of one arm in one network.

    Args:
        configs: S of ``digit_features.student`` that agree in arm, images and epochs.
        seeds: S, of the runs.
        divisions: by seed.
    """

    def __init__(
        self,
        configs: Sequence[Config],
        seeds: Sequence[int],
        divisions: dict[int, Division],
    ) -> None:
        self.configs, self.seeds = list(configs), list(seeds)
        self.arm = str(configs[0]["role"])
        layers = configs[0].get("layers", {})
        assert isinstance(layers, Mapping)
        self.layers = {str(own): str(its) for own, its in layers.items()}  # of one name
        self.divisions = [divisions[seed] for seed in seeds]
        pairs = list(zip(self.configs, self.divisions, self.seeds, strict=True))
        self.models = [fresh_model(c, d.data, s) for c, d, s in pairs]
        self.splits = [transfer_set(c, d.data.train, s) for c, d, s in pairs]
        states = [model.state_dict() for model in self.models]
        self.weights = {n: torch.stack([s[n] for s in states]) for n in states[0]}
        if self.arm == "hint":
            self._regressors()
        for weight in self.weights.values():
            weight.requires_grad_()
        self.images = torch.stack([s.images for s in self.splits])
        self.labels = torch.stack([s.labels for s in self.splits])

    def _regressors(self) -> None:
        made = []
        for model, division, seed in zip(
            self.models, self.divisions, self.seeds, strict=True
        ):
            objective = hints(division.teacher, self.layers, seed=seed)
            objective.prepare(model, division.data.train.images)
            made.append(objective.regressors["0"].state_dict())
        for name in ("weight", "bias"):
            tables = [state[f"project.{name}"] for state in made]
            self.weights[f"regressor.{name}"] = torch.stack(tables)

    def _column(self, key: str) -> Tensor:
        values = [float(str(config.get(key, 0.0))) for config in self.configs]
        return torch.tensor(values, dtype=self.images.dtype, device="cpu")

    def train(self) -> list[float]:
        """Train them to the end; returns the mean loss of each epoch over the students."""
        first = self.configs[0]
        epochs, size = int(str(first["epochs"])), int(str(first["batch_size"]))
        count = self.images.shape[1]
        steps, step, course = epochs * math.ceil(count / size), 0, []
        orders = [generator(seed, "order") for seed in self.seeds]
        rates, decays = self._column("learning_rate"), self._column("weight_decay")
        moments = {n: (torch.zeros_like(w), torch.zeros_like(w)) for n, w in
                   self.weights.items()}  # fmt: skip
        for _ in range(epochs):
            order = torch.stack(
                [torch.randperm(count, generator=g, device="cpu") for g in orders]
            )
            total = 0.0
            for rows in order.split(size, dim=1):
                losses = self.losses(rows)
                gradients = torch.autograd.grad(losses.sum(), list(self.weights.values()))
                factor = 0.5 * (1 + math.cos(math.pi * step / steps))
                step += 1
                self._adam(gradients, moments, rates * factor, decays, step)
                total += float(losses.detach().mean()) * rows.shape[1]
            course.append(total / count)
        for place, model in enumerate(self.models):
            own = {n: w[place].detach() for n, w in self.weights.items() if n in
                   model.state_dict()}  # fmt: skip
            model.load_state_dict(own)
            model.eval()
        return course

    def _adam(
        self,
        gradients: Sequence[Tensor],
        moments: dict[str, tuple[Tensor, Tensor]],
        rates: Tensor,
        decays: Tensor,
        step: int,
    ) -> None:
        with torch.no_grad():
            for (name, weight), gradient in zip(
                self.weights.items(), gradients, strict=True
            ):
                shape = (-1, *(1,) * (weight.ndim - 1))
                rate, decay = rates.view(shape), decays.view(shape)
                mean, square = moments[name]
                mean.lerp_(gradient, 1 - _BETAS[0])
                square.mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
                root = square.sqrt() / math.sqrt(1 - _BETAS[1] ** step) + _EPSILON
                weight.mul_(1 - rate * decay)
                weight.sub_(rate / (1 - _BETAS[0] ** step) * mean / root)

    def losses(self, rows: Tensor) -> Tensor:
        """(S,) the loss of each student.

        Args:
            rows: (S, B) places in the students' own images.
        """
        place = torch.arange(len(self.models), device="cpu")[:, None]
        logits, layers = self._pass(self.images[place, rows])
        labels = self.labels[place, rows]
        hard = F.cross_entropy(logits.mT, labels, reduction="none").mean(dim=1)
        index = [s.index[r] for s, r in zip(self.splits, rows, strict=True)]
        if self.arm == "labels":
            return hard
        if self.arm == "kd":
            table = torch.stack(
                [
                    d.answers["train"][_places(d, i)]
                    for d, i in zip(self.divisions, index, strict=True)
                ]
            )
            temperature, alpha = self._column("temperature"), self._column("alpha")
            softened = (z / temperature[:, None, None] for z in (table, logits))
            log_p, log_q = (F.log_softmax(z, dim=2) for z in softened)
            soft = (log_p.exp() * (log_p - log_q)).sum(dim=2).mean(dim=1)
            return alpha * temperature**2 * soft + (1 - alpha) * hard
        weight = self._column("feature_weight")
        return hard + weight * self._inner(layers, index)

    def _inner(self, layers: dict[str, Tensor], index: Sequence[Tensor]) -> Tensor:
        found: Tensor = torch.zeros((), dtype=self.images.dtype, device=self.images.device)
        for name in self.layers:
            its = torch.stack(
                [
                    d.layers[name][_places(d, i)]
                    for d, i in zip(self.divisions, index, strict=True)
                ]
            )
            mine = layers[name]
            if self.arm == "hint":
                w = self.weights["regressor.weight"][:, :, :, 0, 0]
                mine = torch.einsum("soc,sbchw->sbohw", w, mine)
                mine = mine + self.weights["regressor.bias"][:, None, :, None, None]
            terms = [_term(self.arm, a, b) for a, b in zip(mine, its, strict=True)]
            found = found + torch.stack(terms)
        return found

    def _pass(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """(S, B, 1, H, W) to logits (S, B, C) and what the layers put out."""
        count, batch = images.shape[:2]
        x = images.transpose(0, 1).flatten(1, 2)  # (B, S, H, W)
        seen: dict[str, Tensor] = {}

        def convolved(x: Tensor, layer: str) -> Tensor:
            w, b = self.weights[f"{layer}.weight"], self.weights[f"{layer}.bias"]
            return F.conv2d(x, w.flatten(0, 1), b.flatten(), padding=1, groups=count).relu()

        def apart(x: Tensor) -> Tensor:
            return x.view(batch, count, -1, *x.shape[2:]).transpose(0, 1)

        x = convolved(convolved(x, "0"), "2")
        seen["3"] = apart(x)
        x = convolved(F.max_pool2d(x, 2), "5")
        seen["6"] = apart(x)
        seen["8"] = apart(F.max_pool2d(x, 2)).flatten(2)
        w, b = self.weights["10.weight"], self.weights["10.bias"]
        return torch.einsum("sbd,scd->sbc", seen["8"], w) + b[:, None], seen


def _term(arm: str, mine: Tensor, its: Tensor) -> Tensor:
    if arm == "hint":
        return feature.hint_term(mine, its)
    if arm == "attention":
        return feature.attention_term(mine, its)
    if arm == "similarity":
        return relation.similarity_term(mine, its)
    near = relation.relational_distance_term(mine, its)
    return near + ANGLES * relation.relational_angle_term(mine, its)


def _places(division: Division, index: Tensor) -> Tensor:
    """Rows of the training images with these sample indices, which rise there."""
    return torch.searchsorted(division.data.train.index, index)


def record(name: str, folder: Path) -> int:
    """Train what is not recorded yet of an experiment of ``digit_features``, and record it.

    ``seconds`` of a record is a run's share of those that were trained beside it.

    Args:
        name: of the experiment.
        folder: of the records.

    Returns:
        How many runs were recorded.
    """
    experiment, ledger = EXPERIMENTS[name], Ledger(name, folder)
    known = {run_key(r.config, r.seed) for r in ledger.load()}
    groups: dict[str, list[tuple[Config, int]]] = {}
    for config in experiment.configurations:
        alike = config_text({key: config.get(key) for key in ("role", *_ALIKE)})
        for seed in range(experiment.seeds):
            if run_key(config, seed) not in known:
                groups.setdefault(alike, []).append((config, seed))
    dtype = getattr(torch, str(experiment.data[1]["dtype"]))
    divisions: dict[int, Division] = {}
    commit, count = commit_of(Path(__file__).resolve().parent), 0
    for runs in groups.values():
        for _, seed in runs:
            if seed not in divisions:
                divisions[seed] = Division.of(seed, dtype)
        ledger.add([ledger.signed(r) for r in _trained(runs, divisions, commit)])
        count += len(runs)
    return count


def _trained(
    runs: Sequence[tuple[Config, int]], divisions: dict[int, Division], commit: str
) -> Iterator[RunRecord]:
    start = time.perf_counter()
    group = SideBySide([c for c, _ in runs], [s for _, s in runs], divisions)
    course = group.train()
    seconds = (time.perf_counter() - start) / len(runs)
    for (config, seed), model, split in zip(runs, group.models, group.splits, strict=True):
        division = divisions[seed]
        result = measure(config, model, division.data) | beside_teacher(
            config, model, division.answers, division.data, split.index
        )
        where = environment_of(seconds, division.data, commit, model)
        yield RunRecord("", config, seed, result, {"mean loss": course}, where)
