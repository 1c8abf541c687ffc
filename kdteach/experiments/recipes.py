"""From a configuration to what it asks for: network, training images, optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.data import (
    compose,
    flips,
    horizontal_flip,
    random_crop,
    random_shift,
    small_sample,
)
from kdteach.experiments.contradictions import NETWORK_MISTAKES
from kdteach.experiments.design import Config, config_text
from kdteach.experiments.mistakes import with_mistake
from kdteach.experiments.recipe import policy_of
from kdteach.models import TWINS, build
from kdteach.models.photographs import NAMES as PHOTOGRAPHS
from kdteach.training import OptimizerFactory, adam, adamw, sgd, sgd_momentum
from kdteach.types import Augment, ImageSet, Split

_OPTIMIZERS = {"adam": adam, "momentum": sgd_momentum}
_RECIPE = (
    "model", "epochs", "batch_size", "learning_rate", "optimizer", "schedule", "dropout",
    "weight_decay", "jitter", "drop_last", "precision", "subclasses", "weights", "policy",
    "stem", "flips", "crop", "mirror", "choose_on", "choose_by", "features",
    "feature_weight", "layers",
)  # fmt: skip


def same_stack(config: Config) -> str:
    """Students with the same text here can be trained in one stack."""
    keys = (*_RECIPE, "omit", "only", "transfer")
    shared = {key: config[key] for key in keys if key in config}
    if config.get("mistake") in NETWORK_MISTAKES:
        shared["mistake"] = config["mistake"]
    return config_text(shared)


def fresh_model(config: Config, data: ImageSet, seed: int) -> nn.Module:
    """Build a configuration's network with the initial weights of a seed.

    Args:
        config: of the run.
        data: gives shape and dtype of the images, and the number of classes.
        seed: of the initial weights, to which the configuration may add its "start".
    """
    dropout = None if "dropout" not in config else float(str(config["dropout"]))
    name, dtype = str(config["model"]), data.train.images.dtype
    options: dict[str, Any] = {}
    if name in (*PHOTOGRAPHS, *TWINS):
        options = {"policy": policy_of(config)}
        if "weights" in config:
            options["weights"] = str(config["weights"])
        if "stem" in config:
            options["stem"] = str(config["stem"])
    model = build(
        name, seed=seed + int(str(config.get("start", 0))), dropout=dropout,
        dtype=dtype if dtype.is_floating_point else torch.float32,
        input_shape=(data.image_shape[0], data.image_shape[1], data.image_shape[2]),
        num_classes=data.num_classes * int(str(config.get("subclasses", 1))), **options,
    )  # fmt: skip
    if config.get("mistake") in NETWORK_MISTAKES:
        model = with_mistake(model, config, seed)
    if any(isinstance(module, nn.Conv2d) for module in model.modules()):
        # the same numbers up to rounding, a quarter less time on a CPU
        model = model.to(memory_format=torch.channels_last)
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def is_probe(config: Config) -> bool:
    """Say whether only the head is trained, on features that stay as they are."""
    return (
        policy_of(config) == "linear_probe"
        and not any(
            config.get(key) for key in ("flips", "jitter", "views", "crop", "mirror")
        )
        and config.get("mistake") not in NETWORK_MISTAKES
    )


def augmentation(config: Config) -> Augment | None:
    """The random change of the images, None without one."""
    shift = int(str(config.get("jitter", 0)))
    padding = int(str(config.get("crop", 0)))
    changes: list[Augment] = [random_crop(padding)] if padding else []
    changes += [horizontal_flip()] if config.get("mirror") else []
    if changes:
        if shift or config.get("flips"):
            raise ValueError(
                "crop and mirror cannot be combined with flips or jitter: give one pair"
            )
        return compose(*changes)
    if config.get("flips"):
        if shift:
            raise ValueError("flips and jitter cannot be combined: give one of them")
        return flips()
    return random_shift(shift) if shift else None


def views_of(config: Config) -> Callable[[Tensor], Iterator[Tensor]] | None:
    """The views on which a teacher is asked."""
    pixels = int(str(config.get("views", 0)))
    return random_shift(pixels).views if pixels else None


def transfer_set(config: Config, split: Split, seed: int) -> Split:
    """The images a student is trained on: all, those of some classes, or a sample.

    Args:
        config: of the student.
        split: the training images there are.
        seed: of the sample.
    """
    keep = torch.ones(len(split), dtype=torch.bool, device="cpu")
    for key, kept in (("omit", False), ("only", True)):
        if key in config:
            classes = torch.tensor(config[key], device="cpu")
            count = split.num_classes or int(split.labels.max()) + 1
            if int(classes.max()) >= count:
                raise ValueError(
                    f"{key} names the class {int(classes.max())}, but the data has the "
                    f"classes 0 to {count - 1}"
                )
            keep &= torch.isin(split.labels, classes) == kept
    split = split if bool(keep.all()) else split.select(keep)
    if "transfer" in config:
        split = small_sample(split, int(str(config["transfer"])), seed=seed)
    return split


def optimizer_of(config: Config) -> OptimizerFactory:
    """The optimiser a configuration names."""
    name = str(config.get("optimizer", "adam"))
    if "weight_decay" in config:
        decay = float(str(config["weight_decay"]))
        return adamw(decay) if name == "adam" else sgd(weight_decay=decay)
    return _OPTIMIZERS[name]
