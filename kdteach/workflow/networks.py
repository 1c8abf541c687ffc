"""Networks by name, and the weights of a trained teacher, read without running any code."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.checks import shown
from kdteach.extras import require_extra
from kdteach.files import read_plain, read_tensors
from kdteach.models import build, normalised
from kdteach.models.initial import initial_weights
from kdteach.models.normalised import Normalised
from kdteach.models.photographs import MEAN, STD
from kdteach.workflow.kept import metadata_of

_MOST = 2**40  # bytes of a file
_SHOWN = 3  # tensors of a wrong checkpoint that are named


def network(
    name: str, *, classes: int, size: int, channels: int, seed: int, start: str = "random"
) -> nn.Module:
    """Build a network by its name.

    Args:
        name: one of ``kdteach.build``, ``torchvision:NAME``, ``timm:NAME``, or
            ``MODULE:FUNCTION`` for your own.
        classes: C.
        size: height and width of the images.
        channels: 3 or 1.
        seed: of the initial weights.
        start: "random" or "imagenet".

    Returns:
        (B, channels, size, size) in [0, 1] -> (B, C) logits, in train mode, on the CPU.

    Raises:
        TypeError: your own function builds no network.
        ValueError: an unknown name, or a network that does not take such images.
        FileNotFoundError: trained weights that are not in torch's cache.
        ModuleNotFoundError: timm is not installed.
    """
    library, _, own = name.rpartition(":")
    if not library:
        shape, trained = (channels, size, size), None if start == "random" else start
        return build(
            name, num_classes=classes, seed=seed, input_shape=shape, weights=trained
        )
    if start != "random":
        raise ValueError(f"{name} begins with random weights alone: leave start out")
    if function := own_network(name):
        given = {"num_classes": classes, "size": size, "channels": channels}
        with initial_weights(seed):
            own_made = function(**arguments_of(name, given))
        if not isinstance(own_made, nn.Module):
            raise TypeError(f"{name} must return a torch.nn.Module, got {shown(own_made)}")
        return own_made
    if channels != 3:
        raise ValueError(f"{name} takes pictures of 3 channels, got channels={channels}")
    mean, std = MEAN, STD
    with initial_weights(seed):
        if library == "timm":
            require_extra(f"the network {name}", "timm")
            import timm

            if not timm.is_model(own):
                raise ValueError(f"timm has no network {shown(own)}")
            made: Any = timm.create_model(own, pretrained=False, num_classes=classes)
            config = getattr(made, "pretrained_cfg", None) or {}
            mean, std = config.get("mean", MEAN), config.get("std", STD)
        else:
            from torchvision import models

            if own not in models.list_models(module=models):
                raise ValueError(f"torchvision has no network {shown(own)}")
            made = models.get_model(own, weights=None, num_classes=classes)
    return normalised(made, mean, std)


def own_network(name: str) -> Callable[..., Any] | None:
    """The function that ``MODULE:FUNCTION`` names; None for the networks of libraries.

    Raises:
        ValueError: there is no such module, or nothing in it that can be called.
    """
    module, _, function = name.rpartition(":")
    if module in ("", "torchvision", "timm"):
        return None
    try:
        found: Any = importlib.import_module(module)
    except (ImportError, ValueError) as error:
        raise ValueError(
            f"the module of {shown(name)} cannot be imported ({error}). Your own network "
            "is MODULE:FUNCTION, a module of the folder you are in or an installed one; "
            "torchvision:NAME and timm:NAME are those of the libraries"
        ) from error
    for part in function.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise ValueError(
            f"{module} has no function {shown(function)} that builds a network: write "
            "MODULE:FUNCTION, such as mynets:small for def small(num_classes) in mynets.py"
        )
    return found  # type: ignore[no-any-return]


def arguments_of(name: str, given: dict[str, int]) -> dict[str, int]:
    """Those of some arguments that a function of the reader's own takes.

    Args:
        name: ``MODULE:FUNCTION``.
        given: num_classes, which it must take, and whatever else it may.

    Raises:
        ValueError: it takes no num_classes, or is not there.
    """
    function = own_network(name)
    assert function is not None
    try:
        taken = inspect.signature(function).parameters
    except (TypeError, ValueError):  # nobody knows
        return {"num_classes": given["num_classes"]}
    any_name = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values())
    if "num_classes" not in taken and not any_name:
        raise ValueError(
            f"{name} takes no num_classes: it is called with "
            f"num_classes={given['num_classes']}, and with size and channels where it has "
            "them"
        )
    return {n: v for n, v in given.items() if n in taken or any_name}


def digest_of(file: Path) -> str:
    """A part of the SHA-256 of a file, by which it is known again.

    Raises:
        OSError: it is not there, or may not be read.
    """
    return hashlib.sha256(read_plain(file, _MOST)).hexdigest()[:16]


def read_weights(file: Path) -> tuple[dict[str, Tensor], tuple[str, ...] | None]:
    """The tensors of a checkpoint, and the classes in the order of its outputs.

    Args:
        file: safetensors, or what ``torch.save(model.state_dict(), file)`` wrote.

    Returns:
        Tensors by name; class names where the file says them.

    Raises:
        OSError: it is not there, or may not be read.
        ValueError: damaged, or a file that holds more than tensors: to read that, it would
            have to be run.
    """
    content = read_plain(file, _MOST)
    start = content[8:9] == b"{"
    if start or file.suffix == ".safetensors":
        tensors = read_tensors(content, file)
        said = metadata_of(content).get("classes")
        try:
            names = None if said is None else tuple(map(str, json.loads(said)))
        except (ValueError, TypeError):
            names = None
        return tensors, names
    try:
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ValueError(
            f"teacher_weights: {file} is no file of weights alone. Pickled objects are not "
            "read, for that would run the code in them: where the network is, write "
            "torch.save(model.state_dict(), file), or safetensors.torch.save_file"
        ) from error
    if isinstance(found, dict):
        for key in ("state_dict", "model_state_dict", "model"):
            if isinstance(found.get(key), dict):
                found = found[key]
                break
    if not isinstance(found, dict) or not all(
        isinstance(t, Tensor) for t in found.values()
    ):
        raise ValueError(
            f"teacher_weights: {file} holds no state dictionary (names to tensors), but "
            f"{shown(type(found).__name__)}: write torch.save(model.state_dict(), file)"
        )
    return {str(name): tensor for name, tensor in found.items()}, None


def put_weights(
    model: nn.Module, tensors: dict[str, Tensor], file: Path, name: str
) -> None:
    """Put the weights of a checkpoint into a network.

    Args:
        model: changed in place.
        tensors: by name; the prefix of a parallel training and that of a normalisation
            around the network are allowed for.
        file: where they are from, for the message.
        name: of the network, for the message.

    Raises:
        ValueError: they are of another architecture, or not finite.
    """
    wanted = model.state_dict()
    given = {n.removeprefix("module."): t for n, t in tensors.items()}
    if wanted and not set(given) & set(wanted):
        inside = {f"network.{n}": t for n, t in given.items()}
        given = inside if set(inside) & set(wanted) else given
    wrong = [f"{n} is missing" for n in wanted if n not in given]
    wrong += [f"{n} has no place" for n in given if n not in wanted]
    wrong += [
        f"{n} is {tuple(given[n].shape)} and must be {tuple(w.shape)}"
        for n, w in wanted.items()
        if n in given and given[n].shape != w.shape
    ]
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise ValueError(
            f"teacher_weights: {file} is no checkpoint of {name}: "
            f"{'; '.join(wrong[:_SHOWN])}{more}. Name the network that it is of (the usual "
            "checkpoints of torchvision and timm belong to torchvision:NAME and timm:NAME) "
            "and mind the number of classes"
        )
    bad = [n for n, t in given.items() if t.is_floating_point() and not t.isfinite().all()]
    if bad:
        raise ValueError(f"teacher_weights: {bad[0]} in {file} holds NaN or infinity")
    model.load_state_dict(given)


def plain(model: nn.Module) -> tuple[nn.Module, dict[str, list[float]]]:
    """The network behind a normalisation of ours, whose layers have their usual names.

    Args:
        model: any network.

    Returns:
        The network inside, with "mean" and "std" of the images, one a channel; the model
        itself with nothing where it is not ``kdteach.models.normalised``.
    """
    if not isinstance(model, Normalised):
        return model, {}
    numbers = {"mean": model.mean, "std": model.std}
    return model.network, {n: [round(v, 6) for v in t.flatten().tolist()]
                           for n, t in numbers.items()}  # fmt: skip


def require_classes(
    teachers: tuple[str, ...] | None, folders: tuple[str, ...], where: str
) -> None:
    """Raise where the teacher's classes are not those of the folders, in their order.

    Args:
        teachers: in the order of its outputs; None where nobody knows.
        folders: in the order of the labels.
        where: who says the teacher's.

    Raises:
        ValueError: they differ.
    """
    if teachers is None or teachers == folders:
        return
    only = [n for n in teachers if n not in folders]
    lost = [n for n in folders if n not in teachers]
    if only or lost:
        said = [f"the teacher alone has {', '.join(map(repr, only[:5]))}"] if only else []
        said += [f"the folders alone have {', '.join(map(repr, lost[:5]))}"] if lost else []
        raise ValueError(
            f"teacher and folders have other classes ({where}): {'; '.join(said)}. Rename "
            "the folders, or take a teacher of these classes"
        )
    place = next(i for i, n in enumerate(teachers) if n != folders[i])
    raise ValueError(
        f"teacher and folders have their classes in another order ({where}): output "
        f"{place} of the teacher is {teachers[place]!r}, label {place} is "
        f"{folders[place]!r}. Sort the rows of the teacher's last layer into the order of "
        f"the folders: {list(folders)}"
    )
