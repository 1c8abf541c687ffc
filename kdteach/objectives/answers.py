"""What networks say about a batch: asked once, however many objectives want to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.models import logits_in
from kdteach.models.taps import tap
from kdteach.objectives.live import View, asked, seen_by
from kdteach.types import Batch


@dataclass(frozen=True, eq=False)
class Wanted:
    """What an objective wants of a live teacher.

    Attributes:
        teacher: the network.
        view: what it sees of the images, None for the images.
        layers: whose features are wanted.
    """

    teacher: nn.Module
    view: View | None = None
    layers: tuple[str, ...] = ()


class Answers:
    """The one pass of a student over a batch, made when it is first wanted.

    So are those of the teachers, one for all who want something of the same teacher.

    Attributes:
        student: the network.
        batch: what it is asked about.
        layers: names of the layers whose features are kept.
        wanted: of live teachers.
    """

    def __init__(
        self,
        student: nn.Module,
        batch: Batch,
        layers: Iterable[str],
        wanted: Iterable[Wanted] = (),
    ) -> None:
        self.student, self.batch = student, batch
        self.layers, self.wanted = tuple(dict.fromkeys(layers)), tuple(wanted)
        self._of_teachers: list[tuple[Wanted, Any, Mapping[str, Tensor]]] = []

    @cached_property
    def _pass(self) -> tuple[Any, Mapping[str, Tensor]]:
        return _passed(self.student, self.batch.images, self.layers)

    @property
    def output(self) -> Any:
        """What the student returned."""
        return self._pass[0]

    @property
    def logits(self) -> Tensor:
        """(B, C), taken out of what the student returned."""
        return logits_in(self.output, "the student")

    @property
    def features(self) -> Mapping[str, Tensor]:
        """What the layers put out, by their names."""
        return self._pass[1]

    def of_teacher(self, wanted: Wanted) -> tuple[Any, Mapping[str, Tensor]]:
        """What a teacher returned, in eval mode and without gradients, and its features.

        Args:
            wanted: the teacher, on the batch as it sees it, and the layers.
        """
        for known, output, features in self._of_teachers:
            same = known.teacher is wanted.teacher and known.view is wanted.view
            if same and set(wanted.layers) <= set(features):
                return output, features
        layers = dict.fromkeys(
            name
            for each in (*self.wanted, wanted)
            if each.teacher is wanted.teacher and each.view is wanted.view
            for name in each.layers
        )
        with asked(wanted.teacher):
            seen = seen_by(wanted.teacher, self.batch.images, wanted.view)
            output, features = _passed(wanted.teacher, seen, tuple(layers))
        self._of_teachers.append((wanted, output, features))
        return output, features

    def stand_in(self) -> nn.Module:
        """The student for an objective of the caller's own, which calls it itself.

        The first call on the images of the batch gets the answer that is there already. Any
        other call is a pass of the student: with other images or changed weights, in
        another mode, with hooks on its layers, or a second time, which with dropout is
        another answer.
        """
        kind = _stand_in_of(type(self.student))  # type: ignore[arg-type]
        made: nn.Module = object.__new__(kind)
        # all that it has is the student's own, apart from the answer
        object.__setattr__(made, "__dict__", vars(self.student))
        object.__setattr__(made, "_answers", [self, _state(self.student)])
        return made


def _passed(
    model: nn.Module, images: Tensor, layers: tuple[str, ...]
) -> tuple[Any, Mapping[str, Tensor]]:
    """What a network returns, and what its layers put out."""
    taps: AbstractContextManager[Mapping[str, Tensor]] = nullcontext({})
    if layers:
        taps = tap(model, layers)
    with taps as features:
        # the copy is for a first layer that works in place
        output = model(images.clone())
        return output, {name: features[name] for name in layers}


@lru_cache(maxsize=64)
def _stand_in_of(kind: Any) -> type[nn.Module]:
    """A subclass whose objects call ``Answers`` first; see ``Answers.stand_in``."""

    def call(own: Any, *arguments: Any, **named: Any) -> Any:
        answers, seen = own._answers
        known = (
            seen is not None
            and not named
            and len(arguments) == 1
            and arguments[0] is answers.batch.images
            and _state(answers.student) == seen
        )
        if not known:
            return answers.student(*arguments, **named)
        own._answers[1] = None
        # a copy, for it may be changed in place
        output = answers.output
        return output.clone() if isinstance(output, Tensor) else output

    def reduced(own: Any, protocol: Any) -> Any:  # a copy is one of the student
        return own._answers[0].student.__reduce_ex__(protocol)

    body = {
        "__slots__": ("_answers",), "__call__": call, "__reduce_ex__": reduced,
        "__module__": kind.__module__, "__qualname__": kind.__qualname__,
    }  # fmt: skip
    made: type[nn.Module] = type(kind.__name__, (kind,), body)
    return made


def _state(student: nn.Module) -> tuple[object, ...]:
    """What an answer depends on besides the images; changes when a weight does."""
    weights = [(id(w), 0 if w.is_inference() else w._version) for w in student.parameters()]
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in student.modules()]
    return weights, hooks, student.training, torch.is_grad_enabled()
