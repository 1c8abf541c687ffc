"""Photographs and networks of ``bench.job``, and the count that none of its tools does."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models

SEEDS = (0, 1, 2)
ARMS = ("label-trained", "distilled")
STAGES = ("teacher", *(f"{arm}-{seed}" for seed in SEEDS for arm in ARMS))
MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)


def small() -> nn.Module:
    """The student: its first layer changes its input in place."""
    return nn.Sequential(
        nn.ReLU(inplace=True), nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(inplace=True),
        nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(inplace=True),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 8 * 8, 10),
    )  # fmt: skip


def for_keras(state: Mapping[str, Tensor]) -> list[np.ndarray]:
    """Weights in the order and the layout of ``job_keras.py``: channels last."""
    return [_turned(name, state[name].numpy()) for name in _order(state)]


def from_keras(arrays: Sequence[np.ndarray], like: nn.Module) -> dict[str, Tensor]:
    """The reverse, for a network that ``like`` is one of."""
    names = _order(like.state_dict())
    if len(names) != len(arrays):
        raise ValueError(f"{len(arrays)} arrays, the network has {len(names)}")
    return {
        name: torch.from_numpy(np.ascontiguousarray(_turned(name, array, back=True)))
        for name, array in zip(names, arrays, strict=True)
    }


def _order(state: Mapping[str, Tensor]) -> list[str]:
    """As ``Model.get_weights`` has them: a shortcut's layers stand before their twins."""
    rank = ("conv1", "bn1", "downsample.0", "conv2", "downsample.1", "bn2")
    blocks: dict[str, list[str]] = {}
    for name in state:
        if not name.endswith("num_batches_tracked"):
            block = re.match(r"layer\d\.\d", name)
            blocks.setdefault(block[0] if block else name, []).append(name)
    for block, names in blocks.items():
        if block.startswith("layer"):
            names.sort(key=lambda name: rank.index(name[9:].rpartition(".")[0]))
    return [name for names in blocks.values() for name in names]


def _turned(name: str, array: np.ndarray, back: bool = False) -> np.ndarray:
    if array.ndim == 4:
        return array.transpose(3, 2, 0, 1) if back else array.transpose(2, 3, 1, 0)
    if array.ndim == 2 and name == "8.weight":  # after Flatten: its inputs' order differs
        if back:
            return array.T.reshape(10, 8, 8, 32).transpose(0, 3, 1, 2).reshape(10, -1)
        return array.reshape(10, 32, 8, 8).transpose(0, 2, 3, 1).reshape(10, -1).T
    return array.T


def prepare(archive: Path, folder: Path, train: int, valid: int, test: int) -> str:
    """Write the photographs and the first weights; returns a checksum of both.

    Args:
        archive: a zip of JPEG files, ``.../train/CLASS/file`` and ``.../test/CLASS/file``.
        folder: gets ``pictures`` and ``start``.
        train: photographs of each class, from the archive's training part.
        valid: likewise.
        test: of each class, from its test part.
    """
    digest = hashlib.sha256()
    draw = np.random.default_rng(0)
    with zipfile.ZipFile(archive) as file:
        classes: dict[tuple[str, str], list[str]] = {}
        for name in sorted(file.namelist()):
            if name.endswith(".jpg"):
                part, label, _ = name.split("/")[-3:]
                classes.setdefault((part, label), []).append(name)
        for (source, label), names in sorted(classes.items()):
            order = draw.permutation(len(names))
            bounds = (
                {"train": (0, train), "valid": (train, train + valid)}
                if source == "train"
                else {"test": (0, test)}
            )
            for part, (first, last) in bounds.items():
                place = folder / "pictures" / part / label
                place.mkdir(parents=True, exist_ok=True)
                for name in sorted(names[i] for i in order[first:last]):
                    data = file.read(name)
                    digest.update(f"{part} {name}\n".encode() + data)
                    (place / Path(name).name).write_bytes(data)
    start = folder / "start"
    start.mkdir(exist_ok=True)
    for name, seed in (("teacher", 0), *((f"student-{s}", s) for s in SEEDS)):
        torch.manual_seed(seed)
        network = models.resnet18(num_classes=10) if name == "teacher" else small()
        state = network.state_dict()
        torch.save(state, start / f"{name}.pt")
        np.savez(start / f"{name}.npz", *for_keras(state))
        digest.update(nn.utils.parameters_to_vector(network.parameters()).detach().numpy())
    return digest.hexdigest()[:16]


def right_of(folder: Path, pictures: Path) -> dict[str, int]:
    """How many test photographs each saved network gets right, by plain PyTorch."""
    images, labels = [], []
    for number, place in enumerate(sorted((pictures / "test").iterdir())):
        for file in sorted(place.iterdir()):
            with Image.open(file) as image:
                images.append(np.asarray(image.convert("RGB"), dtype=np.float32) / 255)
            labels.append(number)
    pixels = (np.stack(images) - np.float32(MEAN)) / np.float32(STD)
    batch, truth = torch.from_numpy(pixels.transpose(0, 3, 1, 2)), torch.tensor(labels)
    found = {}
    for stage in STAGES:
        network = models.resnet18(num_classes=10) if stage == "teacher" else small()
        if (folder / f"{stage}.pt").exists():
            state = torch.load(folder / f"{stage}.pt")
        else:
            with np.load(folder / f"{stage}.npz") as file:
                state = from_keras(list(file.values()), network)
        missing = network.load_state_dict(state, strict=False).missing_keys
        if not all(name.endswith("num_batches_tracked") for name in missing):
            raise ValueError(f"{stage} lacks {missing}")
        network.eval()
        with torch.no_grad():
            said = torch.cat([network(part.clone()) for part in batch.split(250)])
        found[stage] = int((said.argmax(dim=1) == truth).sum())
    return found
