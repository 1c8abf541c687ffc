"""Which argument of somebody's loss is what: recognised by its name, else by its place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

_TEACHER = ("teacher", "tea", "t", "v", "t_logits", "logits_t", "y_t", "yt", "soft",
            "out_t", "z_t", "g_t", "t_out", "zt", "tlogits", "knowledge", "logit_t",
            "tch", "teach", "t_pred", "pred_t", "t_output", "feat_t", "soft_target",
            "soft_targets", "soft_label", "soft_labels", "p_t", "pt", "vt")  # fmt: skip
_STUDENT = ("student", "stu", "s", "z", "logits", "logit", "output", "outputs", "pred",
            "preds", "prediction", "predictions", "y_pred", "input", "out", "s_logits",
            "logits_s", "y_s", "ys", "out_s", "z_s", "g_s", "s_out", "zs", "slogits",
            "yhat", "y_hat", "logit_s", "s_pred", "pred_s", "s_output", "p_s", "ps",
            "scores")  # fmt: skip
_LABELS = ("y", "labels", "label", "targets", "target", "y_true", "gt", "truth", "hard",
           "ground_truth", "classes", "true_labels", "hard_labels", "lbl", "lab",
           "annotations", "yb", "lbls", "tgt", "ytrue", "onehot", "one_hot")  # fmt: skip
_IMAGES = ("x", "images", "image", "inputs", "imgs", "img", "xb", "pixels", "pixel_values",
           "inp", "x_batch", "data_x")  # fmt: skip
_BATCH = ("batch", "data", "sample", "samples", "minibatch", "example", "examples")
_NUMBER = ("batch_idx", "batch_index", "step", "batch_i", "i", "epoch", "optimizer_idx",
           "dataloader_idx", "global_step", "iteration", "batch_nb", "it")  # fmt: skip
_INDEX = ("index", "indices", "idx", "ids", "sample_index", "sample_idx", "image_ids")
_TEMPERATURE = ("temperature", "temp", "tau", "kd_temperature", "kd_temp")
_ALPHA = ("alpha", "kd_alpha", "alpha_kd", "kd_weight", "soft_weight", "kd_ratio",
          "lambda_kd", "distill_weight", "distillation_weight")  # fmt: skip
_NETWORK = ("model", "net", "network", "module")

NETWORKS = ("student", "teacher")
BATCHES = ("batch", "kd batch", "named batch", "short named batch", "batch of three")


@dataclass(frozen=True)
class Way:
    """One way of calling a loss.

    Attributes:
        positional: roles of the arguments given by their places.
        keywords: roles of those given by their names.
        probabilities: roles whose names say that probabilities are meant.
    """

    positional: tuple[str, ...] = ()
    keywords: tuple[tuple[str, str], ...] = ()
    probabilities: tuple[str, ...] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        """All roles in it."""
        return (*self.positional, *(role for _, role in self.keywords))

    def exchanged(self, new: dict[str, str]) -> Way:
        """The way with other roles.

        Args:
            new: the role that stands for another, by the other.
        """
        return Way(
            tuple(new.get(role, role) for role in self.positional),
            tuple((name, new.get(role, role)) for name, role in self.keywords),
            self.probabilities,
        )


def ways_of(loss: Callable[..., Any]) -> list[Way]:
    """The ways in which a loss may be called, the likeliest first.

    Args:
        loss: any function or module.
    """
    if getattr(type(loss), "__module__", "").startswith("kdteach.objectives"):
        return [Way(("student network", "kd batch"))]
    parameters = _parameters(loss)
    if parameters is None:
        return [Way(each) for count in (3, 2, 1) for each in _by_place(count)]
    named = _named(parameters)
    needed = [p for p in parameters if p.default is inspect.Parameter.empty]
    found: list[Way] = []
    if named is not None:
        found += _completed(named)
    if named is None or not any(role in named.roles for role in NETWORKS):
        found += [Way(each) for each in _by_place(len(needed))]
    return list(dict.fromkeys(_with_networks(found)))


def role_of(name: str) -> str | None:
    """What an argument of this name is, None where nobody knows.

    Args:
        name: of an argument.
    """
    plain = name.lower().strip("_")
    if name == "T" or plain in _TEMPERATURE:
        return "temperature"
    if plain in _ALPHA:
        return "alpha"
    words = plain.split("_")
    for role, names in (
        ("number", _NUMBER), ("batch", _BATCH), ("index", _INDEX),
        ("teacher", _TEACHER), ("student", _STUDENT), ("labels", _LABELS),
        ("images", _IMAGES), ("student network", _NETWORK),
    ):  # fmt: skip
        if plain in names:
            return role
    if "teacher" in plain or any(w in ("tea", "tch") for w in words):
        return "teacher"
    if "student" in plain or "stu" in words:
        return "student"
    if "logits" in words and any(w in ("t", "soft") for w in words):
        return "teacher"
    if any(w in ("pred", "preds") for w in words):
        return "student"
    if "label" in plain or "target" in plain or "true" in words:
        return "labels"
    if "image" in plain or "input" in plain:
        return "images"
    if any(w in ("logits", "output", "outputs") for w in words):
        return "student"
    return None


def _named(parameters: list[inspect.Parameter]) -> Way | None:
    """The way by names; None where an argument that is needed has none that is known."""
    positional: list[str] = []
    keywords: list[tuple[str, str]] = []
    likely: list[str] = []
    for parameter in parameters:
        role = role_of(parameter.name)
        needed = parameter.default is inspect.Parameter.empty
        if needed and role is None:
            return None
        if not needed and role in ("temperature", "alpha"):
            continue
        if role is None or (role == "number" and not needed):
            continue
        # a default that is a number is a setting: temperature t=4
        if not needed and parameter.default is not None:
            continue
        if not needed and role in (*positional, *(r for _, r in keywords)):
            continue
        if any(w in parameter.name.lower() for w in ("prob", "soft_target", "soft_label")):
            likely.append(role)
        if parameter.kind is parameter.KEYWORD_ONLY or not needed:
            keywords.append((parameter.name, role))
        else:
            positional.append(role)
    if not positional and not keywords:
        return None
    return Way(tuple(positional), tuple(keywords), tuple(likely))


def _completed(way: Way) -> list[Way]:
    """A way by names, and what else a pair such as (y_pred, y_true) may mean."""
    roles = way.roles
    if len(set(roles)) < len(roles):
        places = [
            Way(each, probabilities=way.probabilities) for each in _by_place(len(roles))
        ]
        # (output, label, other_output): the teacher is the second of two that answer
        if way.positional.count("student") == 2 and "teacher" not in roles:
            second = len(way.positional) - 1 - way.positional[::-1].index("student")
            named = tuple(
                "teacher" if i == second else role for i, role in enumerate(way.positional)
            )
            return [Way(named, way.keywords, way.probabilities), *places]
        return places
    if "student" in roles and "labels" in roles and "teacher" not in roles:
        return [way, way.exchanged({"labels": "teacher"}),
                way.exchanged({"labels": "labels and teacher"}),
                way.exchanged({"labels": "named labels and teacher"})]  # fmt: skip
    return [way]


def _with_networks(ways: list[Way]) -> list[Way]:
    """The ways, then those in which a network stands where logits might, or a batch."""
    found = list(ways)
    for way in ways:
        if any(role in NETWORKS for role in way.roles):
            found.append(way.exchanged({r: f"{r} network" for r in NETWORKS}))
    for way in list(found):
        if "images" in way.roles and "labels" not in way.roles:
            found += [way.exchanged({"images": each}) for each in BATCHES]
        for each in BATCHES[1:]:
            if "batch" in way.roles:
                found.append(way.exchanged({"batch": each}))
    return found


def _by_place(count: int) -> list[tuple[str, ...]]:
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


def _parameters(loss: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Those that can be given; None where nobody knows."""
    called = loss.forward if isinstance(loss, nn.Module) else loss
    found = _signature(called)
    if not found and not isinstance(loss, nn.Module):
        found = _signature(getattr(loss, "call", None))  # a loss in the style of Keras
    return found or None


def _signature(called: Any) -> list[inspect.Parameter]:
    try:
        parameters: Iterable[inspect.Parameter] = inspect.signature(
            called
        ).parameters.values()
    except (TypeError, ValueError):
        return []
    return [
        p for p in parameters
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]  # fmt: skip
