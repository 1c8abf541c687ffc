"""Which images a table of logits answers: a number for the pixels of each image.

Logits are looked up by sample index, and an index fits any images. So a table of teacher
logits carries the fingerprint of each image that the teacher saw, and training refuses one
whose images are others, or stand in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

_MOST = 4096  # values of an image that count; of larger images, evenly spread ones
_AT_A_TIME = 2**22  # values that are turned into numbers together: 32 MB


def fingerprints(images: Tensor, every: bool = False) -> Tensor:
    """Compute a number for the pixels of each image, the same on every device.

    The pixels count as float32, so that a set in double precision has the numbers of the
    same set in single precision. Of images with more than 4,096 values, so many evenly
    spread ones count.

    Args:
        images: (N, ...) floats or bytes.
        every: whether all values of an image count, however many there are.

    Returns:
        (N,) int64, on the CPU.
    """
    flat = images.detach().flatten(1) if images.ndim > 1 else images.detach()[:, None]
    width = flat.shape[1]
    if width > _MOST and not every:
        flat = flat[
            :,
            torch.linspace(0, width - 1, _MOST, dtype=torch.float64, device="cpu")
            .long()
            .to(flat.device),
        ]
    weights = _mixed(torch.arange(1, flat.shape[1] + 1, device="cpu")).to(flat.device) | 1
    rows = max(1, _AT_A_TIME // max(flat.shape[1], 1))
    found = []
    for part in torch.split(flat, rows):
        bits = (part.float() + 0.0).contiguous().view(torch.int32).long()  # -0 becomes 0
        found.append((bits * weights).sum(dim=1).cpu())
    return (
        _mixed(torch.cat(found))
        if found
        else torch.zeros(0, dtype=torch.int64, device="cpu")
    )


def _mixed(numbers: Tensor) -> Tensor:
    """Spread int64 numbers over their whole range; overflow wraps and is meant.

    Source: the finaliser of splitmix64, Steele, Lea and Flood 2014.
    """
    mixed = numbers * -7046029254386353131
    mixed = (mixed ^ (mixed >> 30)) * -4658895280553007687
    mixed = (mixed ^ (mixed >> 27)) * -7723592293110705685
    return mixed ^ (mixed >> 31)


_KEEPING = {
    "to",
    "double",
    "float",
    "half",
    "bfloat16",
    "cpu",
    "cuda",
    "detach",
    "contiguous",
    "type",
}
"""Methods after which a table still answers the same images, row by row."""

_ENTRYWISE = {
    "add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "lerp",
    "__radd__", "__rsub__", "__rmul__", "__rdiv__", "__rtruediv__", "neg", "negative",
    "log", "exp", "clamp",
}  # fmt: skip
"""Arithmetic that leaves each row where it is, of one table or of several."""

_WITHIN_ROWS = {"softmax", "log_softmax"}
_OVER_TABLES = {"mean", "sum", "logsumexp"}
"""What joins a stack of tables (K, N, C) to one."""


class TeacherLogits(Tensor):
    """A table of logits (N, C) that knows the images it answers.

    A tensor in every other respect. The knowledge survives a change of type or device,
    ``torch.save``, and arithmetic that leaves the rows in their places: scaling, the mean
    of several teachers, ``(a + b) / 2`` or ``torch.stack([a, b]).mean(0)``, the logarithm
    of mean probabilities. Tables that answer different images are not combined: that is a
    ValueError. Anything that may move rows gives a plain tensor; so do ``plain()`` and
    ``clone()``, on the caller's own word.

    Numbers or rows that are changed in place end the knowledge as well, also through a view
    (but not through ``.data`` or a NumPy array, which tell nobody).
    """

    _known: tuple[Tensor, int]

    @property
    def answers(self) -> Tensor | None:
        """(N,) int64, the fingerprint of the image that each row answers.

        0 where a row answers none; None where the table was changed in place.
        """
        answers, version = self._known
        return answers if version == _version(self) else None

    @classmethod
    def of(cls, logits: Tensor, answers: Tensor) -> TeacherLogits:
        """Join logits (N, C) and the fingerprints (N,) of the images they answer."""
        if logits.is_inference():  # such tensors do not count their changes
            with torch.inference_mode(False):
                logits = logits.clone()
        logits = logits.detach()
        table = logits.as_subclass(cls)
        table._known = answers, _version(logits)
        return table

    def plain(self) -> Tensor:
        """The same numbers, without a word about images."""
        return self.as_subclass(Tensor)

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Compute as a plain tensor does, and keep the knowledge where it still holds."""
        del types
        kwargs = kwargs or {}
        answers = _still_answered(getattr(func, "__name__", ""), args, kwargs)
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*args, **kwargs)
        if result is (args[0] if args else None):
            return result
        # a learned scale has a gradient, which a table would cut off
        if answers is None or not isinstance(result, Tensor) or result.requires_grad:
            return _plain(result)
        rows = result.ndim in (2, 3) and result.shape[-2] == len(answers)
        return cls.of(result, answers) if rows else _plain(result)

    def __repr__(self, **options: Any) -> str:  # type: ignore[override]
        """Look like the plain tensor."""
        text: str = self.plain().__repr__(**options)
        return text

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Be stored as a plain tensor with an attribute, which any reader may open."""
        table = self.plain().detach().clone()
        if self.answers is not None:
            table.answers = self.answers  # type: ignore[attr-defined]
        return table.__reduce_ex__(protocol)

    def __deepcopy__(self, memo: dict[int, Any]) -> TeacherLogits:
        copied, answers = self.plain().clone(), self.answers
        if answers is None:
            return copied  # type: ignore[return-value]  # it knows nothing any more
        return TeacherLogits.of(copied, answers.clone())


def _still_answered(
    name: str, args: Sequence[Any], kwargs: dict[str, Any]
) -> Tensor | None:
    """Which images the rows answer after a function, None where nobody knows.

    Raises:
        ValueError: tables that answer different images are combined.
    """
    first = args[0] if args else None
    if "out" in kwargs or first is None:
        return None
    if name in _KEEPING:
        return first.answers if isinstance(first, TeacherLogits) else None
    if name in _ENTRYWISE:
        return _common([*args, *kwargs.values()])
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    if name == "stack" and dim in (None, 0):
        return _common(first)
    if not isinstance(first, TeacherLogits):
        return None
    within = name in _WITHIN_ROWS and dim in (-1, first.ndim - 1)
    over = name in _OVER_TABLES and first.ndim == 3 and dim in (0, (0,), [0])
    return first.answers if within or over else None


def _common(operands: Sequence[Any]) -> Tensor | None:
    """The images that all the tables among some operands answer."""
    joint = None
    for table in operands:
        answers = known_answers(table) if isinstance(table, Tensor) else None
        if answers is None or joint is None or answers is joint:
            joint = joint if answers is None else answers
            continue
        if answers.shape != joint.shape:
            return None
        both = (answers != 0) & (joint != 0)
        other = both & (answers != joint)
        if other.any():
            raise ValueError(
                f"the tables of logits answer different images: {int(other.sum())} of "
                f"{len(other)} rows, the first is row {int(other.nonzero()[0])}. Make them "
                "with teacher_logits(teacher, split) for one and the same split. If these "
                "are the same samples in another form, give bare copies, logits.clone()"
            )
        joint = torch.where(both, joint, 0)
    return joint


def _version(table: Tensor) -> int:
    """How often the numbers were changed in place."""
    with torch._C.DisableTorchFunctionSubclass():
        return table._version


_LOADED = 1  # what torch counts as changes of a tensor that it has just read


def known_answers(table: object) -> Tensor | None:
    """The fingerprints of the images that a table of logits answers, where it knows them.

    Args:
        table: ``TeacherLogits``, or what was read from a file of ``torch.save``: a plain
            tensor with the attribute ``answers``; or a store.

    Returns:
        (N,) int64; None for a table that knows nothing, or was changed in place since.
    """
    answers = getattr(table, "answers", None)
    plain = isinstance(table, Tensor) and not isinstance(table, TeacherLogits)
    if plain and answers is not None and not table.is_inference():  # type: ignore[attr-defined]
        return answers if table._version <= _LOADED else None  # type: ignore[attr-defined]
    return answers


def _plain(result: Any) -> Any:
    if isinstance(result, TeacherLogits):
        return result.plain()
    if type(result) in (tuple, list):
        return type(result)(_plain(item) for item in result)
    return result
