r"""The divergence behind every loss with a teacher, exact at all temperatures.

At a high temperature both distributions are nearly uniform: T^2 KL then comes from
numbers that differ in their last digits, and the usual sum of p (log p - log q) loses them
all. Here nothing is subtracted that is nearly equal. With d = (z - v) / T, less its mean
under p,

.. math:: \mathrm{KL}(p \,\|\, q) = \log(1 + G), \quad
    G = \sum_i p_i (e^{d_i} - 1 - d_i), \quad
    q_i - p_i = p_i \frac{e^{d_i} - 1 - G}{1 + G},

and no term of G is negative. Computed in float64, whatever the logits are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

_SMALL, _LARGE = 1e-18, 1e100  # what the quick way says of G is exact between these
_EXPONENT = 300.0  # exp of it, up or down, is an ordinary number
_SERIES = 0.05  # below, e^d - 1 - d is taken from its series: five terms have eight digits


def exact(logits: Tensor) -> Tensor:
    """To the precision that losses are computed in: float64 where the device has it."""
    return logits if logits.device.type == "mps" else logits.double()


def wide(logits: Tensor) -> Tensor:
    """Half precision to float32; float32 and float64 as they are."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def soft_term(student: Tensor, teacher: Tensor, temperature: Tensor | float) -> Tensor:
    """T^2 KL of each image, arguments unchecked: (..., C), (..., C) -> (...).

    No gradient reaches the teacher or the temperature.

    Args:
        student: (..., C) float, finite.
        teacher: (..., C) float, finite.
        temperature: a number, or a tensor that broadcasts against (...).

    Returns:
        At least 0, and 0 for equal logits; the wider dtype of the two logits, float32 for
        half precision.
    """
    value: Tensor = _Divergence.apply(*_aligned(student, teacher, temperature), False)
    return value


def divergence(
    student: Tensor, teacher: Tensor, temperature: float, *, relative: bool = False
) -> Tensor:
    """``soft_term`` that ``torch.func`` can transform as well, which costs a little time.

    Args:
        student: (..., C) float, z; or z - v where ``relative``.
        teacher: (..., C) float, v.
        temperature: a number.
        relative: the student is given by its difference from the teacher.
    """
    arguments = _aligned(student, teacher.detach(), temperature)
    value: Tensor = _Transformable.apply(*arguments, relative)[0]
    return value


def log_softmax_exact(logits: Tensor) -> Tensor:
    """Logarithms of probabilities with all their digits, also of one that is nearly 1.

    The largest logit, from which the others are measured, is a constant 0 itself: then its
    gradient is the sum of theirs, and no difference of numbers near 1.
    """
    top = logits.argmax(dim=-1, keepdim=True)
    shifted = (logits - logits.gather(-1, top)).scatter(-1, top, 0.0)
    others = shifted.exp().scatter(-1, top, 0.0).sum(dim=-1, keepdim=True)
    return shifted - others.log1p()


def _aligned(
    student: Tensor, teacher: Tensor, temperature: Tensor | float
) -> tuple[Tensor, Tensor, Tensor | float]:
    """Logits of one shape (..., C), and a temperature that broadcasts to (...)."""
    if student.shape != teacher.shape:
        student, teacher = torch.broadcast_tensors(student, teacher)
    if not isinstance(temperature, Tensor):
        return student, teacher, float(temperature)
    if temperature.requires_grad:
        raise TypeError("the temperature is a constant: no gradient can reach it")
    mine, images = temperature.shape, student.shape[:-1]
    if len(mine) > len(images) or any(
        a not in (1, b) for a, b in zip(mine[::-1], images[::-1], strict=False)
    ):
        images = torch.broadcast_shapes(mine, images)
        student, teacher = (x.expand(*images, -1) for x in (student, teacher))
    if temperature.numel() == 1 and temperature.device.type == "cpu":
        return student, teacher, float(temperature)
    kind = torch.float32 if student.device.type == "mps" else torch.float64
    return student, teacher, temperature.to(student.device, kind)


class _Divergence(torch.autograd.Function):
    """T^2 KL and, at once, its gradient T (q - p): the backward pass only looks it up."""

    @staticmethod
    def forward(
        ctx: Any, student: Tensor, teacher: Tensor, scale: Tensor | float, relative: bool
    ) -> Tensor:
        value, gradient = _both(student, teacher, scale, relative)
        ctx.scale, ctx.relative = scale, relative
        ctx.save_for_backward(student, teacher, gradient)
        return value

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None, None]:
        return _chained(ctx, upstream), None, None, None


class _Transformable(torch.autograd.Function):
    """The same in the form that ``torch.func`` asks for."""

    @staticmethod
    def forward(
        student: Tensor, teacher: Tensor, scale: Tensor | float, relative: bool
    ) -> tuple[Tensor, Tensor]:
        return _both(student, teacher, scale, relative)

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]
    ) -> None:
        student, teacher, ctx.scale, ctx.relative = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(student, teacher, output[1])

    @staticmethod
    def backward(
        ctx: Any, upstream: Tensor, _: Tensor | None
    ) -> tuple[Tensor, None, None, None]:
        return _chained(ctx, upstream), None, None, None


def _both(
    student: Tensor, teacher: Tensor, scale: Tensor | float, relative: bool
) -> tuple[Tensor, Tensor]:
    kind = student.dtype
    if kind != teacher.dtype or kind not in (torch.float32, torch.float64):
        kind = torch.promote_types(wide(student).dtype, wide(teacher).dtype)
    quick = _quick if student.device.type == "cpu" and student.numel() else _careful
    value, gradient = quick(student, teacher, scale, relative)
    return value.to(kind), gradient.to(kind)


def _chained(ctx: Any, upstream: Tensor) -> Tensor:
    student, teacher, gradient = ctx.saved_tensors
    if torch.is_grad_enabled():  # somebody differentiates twice
        z, s = exact(student), _column(ctx.scale)
        z = exact(teacher) + z if ctx.relative else z
        moving = s * torch.softmax(z / s, dim=-1)
        gradient = gradient + (moving - moving.detach()).to(gradient.dtype)
    passed: Tensor = upstream[..., None] * gradient
    return passed.to(student.dtype)


def _column(scale: Tensor | float) -> Tensor | float:
    """Temperatures against (..., C)."""
    return scale[..., None] if isinstance(scale, Tensor) else scale


def _quick(
    student: Tensor, teacher: Tensor, scale: Tensor | float, relative: bool
) -> tuple[Tensor, Tensor]:
    """Value and gradient in few passes; images for which that is not exact, carefully.

    In a stack of small students the passes over (S, B, C) numbers are much of a step, so
    everything is done in place, and sums over classes by a product with ones: over rows of
    ten it takes a third of the time. With a single small student it is the number of calls.
    """
    z, v = exact(student), exact(teacher)
    own = z is not student  # a copy, which may be written to
    d = (z if own else z.clone()) if relative else z.sub_(v) if own else z - v
    ones, s = _ones(v.shape[-1]), _column(scale)
    inverse = 1 / s
    p = v * inverse if v is teacher else v.mul_(inverse)
    low, high = p.aminmax()
    if not -_EXPONENT < float(low) <= float(high) < _EXPONENT:
        return _careful(student, teacher, scale, relative)
    p.exp_()
    p.div_((p @ ones)[..., None])
    d.sub_((torch.mul(p, d) @ ones)[..., None]).mul_(inverse)
    grown = torch.expm1(d)
    # the mean of d is 0 up to rounding alone: that of e^d - 1 is therefore not quite G
    mean = torch.mul(p, grown) @ ones
    surplus = torch.sub(grown, d, out=d).mul_(p) @ ones  # G
    gradient = grown.sub_(mean[..., None]).mul_(p).mul_(s / mean.add_(1)[..., None])
    low, high = surplus.aminmax()
    value = surplus.log1p().mul_(scale * scale)
    if not _SMALL < float(low) <= float(high) < _LARGE:
        rest = ~((surplus > _SMALL) & (surplus < _LARGE))
        its = scale.expand(rest.shape)[rest] if isinstance(scale, Tensor) else scale
        value[rest], gradient[rest] = _careful(student[rest], teacher[rest], its, relative)
    return value, gradient


@lru_cache(maxsize=64)
def _ones(count: int) -> Tensor:
    with torch.inference_mode(False):  # it is kept, for training as well
        return torch.ones(count, dtype=torch.float64, device="cpu")


def _careful(
    student: Tensor, teacher: Tensor, scale: Tensor | float, relative: bool
) -> tuple[Tensor, Tensor]:
    """Value and gradient for any temperature and any logits.

    Everything is kept in the unit of the logits, d and not d / T: then neither T^2 nor the
    square of d / T leaves the range of the numbers.
    """
    z, v, s = exact(student), exact(teacher), _column(scale)
    d = z if relative else z - v
    top = v.argmax(dim=-1, keepdim=True)
    v = v - v.gather(-1, top)
    p = (v / s).exp()
    total = p.sum(dim=-1, keepdim=True)
    p = p / total
    d = d - d.gather(-1, top)  # a shift of all logits vanishes, without a trace of rounding
    d = d - (p * d).sum(dim=-1, keepdim=True)
    # the ordinary way: T KL as a difference of two logarithms of sums
    moved = v + d
    peak = moved.amax(dim=-1, keepdim=True)
    q = ((moved - peak) / s).exp()
    sums = q.sum(dim=-1, keepdim=True)
    q = q / sums
    far = peak + s * (sums.log() - total.log())
    apart = far > 0.5 * s  # nothing is lost where KL is that large
    # the other way: T (e^x - 1) and T^2 (e^x - 1 - x), by a series where x is small
    x = (d / s).clamp(max=1.0)
    short = x.clamp(-_SERIES, _SERIES)
    tail = torch.full_like(x, 1 / 720)
    for number in (1 / 120, 1 / 24, 1 / 6, 1 / 2):
        tail = tail * short + number
    small, large = x == short, d > s
    grown = torch.where(small, d * (1 + short * tail), s * x.expm1())
    gain = torch.where(small, d.square() * tail, s * (grown - d))
    # p e^x of a class that only the student believes in, where p itself may be 0
    believed = s * (q * (far / s).clamp(max=1.0).exp())
    gain = torch.where(large, s * (believed - p * (s + d)), p * gain)
    near = gain.sum(dim=-1, keepdim=True)  # T^2 G
    surplus = near / s / s
    ratio = torch.where(
        surplus < 1e-3, 1 - surplus * (0.5 - surplus / 3), surplus.log1p() / surplus
    )
    value = torch.where(apart, s * far, near * ratio).clamp(min=0.0).squeeze(-1)
    gradient = torch.where(
        apart | large, s * (q - p), p * (grown - near / s) / (1 + surplus)
    )
    return value, gradient
