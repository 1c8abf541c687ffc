"""What a training is, in words and numbers: to tell a run's checkpoint from another's."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import types
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kdteach.objectives import Objective
from kdteach.training.joined import JoinedSplits, StreamedSplits
from kdteach.training.optimizers import constant
from kdteach.training.options import Options
from kdteach.training.own_code import VERSION, own_code

Description = dict[str, str]
"""Named parts of a run, each as a text; two runs are the same where all are equal."""

_SPREADS = ("data, a spread", "validation, a spread")
_CODE = f"own code ({VERSION}), "
ADDED = _SPREADS
"""Parts that checkpoints of earlier versions lack; then they are not compared."""

_DEEPEST = 8  # things within things
_SIMPLE = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device)
_COUNTED = ("batch_size", "learning_rate", "drop_last", "precision", "clip_norm",
            "keep_best", "patience")  # fmt: skip
_ASKED = ("optimizer", "schedule", "augment", "stop")


def run_described(
    models: Sequence[nn.Module],
    objectives: Sequence[Objective],
    joined: JoinedSplits,
    watched: JoinedSplits | None,
    seeds: Sequence[int],
    options: Options,
) -> Description:
    """Describe a run by all that its result depends on, but for the initial weights.

    Args:
        models: S students.
        objectives: S of them.
        joined: what they are trained on.
        watched: what is measured after each epoch, None for nothing.
        seeds: S.
        options: of the training. The number of epochs is a part only where the learning
            rate depends on it.
    """
    goals = [_objective(objective) for objective in objectives]
    found = {
        "model": described(models[0]),
        "students": str(len(models)),
        "seed": ", ".join(map(str, seeds)),
        "data": digest_of_splits(joined),
        "validation": "None" if watched is None else digest_of_splits(watched),
        "objective": "; ".join(dict.fromkeys(goals)),
    }
    for name, data in zip(_SPREADS, (joined, watched), strict=True):
        if isinstance(data, StreamedSplits) and (digest := _known(data)):
            found[name] = digest
    if len(objectives) > 1:
        found["objectives"] = _short(_digest(goals))
    found |= {name: described(getattr(options, name)) for name in _COUNTED}
    found |= {name: described(getattr(options, name)) for name in _ASKED}
    if options.schedule is not constant:
        found["epochs"] = str(options.epochs)
    asked = {"objective": list(objectives)}
    asked |= {name: [getattr(options, name)] for name in _ASKED}
    return found | {
        f"{_CODE}{name}": code for name, thing in asked.items() if (code := own_code(thing))
    }


def comparable(name: str, there: Description, here: Description) -> bool:
    """Whether a part of two descriptions says anything about whether the runs are one.

    Code that another version of Python compiled, or none from before code counted, does
    not.

    Args:
        name: of the part.
        there: of the stored run.
        here: of this run.
    """
    if name.startswith("own code"):
        return name in there and name in here
    return name in there or name not in ADDED


def digest_of_splits(joined: JoinedSplits) -> str:
    """A short text for the images, labels and sample indices of joined splits.

    Args:
        joined: of S students.
    """
    known: dict[int, str] = {}
    for split in joined.splits:
        if id(split) not in known:
            parts = [split.fingerprints, split.labels, split.index]
            known[id(split)] = f"{len(joined)} samples, {_short(_digest(parts))}"
    return "; ".join(dict.fromkeys(known[id(split)] for split in joined.splits))


def _known(joined: StreamedSplits) -> str:
    """A short text for what sources know of themselves, empty for nothing.

    The samples at the beginning, in ``digest_of_splits``, do not tell data apart that begin
    alike.
    """
    sources = {id(source): source for source in joined.sources}.values()
    parts = [part for source in sources for part in source.known()]
    return _short(_digest(parts)) if parts else ""


def weights_digest(state: Mapping[str, Any]) -> str:
    """A short text for the tensors of a state, equal for equal ones.

    Args:
        state: by name.
    """
    return _short(_digest(dict(state)))


def described(thing: object, depth: int = 0) -> str:
    """Describe a function, an object or a number by what decides about its results.

    Tensors and networks are described by their numbers, functions by their names, constants
    and what they close over, objects by their class and attributes.

    Args:
        thing: anything.
        depth: how deep it lies in what is described.
    """
    if isinstance(thing, _SIMPLE):
        return repr(thing)
    if isinstance(thing, Tensor):
        return f"tensor {tuple(thing.shape)} {_short(_digest(thing))}"
    if isinstance(thing, nn.Module):
        state = {k: v for k, v in thing.state_dict().items() if isinstance(v, Tensor)}
        shapes = [(name, tuple(v.shape), str(v.dtype)) for name, v in state.items()]
        frozen = [p for p in thing.parameters() if not p.requires_grad]
        return f"{type(thing).__name__} {_short(_digest([str(thing), shapes, frozen]))}"
    if depth > _DEEPEST:
        return f"<{type(thing).__name__}>"
    deeper = functools.partial(described, depth=depth + 1)
    if isinstance(thing, (list, tuple, set, frozenset)):
        return f"{type(thing).__name__}({', '.join(map(deeper, thing))})"
    if isinstance(thing, Mapping):
        pairs = (f"{key!r}: {deeper(value)}" for key, value in thing.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(thing, functools.partial):
        return (
            f"partial({deeper(thing.func)}, {deeper(thing.args)}, {deeper(thing.keywords)})"
        )
    if isinstance(thing, types.MethodType):
        return f"{thing.__func__.__qualname__} of {deeper(thing.__self__)}"
    if isinstance(thing, types.FunctionType):
        return _function(thing, depth)
    if isinstance(thing, (type, types.BuiltinFunctionType)):
        return thing.__qualname__
    return f"{type(thing).__qualname__}({', '.join(_attributes(thing, depth))})"


def _objective(objective: Objective) -> str:
    if not isinstance(objective, nn.Module):
        return described(objective)
    inside = [
        f"{name}={_teacher(value) or described(value)}"
        for part in objective.modules()
        for name, value in vars(part).items()
        if not name.startswith("_") and name != "training"
    ]
    return f"{described(objective)} ({', '.join(inside)})"


def _attributes(thing: object, depth: int) -> list[str]:
    deeper = functools.partial(described, depth=depth + 1)
    if dataclasses.is_dataclass(thing):
        names = [field.name for field in dataclasses.fields(thing)]
    else:
        names = sorted(getattr(thing, "__dict__", {}))
    return [
        f"{name}={_teacher(value) or deeper(value)}"
        for name, value in ((name, getattr(thing, name, None)) for name in names)
    ]


def _teacher(value: object) -> str:
    """A network within an objective: by its weights, for it is not the one that learns."""
    networks = value if isinstance(value, tuple) else (value,)
    if not networks or not all(isinstance(network, nn.Module) for network in networks):
        return ""
    return ", ".join(
        f"{described(network)} {weights_digest(network.state_dict())}"
        for network in networks
    )


def _function(function: types.FunctionType, depth: int) -> str:
    deeper = functools.partial(described, depth=depth + 1)
    name = f"{function.__module__}.{function.__qualname__}"
    if "<" not in name:
        return name  # it is found by its name
    code = function.__code__
    constants = [c for c in code.co_consts if isinstance(c, _SIMPLE)]
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(deeper(cell.cell_contents))
        except ValueError:  # not filled yet
            cells.append("empty")
    inside = _short(_digest([constants, list(code.co_names)]))
    extra = [deeper(d) for d in function.__defaults__ or ()] + cells
    return f"{function.__qualname__} {inside} ({', '.join(extra)})"


def _digest(thing: object) -> bytes:
    """A number for tensors, and for texts and lists of them."""
    found = hashlib.blake2b(digest_size=16)

    def add(part: object) -> None:
        if isinstance(part, Tensor):
            flat = part.detach().as_subclass(Tensor).cpu().contiguous()
            found.update(f"{tuple(flat.shape)} {flat.dtype}".encode())
            found.update(flat.reshape(-1).view(torch.uint8).numpy().data)
        elif isinstance(part, Mapping):
            for key, value in part.items():
                add(repr(key))
                add(value)
        elif isinstance(part, (list, tuple)):
            found.update(f"{len(part)} parts".encode())
            for item in part:
                add(item)
        else:
            found.update(repr(part).encode())

    add(thing)
    return found.digest()


def _short(digest: bytes) -> str:
    return digest.hex()[:12]
