"""How a loss of somebody else's is called, and asked about logits of our choice.

A loss may take logits, or networks and images, or a batch alone. Where it calls the
networks itself, their answers are exchanged on the way, so that every loss becomes a
function of logits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.diagnosis.roles import Way, ways_of
from kdteach.models import logits_in
from kdteach.types import Batch

Through = Callable[[Tensor], Tensor]
_TOTALS = ("loss", "total", "total_loss", "loss_total", "total_loss_value")


@dataclass
class Calls:
    """What the networks were given while the loss was computed.

    Attributes:
        images: of each network, by "teacher" and "student", one tensor a call.
        modes: whether the network was in train mode, one a call.
        recording: whether gradients were recorded, one a call.
    """

    images: dict[str, list[Tensor]] = field(default_factory=dict)
    modes: dict[str, list[bool]] = field(default_factory=dict)
    recording: dict[str, list[bool]] = field(default_factory=dict)


@dataclass
class Material:
    """What a loss may ask for.

    Attributes:
        images: (B, ...).
        targets: the labels as the caller gives them, (B,) or (B, C).
        index: (B,) sample indices.
        batch: the batch in the caller's own form.
    """

    images: Tensor
    targets: Tensor
    index: Tensor
    batch: Any


class AskedLoss:
    """A loss as a function of logits.

    Attributes:
        loss: the caller's.
        teacher, student: networks; the teacher None where only its logits are known.
        given: images, labels and indices.
        settings: what it gets where it asks for a temperature or alpha.
        way: how it is called.
        calls_networks: whether the loss calls a network itself.
        through: what happens to the logits before the loss gets them, by "student" and
            "teacher": a softmax where it takes probabilities.
        kind: of the numbers that it is asked about, float64 where it takes them.
    """

    def __init__(
        self,
        loss: Callable[..., Any],
        teacher: nn.Module | None,
        student: nn.Module,
        given: Material,
        settings: Mapping[str, float] | None = None,
    ) -> None:
        self.loss, self.teacher, self.student = loss, teacher, student
        self.given = given
        self.settings = {"temperature": 4.0, "alpha": 0.9} | dict(settings or {})
        self.way = Way()
        self.calls_networks = False
        self.through: dict[str, Through] = {}
        self.kind = torch.float64

    def settle(self, z: Tensor, v: Tensor) -> str:
        """Find out which way of calling works; returns why none does, empty if one does.

        Args:
            z: (B, C) student's logits.
            v: (B, C) teacher's.
        """
        reasons = []
        for way in ways_of(self.loss):
            self.way = way
            for kind in (torch.float64, torch.float32):
                self.kind = kind
                try:
                    why = self._tried(z, v)
                except Exception as error:  # whatever the loss raises is its answer
                    why = f"{type(error).__name__}: {error}"
                if not why:
                    return ""
                reasons.append(why.splitlines()[0][:200])
        return "; ".join(dict.fromkeys(reasons)) or "its arguments are not known"

    def about(self, given: Material) -> AskedLoss:
        """The same loss, called in the same way, about other images.

        Args:
            given: images, labels and indices.
        """
        other = AskedLoss(self.loss, self.teacher, self.student, given, self.settings)
        other.way, other.kind = self.way, self.kind
        other.calls_networks, other.through = self.calls_networks, self.through
        return other

    def _tried(self, z: Tensor, v: Tensor) -> str:
        own = z.clone().requires_grad_()
        calls = Calls()
        with torch.enable_grad():
            value = self.value(own, v, calls=calls)
        self.calls_networks = bool(calls.images)
        if not value.requires_grad:
            return "its value does not depend on what the student answers"
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(value, own, allow_unused=True)
        return (
            "" if gradient is not None else "no gradient of it reaches the student's logits"
        )

    def value(
        self,
        z: Tensor,
        v: Tensor,
        targets: Tensor | None = None,
        calls: Calls | None = None,
    ) -> Tensor:
        """The loss () where the networks answer z and v.

        Args:
            z: (B, C).
            v: (B, C).
            targets: labels, as given where left out.
            calls: notes what the networks are given.
        """
        there = self.given.images.device
        z = self.through.get("student", _same)(z).to(there, self.kind)
        v = self.through.get("teacher", _same)(v).to(there, self.kind)
        y = self.given.targets if targets is None else targets
        both = {"labels": y, "teacher_logits": v}
        offered = {**self._offered(y), "student": z, "teacher": v,
                   "labels and teacher": (y, v),
                   "named labels and teacher": both}  # fmt: skip
        calls = calls if calls is not None else Calls()
        with self._answering(z, v, calls):
            return as_number(self._called(offered))

    def truly(self, calls: Calls) -> Tensor | None:
        """The loss () with the networks' own answers; None where it takes logits.

        Args:
            calls: notes what the networks are given.
        """
        if not self.calls_networks:
            return None
        offered = self._offered(self.given.targets)
        missing = [role for role in self.way.roles if role not in offered]
        with torch.enable_grad(), self._answering(None, None, calls):
            for role in missing:  # Keras gives some answers, and asks for others
                model = self.student if role == "student" else self.teacher
                if role not in ("student", "teacher") or model is None:
                    return None
                offered[role] = first_logits(model(self.given.images.clone()), role)
            return as_number(self._called(offered))

    def _called(self, offered: Mapping[str, Any]) -> Any:
        positional = [_kept(offered[role]) for role in self.way.positional]
        named = {name: _kept(offered[role]) for name, role in self.way.keywords}
        torch.manual_seed(0)  # a loss that draws numbers draws the same each time
        return self.loss(*positional, **named)

    def _offered(self, y: Tensor) -> dict[str, Any]:
        given = self.given
        return {
            **self.settings, "number": 0,
            "labels": y, "images": given.images, "index": given.index,
            "student network": self.student, "teacher network": self.teacher,
            "batch": _labelled(given, y), "kd batch": Batch(given.images, y, given.index),
            "named batch": {"pixel_values": given.images, "labels": y},
            "short named batch": {"image": given.images, "label": y, "images": given.images,
                                  "x": given.images, "y": y, "index": given.index},
            "batch of three": (given.images, y, given.index),
        }  # fmt: skip

    @contextmanager
    def _answering(
        self, z: Tensor | None, v: Tensor | None, calls: Calls
    ) -> Iterator[None]:
        """Inside the block calls are noted, and answered by z and v where given."""
        with ExitStack() as stack:
            for who, model, answer in (
                ("student", self.student, z), ("teacher", self.teacher, v),
            ):  # fmt: skip
                if model is None:
                    continue
                hook = _noting(who, answer, calls)
                try:
                    added = model.register_forward_hook(hook, with_kwargs=True)
                except RuntimeError:  # a script, which only a loss of logits goes with
                    continue
                stack.callback(added.remove)
            yield


def _labelled(given: Material, y: Tensor) -> Any:
    """The batch in the caller's own form, with these labels in the place of its own."""
    own = given.targets
    if y is own:
        return given.batch

    def put(value: Any) -> Any:
        alike = isinstance(value, Tensor) and value.dtype == own.dtype
        return y if alike and torch.equal(value, own) else value

    if isinstance(given.batch, Mapping):
        return {name: put(value) for name, value in given.batch.items()}
    if type(given.batch) in (tuple, list):
        return type(given.batch)(put(value) for value in given.batch)
    return given.batch


def _same(x: Tensor) -> Tensor:
    return x


def _kept(value: Any) -> Any:
    """A copy of a tensor, so that a loss that changes its arguments changes this one."""
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, Batch):
        return Batch(value.images.clone(), value.labels.clone(), value.index.clone())
    if isinstance(value, dict):
        return {name: _kept(each) for name, each in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_kept(each) for each in value)
    return value


def _noting(who: str, answer: Tensor | None, calls: Calls) -> Callable[..., Any]:
    def hook(
        module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any
    ) -> Any:
        everything = [*inputs, *named.values()]
        seen = next((x for x in everything if isinstance(x, Tensor)), None)
        if seen is not None:
            calls.images.setdefault(who, []).append(seen.detach().clone())
        calls.modes.setdefault(who, []).append(_trains(module))
        calls.recording.setdefault(who, []).append(torch.is_grad_enabled())
        if answer is None:
            return None
        return _like(output, answer, named.get("labels"))

    return hook


def _like(output: Any, answer: Tensor, labels: Any) -> Any:
    """The answer in the form in which the network gives its own.

    A network that was given labels returns its cross-entropy too, which follows the answer.
    """
    if isinstance(output, Tensor):
        return answer
    if isinstance(output, Mapping) or hasattr(output, "logits"):
        named = hasattr(output, "logits") and not hasattr(output, "_fields")
        if isinstance(output, Mapping):
            name = _name_of_logits(output)
            made: dict[str, Any] = {**output, name: answer}
            if isinstance(labels, Tensor) and "loss" in output:
                made["loss"] = nn.functional.cross_entropy(answer, labels)
            if not named:
                return made if type(output) is dict else type(output)(made)  # type: ignore[call-arg]
            for key, value in made.items():
                output[key] = value  # type: ignore[index]
        if named:
            output.logits = answer
            if isinstance(labels, Tensor) and getattr(output, "loss", None) is not None:
                output.loss = nn.functional.cross_entropy(answer, labels)
            return output
    if isinstance(output, (tuple, list)) and output:
        place = _place_of_logits(output)
        parts = [*output[:place], answer, *output[place + 1 :]]
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    return output


def _name_of_logits(output: Mapping[str, Any]) -> str:
    if "logits" in output:
        return "logits"
    tables = (k for k, v in output.items() if isinstance(v, Tensor) and v.ndim == 2)
    return next(tables, next(iter(output), "logits"))


def _place_of_logits(output: tuple[Any, ...] | list[Any]) -> int:
    if hasattr(output, "logits") and hasattr(output, "_fields"):
        return int(output._fields.index("logits"))
    tables = (i for i, v in enumerate(output) if isinstance(v, Tensor) and v.ndim == 2)
    return next(tables, 0)


def _trains(model: nn.Module) -> bool:
    """Whether a part that has two modes is in train mode, or the whole is."""
    return model.training or any(part.training for part in model.modules())


def as_number(found: Any) -> Tensor:
    """The loss in what a loss function returned.

    Args:
        found: a tensor; a dictionary with ``loss`` in it, or with terms that are added; a
            tuple that begins with the loss, or holds such a dictionary; or loss terms.

    Raises:
        TypeError: there is no tensor in it.
    """
    if isinstance(found, Mapping):
        named = next((found[name] for name in _TOTALS if name in found), None)
        terms = [t for t in found.values() if isinstance(t, Tensor) and t.numel() == 1]
        found = named if named is not None else sum(terms) if terms else None
    elif isinstance(found, (tuple, list)) and not hasattr(found, "total"):
        numbers = [t for t in found if isinstance(t, Tensor) and t.numel() == 1]
        inner = [t for t in found if isinstance(t, Mapping)]
        if numbers:
            found = numbers[0]
        elif inner:
            return as_number(inner[0])
    elif hasattr(found, "total"):
        found = found.total
    if not isinstance(found, Tensor):
        raise TypeError(f"the loss is {type(found).__name__}, not a tensor")
    each: Tensor = found.flatten(1).sum(dim=1) if found.ndim > 1 else found
    return each.mean()


def logits_of(model: nn.Module, images: Tensor, who: str) -> Tensor:
    """(B, C) what a network answers, in the mode it is in, without gradients.

    Args:
        model: any network.
        images: (B, ...).
        who: its name in a message.
    """
    with torch.no_grad():
        return first_logits(model(images.clone()), who).detach()


def first_logits(output: Any, who: str) -> Tensor:
    """(B, C) the logits in what a network returned.

    Args:
        output: a tensor, an object or dictionary with ``logits``, or a tuple or dictionary
            whose first table is meant.
        who: the network's name in a message.

    Raises:
        TypeError: there are none.
    """
    if isinstance(output, (tuple, list)) and output and not hasattr(output, "logits"):
        output = output[_place_of_logits(output)]
    elif isinstance(output, Mapping) and output and not hasattr(output, "logits"):
        output = output[_name_of_logits(output)]
    return logits_in(output, who)
