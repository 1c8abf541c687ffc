"""Teachers between the runs: logits and weights, kept beside the records."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from kdteach.experiments.design import Config
from kdteach.experiments.keeping import Weights, answers_of
from kdteach.experiments.recipes import fresh_model
from kdteach.experiments.references import (
    Learned,
    Reference,
    UnreachableError,
    require_rows,
)
from kdteach.experiments.targets import Answers
from kdteach.files import open_plain, read_plain, read_tensor_file
from kdteach.models import trained_teacher
from kdteach.models.shipped import put_into
from kdteach.results import RecordError, load_logits, run_key, save_logits
from kdteach.types import ImageSet, Split
from kdteach.writing import write_whole

_MOST_LOGITS = 2**33  # bytes
_DIGEST = "kdteach.logits"  # in a file of weights: the SHA-256 of the logits beside it
_ASKED = 16  # images about which a network is asked before it is trusted


class TeacherStore:
    """Teachers by data, configuration, epoch and seed, on disk.

    Experiments on the same data share their teachers; each copy of the data has its own.
    Stores of earlier versions have logits alone: ``kdteach.experiments.recorded_teacher``
    and ``reproduce`` train such a teacher again where its weights are asked for.

    Args:
        folder: of the files.
        data: the images of a seed.
    """

    def __init__(self, folder: Path, data: Callable[[int], ImageSet]) -> None:
        self.folder, self.data = folder, data
        self._checksums: dict[Path, str] = {}  # of files of logits that are trusted

    def path(self, config: Config, epoch: int, seed: int) -> Path:
        """Where a teacher's logits are, or would be."""
        after = "best" if "choose_on" in config else epoch
        data = self.data(seed)
        name = f"{run_key({**config, 'after': after}, seed)}.safetensors"
        return self.folder / f"{data.name}-{data.checksum}" / name

    def weights_path(self, config: Config, epoch: int, seed: int) -> Path:
        """Where a teacher's weights are, or would be."""
        return self.path(config, epoch, seed).with_suffix(".weights.safetensors")

    def has(self, config: Config, epoch: int, seed: int) -> bool:
        """Say whether a teacher need not be trained for its logits."""
        return "shipped" in config or self.path(config, epoch, seed).exists()

    def has_weights(self, config: Config, epoch: int, seed: int) -> bool:
        """Say whether a teacher need not be trained for its logits and weights."""
        return "shipped" in config or (
            self.has(config, epoch, seed)
            and self.weights_path(config, epoch, seed).exists()
        )

    def get(self, config: Config, epoch: int, seed: int) -> Answers:
        """Read a teacher's logits, or compute those of a shipped one.

        Raises:
            RecordError: the file is damaged, or does not belong to these images.
            OSError: it cannot be read.
        """
        data = self.data(seed)
        if "shipped" in config:
            teacher = trained_teacher(seed, dtype=data.train.images.dtype)
            return answers_of(config, teacher, data)
        path = self.path(config, epoch, seed)
        answers = load_logits(path)
        require_rows(answers, data, path)
        return answers

    def reference(self, config: Config, epoch: int, seed: int) -> Learned:
        """Where a teacher's logits are, for a job that carries no numbers.

        Those of a shipped teacher are computed and put there first; where they cannot be,
        they are returned themselves.

        Raises:
            RecordError: the file is not the one that was stored with the weights beside it.
            OSError: it cannot be read.
        """
        path = self.path(config, epoch, seed).absolute()
        if path not in self._checksums:
            if "shipped" in config:
                answers = self.get(config, epoch, seed)
                try:
                    save_logits(path, answers)
                except OSError:
                    return answers
            checksum = _checksum(path)
            beside = _stored_digest(self.weights_path(config, epoch, seed))
            if beside is not None and beside != checksum:
                raise RecordError(
                    f"{path}: are other logits than those that were stored with the "
                    "weights beside them. Delete the file; the teacher is then trained "
                    "again."
                )
            self._checksums[path] = checksum
        return Reference(path, self._checksums[path])

    def put(
        self,
        config: Config,
        epoch: int,
        seed: int,
        logits: Answers,
        weights: Weights | None = None,
    ) -> None:
        """Keep a teacher's logits and weights.

        Each file is written whole. Killed between the two, there are new logits and no
        weights, never weights that belong to other logits.

        Raises:
            OSError: a file cannot be written.
        """
        beside = self.weights_path(config, epoch, seed)
        beside.unlink(missing_ok=True)
        path = self.path(config, epoch, seed)
        save_logits(path, logits)
        self._checksums[path.absolute()] = _checksum(path)
        if weights is not None:
            _save_weights(beside, weights, _digest(path))

    def bind(self, config: Config, epoch: int, seed: int, weights: Weights) -> None:
        """Keep weights beside logits that are there, which must be their own.

        Raises:
            RecordError: the network with these weights gives other logits; nothing is
                written.
            OSError: a file cannot be read or written.
        """
        network = self._network(config, seed, weights, "the teacher trained again")
        self._require_same(config, epoch, seed, network, "the teacher trained again")
        path = self.path(config, epoch, seed)
        _save_weights(self.weights_path(config, epoch, seed), weights, _digest(path))

    def model(self, config: Config, epoch: int, seed: int) -> nn.Module:
        """A teacher as it was when it gave its logits, for features, maps or other views.

        Returns:
            The network in eval mode, images (B, channels, H, W) -> logits (B, C).

        Raises:
            FileNotFoundError: its weights are not stored.
            RecordError: they are damaged, or do not give the logits beside them.
            OSError: a file cannot be read.
        """
        if "shipped" in config:
            return trained_teacher(seed, dtype=self.data(seed).train.images.dtype)
        path = self.weights_path(config, epoch, seed)
        try:
            stored = read_tensor_file(path)
        except ValueError as error:
            raise RecordError(f"{error}. {_remedy(path)}") from error
        digest = stored.pop(_DIGEST, None)
        logits = self.path(config, epoch, seed)
        if digest is None or not torch.equal(digest, _digest(logits)):
            raise RecordError(
                f"{path}: belongs to other logits than those in {logits.name}. "
                f"{_remedy(path)}"
            )
        network = self._network(config, seed, stored, path)
        self._require_same(config, epoch, seed, network, path)
        return network

    def _network(
        self, config: Config, seed: int, weights: Weights, where: object
    ) -> nn.Module:
        network = fresh_model(config, self.data(seed), seed)
        try:
            put_into(network, dict(weights), where)
        except ValueError as error:
            said = " ".join(str(error).split())
            raise RecordError(f"{said}. {_remedy(where)}") from error
        return network.eval()

    def _require_same(
        self, config: Config, epoch: int, seed: int, network: nn.Module, where: object
    ) -> None:
        """Raise RecordError unless a network says of a few images what the logits say."""
        data, answers = self.data(seed), self.get(config, epoch, seed)
        name = next(name for name in ("train", "valid", "test") if name in answers)
        split: Split = getattr(data, name)
        part = split.select(torch.arange(min(_ASKED, len(split)), device="cpu"))
        few = {
            n: part if n == name else part.select(torch.arange(0, device="cpu"))
            for n in _SPLITS
        }
        said = answers_of(config, network, _with(data, few))[name][part.index]
        wanted = answers[name][part.index]
        # other batches are summed in another order
        slack = 1e-8 if wanted.dtype == torch.float64 else 1e-3
        size = max(float(wanted.abs().max()), 1.0)
        apart = float((said.to(wanted) - wanted).abs().max())
        if not apart <= slack * size:
            raise RecordError(
                f"{where}: gives other logits than {self.path(config, epoch, seed)}, apart "
                f"by up to {apart:.3g}. {_remedy(where)}"
            )


def teacher_of(config: Config, logits: Reference, data: ImageSet, seed: int) -> nn.Module:
    """A stored teacher, for a student that asks it in every step.

    Args:
        config: of the teacher.
        logits: where its logits are; its weights lie beside them.
        data: the images.
        seed: of the runs.

    Returns:
        The network in eval mode, images (B, channels, H, W) -> logits (B, C).

    Raises:
        UnreachableError: its weights cannot be read here.
        RecordError: they are damaged, or belong to other logits.
    """
    if "shipped" in config:
        return trained_teacher(seed, dtype=data.train.images.dtype)
    path = logits.path.with_suffix(".weights.safetensors")
    try:
        stored = read_tensor_file(path)
    except OSError as error:
        raise UnreachableError(f"{path} cannot be read: {error}") from error
    except ValueError as error:
        raise RecordError(f"{error}. {_remedy(path)}") from error
    digest = stored.pop(_DIGEST, None)
    if digest is None or bytes(digest.tolist()).hex() != logits.checksum:
        raise RecordError(
            f"{path}: belongs to other logits than those in {logits.path.name}. "
            f"{_remedy(path)}"
        )
    network = fresh_model(config, data, seed)
    try:
        put_into(network, stored, path)
    except ValueError as error:
        raise RecordError(f"{' '.join(str(error).split())}. {_remedy(path)}") from error
    return network.eval()


_SPLITS = ("train", "valid", "test")


def _with(data: ImageSet, splits: Mapping[str, Split]) -> ImageSet:
    return ImageSet(
        data.name, splits["train"], splits["valid"], splits["test"], data.classes,
        data.checksum,
    )  # fmt: skip


def _remedy(where: object) -> str:
    if isinstance(where, Path):
        return "Delete the file; with remake=True the teacher is then trained again."
    return (
        "They are of another machine or another number of threads: delete the file, and "
        "logits and weights are both made again."
    )


def _checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(read_plain(path, _MOST_LOGITS)).hexdigest()


def _digest(path: Path) -> Tensor:
    """(32,) bytes: the SHA-256 of a file."""
    return torch.tensor(
        list(bytes.fromhex(_checksum(path))), dtype=torch.uint8, device="cpu"
    )


def _stored_digest(weights: Path) -> str | None:
    """The SHA-256 of the logits to which a file of weights belongs, None without one."""
    from safetensors import SafetensorError, safe_open

    try:
        open_plain(weights).close()
        with safe_open(weights, framework="pt") as file:
            return bytes(file.get_tensor(_DIGEST).tolist()).hex()
    except (OSError, ValueError, SafetensorError):  # whoever wants the weights will say so
        return None


def _save_weights(path: Path, weights: Weights, digest: Tensor) -> None:
    from safetensors.torch import save

    # a copy of each, for two names may share one tensor, and a file holds each whole
    tables = {name: value.detach().cpu().contiguous().clone() for name, value in
              weights.items()}  # fmt: skip
    write_whole(path, save({**tables, _DIGEST: digest}))
