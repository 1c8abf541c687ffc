"""How a loss of somebody else's is called, and asked about logits of our choice.

A loss may take logits, or networks and images, or a batch alone. Its arguments are
recognised by their names, else by their order. Where it calls the networks itself, their
answers are exchanged on the way, so that every loss becomes a function of logits.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.models import logits_in
from kdteach.types import Batch

_TEACHER = ("teacher", "tea", "t", "v", "t_logits", "logits_t", "y_t", "yt", "soft",
            "out_t", "z_t", "g_t", "t_out", "zt", "tlogits", "knowledge")  # fmt: skip
_STUDENT = ("student", "stu", "s", "z", "logits", "output", "outputs", "pred", "preds",
            "prediction", "predictions", "y_pred", "input", "out", "s_logits", "logits_s",
            "y_s", "ys", "out_s", "z_s", "g_s", "s_out", "zs", "slogits", "yhat",
            "y_hat")  # fmt: skip
_LABELS = ("y", "labels", "label", "targets", "target", "y_true", "gt", "truth", "hard",
           "ground_truth", "classes", "true_labels", "hard_labels", "lbl", "lab",
           "annotations")  # fmt: skip
_IMAGES = ("x", "images", "image", "inputs", "imgs", "img", "xb", "features", "pixels")
_BATCH = ("batch", "data", "sample", "samples")


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


class AskedLoss:
    """A loss as a function of logits.

    Attributes:
        loss: the caller's.
        teacher, student: networks; the teacher None where only its logits are known.
        images: (B, ...) of the batch.
        index: (B,) sample indices.
        roles: of the loss's arguments, in order.
        calls_networks: whether the loss calls the networks itself.
    """

    def __init__(
        self,
        loss: Callable[..., Any],
        teacher: nn.Module | None,
        student: nn.Module,
        images: Tensor,
        index: Tensor,
    ) -> None:
        self.loss, self.teacher, self.student = loss, teacher, student
        self.images, self.index = images, index
        self.options = roles_of(loss)
        self.roles: tuple[str, ...] = ()
        self.calls_networks = False

    def settle(self, z: Tensor, v: Tensor, y: Tensor) -> str:
        """Find out which way of calling works; returns why none does, empty if one does.

        Args:
            z: (B, C) student's logits.
            v: (B, C) teacher's.
            y: (B,) labels.
        """
        reasons = []
        for roles in self.options:
            self.roles = roles
            try:
                calls = Calls()
                value = self.value(z, v, y, calls)
            except Exception as error:
                reasons.append(f"{type(error).__name__}: {error}")
                continue
            if not isinstance(value, Tensor):
                reasons.append(f"it returned {type(value).__name__}")
                continue
            self.calls_networks = bool(calls.images)
            return ""
        return "; ".join(dict.fromkeys(reasons)) or "its arguments are not known"

    def value(self, z: Tensor, v: Tensor, y: Tensor, calls: Calls | None = None) -> Tensor:
        """The loss () where the networks answer z and v.

        Args:
            z: (B, C).
            v: (B, C).
            y: (B,).
            calls: notes what the networks are given.
        """
        batch = Batch(self.images, y, self.index)
        given: dict[str, Any] = {
            "student": z, "teacher": v, "labels": y, "images": self.images,
            "student network": self.student, "teacher network": self.teacher,
            "batch": (self.images, y), "kd batch": batch, "number": 0,
        }  # fmt: skip
        arguments = [given[role] for role in self.roles]
        calls = calls if calls is not None else Calls()
        with self._answering(z, v, calls):
            found = self.loss(*arguments)
        return as_number(found)

    def truly(self, y: Tensor, calls: Calls) -> Tensor | None:
        """The loss () with the networks' own answers; None where it takes logits.

        Args:
            y: (B,).
            calls: notes what the networks are given.
        """
        if not self.calls_networks:
            return None
        with torch.enable_grad(), self._answering(None, None, calls):
            batch = Batch(self.images, y, self.index)
            given: dict[str, Any] = {
                "labels": y, "images": self.images, "batch": (self.images, y),
                "student network": self.student, "teacher network": self.teacher,
                "kd batch": batch, "number": 0,
            }  # fmt: skip
            if any(role not in given for role in self.roles):
                return None
            return as_number(self.loss(*[given[role] for role in self.roles]))

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
                stack.callback(model.register_forward_hook(hook).remove)
            yield


def _noting(who: str, answer: Tensor | None, calls: Calls) -> Callable[..., Any]:
    def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
        seen = next((x for x in inputs if isinstance(x, Tensor)), None)
        if seen is not None:
            calls.images.setdefault(who, []).append(seen.detach())
        calls.modes.setdefault(who, []).append(_trains(module))
        calls.recording.setdefault(who, []).append(torch.is_grad_enabled())
        if answer is None:
            return None
        return _like(output, answer)

    return hook


def _like(output: Any, answer: Tensor) -> Any:
    """The answer in the form in which the network gives its own."""
    if isinstance(output, Tensor):
        return answer
    if isinstance(output, Mapping):
        name = "logits" if "logits" in output else next(iter(output))
        made: Any = type(output)
        return made({**output, name: answer})
    if isinstance(output, tuple) and output:
        first = [answer, *output[1:]]
        return type(output)(*first) if hasattr(output, "_fields") else tuple(first)
    if hasattr(output, "logits"):
        output.logits = answer
    return output


def _trains(model: nn.Module) -> bool:
    """Whether a part that has two modes is in train mode, or the whole is."""
    return model.training or any(part.training for part in model.modules())


def as_number(found: Any) -> Tensor:
    """The loss in what a loss function returned.

    Args:
        found: a tensor, the first of several, ``loss`` of a dictionary, or loss terms.

    Raises:
        TypeError: there is no tensor in it.
    """
    if isinstance(found, Mapping):
        found = found.get("loss", next(iter(found.values()), None))
    elif hasattr(found, "total"):
        found = found.total
    elif isinstance(found, (tuple, list)) and found:
        found = found[0]
    if not isinstance(found, Tensor):
        raise TypeError(f"the loss is {type(found).__name__}, not a tensor")
    return found.sum() if found.ndim else found


def roles_of(loss: Callable[..., Any]) -> list[tuple[str, ...]]:
    """The ways in which a loss may be called, the likeliest first.

    Args:
        loss: any function or module.
    """
    parameters = _parameters(loss)
    if parameters is None:
        return [("student", "teacher", "labels"), ("student", "teacher")]
    if getattr(type(loss), "__module__", "").startswith("kdteach.objectives"):
        return [("student network", "kd batch")]
    needed = [p for p in parameters if p.default is inspect.Parameter.empty]
    extra = [p for p in parameters if p.default is not inspect.Parameter.empty]
    named = [_role(p.name) for p in needed]
    known = [_role(p.name) for p in needed + extra]
    wanted = [*needed]
    # a default may stand for something that is needed: labels=None
    for parameter, role in zip(extra, known[len(needed) :], strict=True):
        if role in ("teacher", "labels") and role not in named:
            if len(wanted) < len(needed) + extra.index(parameter):
                break  # it is given by its position, so nothing may be left out before it
            wanted.append(parameter)
            named.append(role)
    ways = [_completed(tuple(role or "?" for role in named))]
    count = len(wanted)
    ways += _by_position(count)
    networks = [
        tuple(f"{r} network" if r in ("student", "teacher") else r for r in way)
        for way in ways
    ]
    found = [*ways, *networks]
    return [way for way in dict.fromkeys(found) if "?" not in way]


def _by_position(count: int) -> list[tuple[str, ...]]:
    ways: dict[int, list[tuple[str, ...]]] = {
        1: [("batch",), ("kd batch",), ("images",)],
        2: [("student", "teacher"), ("images", "labels"), ("batch", "number"),
            ("student network", "batch"), ("student network", "kd batch")],
        3: [("student", "teacher", "labels"), ("student network", "teacher network",
            "batch"), ("student network", "images", "labels")],
        4: [("student network", "teacher network", "images", "labels"),
            ("images", "labels", "student", "teacher")],
    }  # fmt: skip
    return ways.get(count, [])


def _completed(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Roles by names, where a pair such as (y_true, y_pred) means the two networks."""
    if len(roles) == 2 and set(roles) == {"student", "labels"}:
        return tuple("teacher" if role == "labels" else role for role in roles)
    return roles


def _parameters(loss: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Those that can be given by position; None where nobody knows."""
    called = loss.forward if isinstance(loss, nn.Module) else loss
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):
        return None
    found = [
        p for p in signature.parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]  # fmt: skip
    return found or None


def _role(name: str) -> str | None:
    """What an argument of this name is."""
    plain = name.lower().strip("_")
    words = plain.split("_")
    if plain in ("batch_idx", "batch_index", "step", "idx", "batch_i"):
        return "number"
    if plain in _BATCH:
        return "batch"
    if any(w in ("teacher", "teachers") for w in words) or plain in _TEACHER:
        return "teacher"
    if "teacher" in plain:
        return "teacher"
    if "student" in plain or plain in _STUDENT:
        return "student"
    if plain in _LABELS or "label" in plain or "target" in plain:
        return "labels"
    if plain in _IMAGES or "image" in plain:
        return "images"
    return None


def logits_of(model: nn.Module, images: Tensor, who: str) -> Tensor:
    """(B, C) what a network answers, in the mode it is in, without gradients.

    Args:
        model: any network.
        images: (B, ...).
        who: its name in a message.
    """
    with torch.no_grad():
        return logits_in(model(images.clone()), who).detach()
