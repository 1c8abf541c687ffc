"""An objective of the flow from one layer to a later one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import torch
from torch import Tensor, nn

from kdteach.checks import check_model, check_seed, check_switch, check_weight, shown
from kdteach.losses.feature import fsp_loss, fsp_term
from kdteach.models.taps import tap
from kdteach.objectives.answers import Answers, Wanted
from kdteach.objectives.base import ModuleObjective
from kdteach.objectives.features import between, probed
from kdteach.objectives.live import View, check_view
from kdteach.objectives.regressor import Regressor
from kdteach.types import LossTerms

Ends = tuple[str, str]
"""The names of an earlier layer and of a later one."""


class FlowObjective(ModuleObjective):
    """The weighted sum of ``fsp_loss`` over pairs of layers; see ``flow``.

    Attributes:
        ends: two layers of the student, and the two of the teacher for each.
        weight: of the sum.
        regressors: by the number of the student's layer, from its maps to the width of the
            teacher's; empty before ``prepare``, or where none are wanted.
    """

    def __init__(
        self,
        teacher: nn.Module,
        ends: Mapping[Ends, Ends],
        weight: float,
        view: View | None,
        *,
        regress: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.teachers, self.ends, self.weight = (teacher,), dict(ends), weight
        self.regress, self.seed = regress, seed
        self.regressors = nn.ModuleDict()
        self.layers = tuple(dict.fromkeys(chain(*ends)))
        layers = tuple(dict.fromkeys(chain(*ends.values())))
        self.wanted = (Wanted(teacher, view, layers),)

    def prepare(self, student: nn.Module, images: Tensor) -> None:
        """Make the regressors, and see whether the layers fit; see ``ModuleObjective``."""
        mine, its = probed(student, images, self.layers, self.wanted[0])
        for own, other in self.ends.items():
            with between(own, other):
                theirs = [its[name].to(mine[own[0]]) for name in other]
                if self.regress:
                    self._make(own, [mine[name] for name in own], theirs)
                with torch.no_grad():
                    ours = self._ends(own, mine, theirs)
                fsp_loss(ours[0], ours[1], theirs[0], theirs[1])

    def _make(self, own: Ends, ours: list[Tensor], theirs: list[Tensor]) -> None:
        for name, maps, like in zip(own, ours, theirs, strict=True):
            number = self.layers.index(name)
            if str(number) not in self.regressors:
                made = Regressor.between(maps, like, self.seed, number)
                self.regressors[str(number)] = made
            regressor = self.regressors[str(number)]
            assert isinstance(regressor, Regressor)
            regressor.require(maps, like)

    def _ends(
        self, own: Ends, mine: Mapping[str, Tensor], theirs: list[Tensor]
    ) -> list[Tensor]:
        """The student's maps of two layers, behind their regressors where there are any."""
        ours = [mine[name] for name in own]
        if not self.regress:
            return ours
        heads = [self.regressors[str(self.layers.index(name))] for name in own]
        triples = zip(heads, ours, theirs, strict=True)
        return [head(maps, like) for head, maps, like in triples]

    def terms_of(self, answers: Answers) -> LossTerms:
        """The losses of what the student's layers put out for a batch."""
        if self.regress and not self.regressors:
            self.prepare(answers.student, answers.batch.images)
        mine, (_, its) = answers.features, answers.of_teacher(self.wanted[0])
        parts: dict[str, Tensor] = {}
        for own, other in self.ends.items():
            theirs = [its[name].to(mine[own[0]]) for name in other]
            ours = self._ends(own, mine, theirs)
            name = f"flow {own[0]} {own[1]}" if len(self.ends) > 1 else "flow"
            parts[name] = fsp_term(ours[0], ours[1], theirs[0], theirs[1])
        return LossTerms(self.weight * torch.stack(list(parts.values())).sum(), parts)


def flow(
    teacher: nn.Module,
    layers: Mapping[Ends, Ends],
    *,
    weight: float = 1.0,
    regress: bool = False,
    seed: int = 0,
    teacher_input: View | None = None,
) -> FlowObjective:
    """Train a student to get from one layer to a later one as the teacher does.

    Args:
        teacher: as ``feature_objective``.
        layers: an earlier and a later layer of the student, each pair with that of the
            teacher: ``{("layer1", "layer2"): ("layer1", "layer3")}``. All have maps
            (N, C, H, W), those of student and teacher with the same channels unless
            ``regress`` brings them there.
        weight: of the sum over the pairs, at least 0.
        regress: whether the student's maps first go through regressors, one a layer, which
            are trained with the student; see ``feature_objective``. The paper has none.
        seed: of the regressors' initial weights.
        teacher_input: as ``kdteach.objectives.distil``.

    Raises:
        TypeError: teacher is no network, layers are no mapping of pairs of names,
            teacher_input no function, regress no bool.
        ValueError: no layers, weight or seed out of range, a layer that the teacher does
            not have. In training also: one that the student does not have, or features that
            do not fit each other.

    Source: Yim et al. 2017; see ``kdteach.losses.fsp_loss``. There the flow is a first
    stage of training, before the labels.
    """
    check_model("teacher", teacher)
    weight = check_weight("weight", weight)
    if not isinstance(layers, Mapping):
        raise TypeError(
            'layers must be a dictionary {("earlier", "later"): ("earlier", "later")}, got '
            f"{shown(layers)}"
        )
    for pair in (*layers.keys(), *layers.values()):
        names = isinstance(pair, (tuple, list)) and len(pair) == 2
        if not names or not all(isinstance(name, str) for name in pair):
            raise TypeError(
                "layers must be pairs of names, an earlier layer and a later one, got "
                f"{shown(pair)}"
            )
    if not layers:
        raise ValueError("layers are empty: give at least two layers of each network")
    ends = {(own[0], own[1]): (other[0], other[1]) for own, other in layers.items()}
    tap(teacher, chain(*ends.values()))  # which names those that the teacher has
    return FlowObjective(
        teacher, ends, weight, check_view(teacher_input),
        regress=check_switch("regress", regress), seed=check_seed(seed),
    )  # fmt: skip
