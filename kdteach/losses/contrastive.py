"""A contrastive loss with a memory: the student's embedding is to know its own teacher's.

The one loss with a state: two linear maps that are trained, and the last embedding of every
sample, so it is a module.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from kdteach.checks import (
    check_count,
    check_feature_pair,
    check_number,
    check_seed,
    check_tensor,
)
from kdteach.losses.divergence import wide
from kdteach.seeding import generator

_EPSILON = 1e-7  # added to both probabilities, as in RepDistiller


class ContrastiveLoss(nn.Module):
    r"""Contrastive representation distillation: pick one's own image out of many.

    The features of both networks go through a linear map each and are divided by their
    lengths, a and b. For image n and its own teacher's embedding against K others,

    .. math:: -\frac1N \sum_n \Big( \log h(a_n, b_n)
        + \sum_{k=1}^{K} \log (1 - h(a_n, b_{k})) \Big), \quad
        h(a, b) = \frac{e^{\langle a, b\rangle / \tau} / Z}
        {e^{\langle a, b\rangle / \tau} / Z + K / M}

    plus the same with the roles of a and b exchanged; M is the number of samples, and both
    logarithms have 1e-7 added as in the source. The embeddings of others come from a
    memory, which after each training step moves by ``1 - momentum`` towards the new ones.
    Z is the mean of the exponentials of the first batch, times M, and then stays.

    In eval mode neither Z nor the memory changes.

    Args:
        student_width: numbers of a sample in the student's features.
        teacher_width: numbers of a sample in the teacher's features.
        num_samples: M, samples in the memory; sample indices lie in [0, M).
        width: of the embeddings.
        negatives: K, others per image, drawn from all M - 1 with replacement.
        temperature: tau in [0.001, 1000].
        momentum: in [0, 1), share of the old embedding that the memory keeps.
        seed: of the linear maps, the first memory, and the others that are drawn.

    Attributes:
        student_head, teacher_head: the linear maps; both are trained with the student.
        student_memory, teacher_memory: (M, width), buffers.
        log_constants: (2,) logarithms of the two Z, NaN before the first batch; a buffer.
        steps: () training steps taken, from which the others of the next are drawn; a
            buffer.

    Raises:
        TypeError: a size that is no whole number, or a rate that is no number.
        ValueError: fewer than two samples, or a value out of range.

    Source: Tian et al. 2020 (CRD), Eqs. 17 to 19, in RepDistiller's form. Who differs:
    RepDistiller keeps tau in float32, draws the others from other classes only (give
    ``negatives`` to ``forward`` for that), and gets NaN from a feature of length 0, whose
    embedding here is 0.
    """

    log_constants: Tensor
    steps: Tensor
    student_memory: Tensor
    teacher_memory: Tensor

    def __init__(
        self,
        student_width: int,
        teacher_width: int,
        num_samples: int,
        *,
        width: int = 128,
        negatives: int = 4096,
        temperature: float = 0.07,
        momentum: float = 0.5,
        seed: int = 0,
    ) -> None:
        super().__init__()
        mine = check_count("student_width", student_width)
        its = check_count("teacher_width", teacher_width)
        self.num_samples = check_count("num_samples", num_samples, least=2)
        width = check_count("width", width)
        self.negatives = check_count("negatives", negatives)
        self.temperature = check_number("temperature", temperature, least=1e-3, most=1e3)
        self.momentum = check_number("momentum", momentum, least=0, below=1)
        self.seed = check_seed(seed)
        drawing = generator(self.seed, "contrast")
        self.student_head = _linear(mine, width, drawing)
        self.teacher_head = _linear(its, width, drawing)
        bound = 1 / math.sqrt(width / 3)
        for name in ("student_memory", "teacher_memory"):
            start = torch.rand(self.num_samples, width, generator=drawing, device="cpu")
            self.register_buffer(name, (2 * start - 1) * bound)
        self.register_buffer("log_constants", torch.full((2,), math.nan, device="cpu"))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64, device="cpu"))

    def forward(
        self,
        student_features: Tensor,
        teacher_features: Tensor,
        index: Tensor,
        negatives: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss of a batch; in train mode the memory follows.

        Args:
            student_features: (N, ...) float, all numbers of a sample are taken.
            teacher_features: (N, ...) float, same dtype; no gradient reaches them.
            index: (N,) int64 sample indices.
            negatives: (N, K) int64 sample indices of the others; drawn by default.

        Returns:
            () the sum of both directions, mean over the N images.

        Raises:
            TypeError: features that are no floats or of different dtypes, indices that are
                not int64.
            ValueError: features of another width or of other batches, NaN or infinite
                features, or indices that the memory does not hold.
        """
        check_feature_pair(student_features, teacher_features)
        self._require_width(student_features, "student")
        self._require_width(teacher_features, "teacher")
        rows = len(student_features)
        index = self._held("index", index, (rows,))
        if negatives is None:
            others = self._draw(index)
        else:
            others = self._held("negatives", negatives, (rows, None))
        return self.term(student_features, teacher_features, index, others)

    def term(
        self,
        student_features: Tensor,
        teacher_features: Tensor,
        index: Tensor,
        negatives: Tensor | None = None,
    ) -> Tensor:
        """``forward`` without its checks.

        Args:
            student_features: (N, ...).
            teacher_features: (N, ...).
            index: (N,).
            negatives: (N, K), or None to draw them.
        """
        others = self._draw(index) if negatives is None else negatives
        kind = self.student_head.weight.dtype
        with torch.autocast(student_features.device.type, enabled=False):
            mine = self._embedded(self.student_head, student_features.to(kind))
            its = self._embedded(self.teacher_head, teacher_features.detach().to(kind))
            chosen = torch.cat([index[:, None], others], dim=1)  # (N, 1 + K)
            loss = self._direction(mine, self.teacher_memory[chosen], 0)
            loss = loss + self._direction(its, self.student_memory[chosen], 1)
        if self.training:
            self._remember(self.student_memory, index, mine)
            self._remember(self.teacher_memory, index, its)
            self.steps += 1
        return loss

    def _direction(self, embedded: Tensor, known: Tensor, which: int) -> Tensor:
        """(N, D) against (N, 1 + K, D) of the memory, the first of them its own."""
        alike = torch.einsum("nkd,nd->nk", known, embedded) / self.temperature
        # through logarithms: the exponential of a product over a small tau may be too large
        count = torch.tensor(
            alike.numel() / self.num_samples, dtype=torch.float64, device="cpu"
        )
        first = alike.detach().logsumexp(dim=(0, 1)) - count.log().to(alike)
        constant = torch.where(
            self.log_constants[which].isnan(), first, self.log_constants[which]
        )
        if self.training:
            self.log_constants[which] = constant.detach()
        chance = (known.shape[1] - 1) / self.num_samples  # K / M
        relative = alike - constant
        beside = math.log(chance + _EPSILON)
        whole = torch.logaddexp(relative, torch.full_like(relative, beside))
        own, rest = relative[:, 0] - whole[:, 0], math.log(chance) - whole[:, 1:]
        return -(own.sum() + rest.sum()) / len(embedded)

    def _remember(self, memory: Tensor, index: Tensor, embedded: Tensor) -> None:
        with torch.no_grad():
            moved = self.momentum * memory[index] + (1 - self.momentum) * embedded
            memory[index] = functional.normalize(moved, dim=1)

    def _embedded(self, head: nn.Module, features: Tensor) -> Tensor:
        mapped: Tensor = head(wide(features).flatten(1))
        # by a length that has a gradient at 0 as well
        return functional.normalize(mapped, dim=1)

    def _draw(self, index: Tensor) -> Tensor:
        """(N,) to (N, K): any but the sample itself, others in every training step."""
        drawing = generator(self.seed, f"others {int(self.steps)}")
        shape = (len(index), self.negatives)
        steps = torch.randint(1, self.num_samples, shape, generator=drawing, device="cpu")
        return (index[:, None] + steps.to(index.device)) % self.num_samples

    def _require_width(self, features: Tensor, whose: str) -> None:
        head = self.student_head if whose == "student" else self.teacher_head
        width = features.flatten(1).shape[1]
        if width != head.in_features:
            raise ValueError(
                f"{whose}_features have {width} numbers a sample, this loss was made for "
                f"{whose}_width={head.in_features}"
            )

    def _held(
        self, name: str, index: Tensor, shape: tuple[int, int | None] | tuple[int]
    ) -> Tensor:
        """Indices that the memory holds, on its device."""
        check_tensor(name, index)
        if index.dtype != torch.int64:
            raise TypeError(f"{name} must be int64 sample indices, got {index.dtype}")
        fits = index.ndim == len(shape) and all(
            wanted is None or have == wanted
            for have, wanted in zip(index.shape, shape, strict=True)
        )
        if not fits or 0 in index.shape:
            wanted = ", ".join("K" if size is None else str(size) for size in shape)
            raise ValueError(f"{name} must have shape ({wanted}), got {tuple(index.shape)}")
        outside = (index < 0) | (index >= self.num_samples)
        if outside.any():
            raise ValueError(
                f"{name} holds the sample index {int(index[outside][0])}: this memory has "
                f"num_samples={self.num_samples}, so indices go from 0 to "
                f"{self.num_samples - 1}"
            )
        return index.to(self.student_memory.device)


def _linear(given: int, width: int, drawing: torch.Generator) -> nn.Linear:
    """A linear layer of torch's own initialisation, from our own random numbers."""
    made: nn.Linear = nn.utils.skip_init(nn.Linear, given, width)
    with torch.no_grad():
        for weight in made.parameters():
            drawn = torch.rand(weight.shape, generator=drawing, device="cpu")
            weight.copy_((2 * drawn - 1) / math.sqrt(given))
    return made
