"""Weights trained on ImageNet, from the caches of torch and of huggingface_hub.

A file in a cache is a file like any other: it may be half there, exchanged, or made to run
a program when it is unpickled. So its SHA-256 is compared with the one that its official
name holds, every time, and only tensors are read from it. Nobody is asked for a file unless
the caller allows the download.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdteach.files import read_plain, read_tensors
from kdteach.seeding import usual_tensors

HUB = "timm/resnetv2_50.a1h_in1k"
_HUB_FILE = "model.safetensors"
_LARGEST = 2**30  # bytes; the official files have a tenth of that
_REMEDY = "delete it, and allow the download with download=True (reproduce: --download)"


def imagenet_state(name: str, download: bool) -> dict[str, Tensor]:
    """The state of torchvision's trained network, from its cache or by its download.

    Args:
        name: of a network of torchvision.
        download: allow torchvision's address to be asked where the file is not there.

    Raises:
        FileNotFoundError: it is not there and may not be downloaded.
        ConnectionError: it could not be downloaded.
        ValueError: the file is not the official one.
    """
    cached = _cached(name)
    if not cached.exists():
        if not download:
            raise FileNotFoundError(
                f"the ImageNet weights of {name} are not here: {cached.name} belongs into "
                "torch's cache, the folder checkpoints of torch.hub.get_dir(). Allow "
                "torchvision to fetch them with download=True (reproduce: --download), or "
                "take weights=None."
            )
        _fetch(name, cached)
    content = read_plain(cached, _LARGEST)
    _require_official(cached.name, content)
    try:
        with usual_tensors():
            state: Any = torch.load(io.BytesIO(content), "cpu", weights_only=True)
    except Exception as error:  # damage shows in many ways, and all mean the same
        raise ValueError(
            f"{cached.name} in torch's cache is no file of weights ({error}): {_REMEDY}"
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(v, Tensor) for v in state.values()
    ):
        raise ValueError(
            f"{cached.name} in torch's cache is no table of weights: {_REMEDY}"
        )
    return state


def imagenet_name(name: str) -> str:
    """Which weights of ImageNet a network starts from.

    The official name of the file, and the first digits of the SHA-256 of the one that is
    there; in an official file both have them in common.

    Args:
        name: of a network for photographs.

    Raises:
        ValueError: no plain file is there.
    """
    if name == "resnetv2_50":
        return HUB
    cached = _cached(name)
    if not cached.exists():
        return cached.name
    state = cached.stat()
    return f"{cached.name} {_name_of(cached, state.st_mtime_ns, state.st_size)}"


@lru_cache(maxsize=16)
def _name_of(cached: Path, changed: int, size: int) -> str:  # noqa: ARG001 (of the cache)
    """The first digits of a file's SHA-256, computed once while the file stays the same."""
    return _digest(read_plain(cached, _LARGEST))[:8]


def pre_activation_state(download: bool) -> dict[str, Tensor]:
    """The state of timm's trained ResNet V2, from huggingface_hub's cache or its download.

    Args:
        download: allow the hub to be asked where the file is not there.

    Raises:
        ModuleNotFoundError: timm is not installed.
        FileNotFoundError: the file is not there and may not be downloaded.
        ConnectionError: it could not be downloaded.
        ValueError: the file is not the official one.
    """
    try:
        import huggingface_hub
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "resnetv2_50 comes from timm, which is not here: pip install 'kdteach[timm]'"
        ) from error
    cached = huggingface_hub.try_to_load_from_cache(HUB, _HUB_FILE)
    if not isinstance(cached, str):
        if not download:
            raise FileNotFoundError(
                f"the ImageNet weights of resnetv2_50 ({HUB}) are not in the cache of "
                "huggingface_hub. Allow the download with download=True, or take "
                "weights=None."
            )
        try:
            cached = huggingface_hub.hf_hub_download(HUB, _HUB_FILE)
        except (OSError, RuntimeError, ValueError) as error:
            raise ConnectionError(f"{HUB} could not be downloaded ({error})") from error
    # the cache keeps each file under its SHA-256, and links to it where links are possible
    blob = Path(cached).resolve()
    content = read_plain(blob, _LARGEST)
    if re.fullmatch("[0-9a-f]{64}", blob.name):
        if _digest(content) != blob.name:
            raise ValueError(
                f"{blob} is not the official file: its SHA-256 is not its name: {_REMEDY}"
            )
    elif os.name != "nt":
        raise ValueError(
            f"{cached} is no link into the blobs of huggingface_hub's cache, so that "
            f"nobody can tell whether it is the official file: {_REMEDY}"
        )
    return read_tensors(content, blob)


def _cached(name: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(_url(name)).name


def _url(name: str) -> str:
    from torchvision.models import get_model_weights

    url: str = get_model_weights(name).DEFAULT.url
    return url


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _require_official(file: str, content: bytes) -> None:
    """Raise unless a file has the SHA-256 whose first digits stand in its official name."""
    promised = _promised(file)
    found = _digest(content)
    if not found.startswith(promised):
        raise ValueError(
            f"{file} in torch's cache is not the official file, or only a part of it: its "
            f"SHA-256 begins with {found[: len(promised)]}: {_REMEDY}"
        )


def _promised(file: str) -> str:
    """The first digits of the SHA-256 of an official file."""
    found = re.search(r"-([0-9a-f]{8,64})\.", file)
    if found is None:
        raise ValueError(f"{file} names no SHA-256, by which the file could be checked")
    return found.group(1)


def _fetch(name: str, place: Path) -> None:
    """Download a file; it is put in place whole, once its SHA-256 is the promised one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(
            _url(name), str(place), _promised(place.name), progress=False
        )
    except (OSError, RuntimeError) as error:
        raise ConnectionError(f"{place.name} could not be downloaded ({error})") from error
