"""A regressor: from a student's features to the width and size of a teacher's."""

from __future__ import annotations

from typing import Self

from torch import Tensor, nn
from torch.nn import functional

from kdteach.seeding import first_weights


class Regressor(nn.Module):
    """A linear map of the channels, and maps brought to the teacher's size.

    Maps (N, C, H, W) go through a 1 x 1 convolution, vectors (N, D) and tokens (N, L, D)
    through a linear layer; a map whose teacher is a vector is averaged over its positions.

    Attributes:
        project: the layer that is trained.
    """

    def __init__(self, project: nn.Conv2d | nn.Linear) -> None:
        super().__init__()
        self.project = project

    @classmethod
    def between(cls, mine: Tensor, its: Tensor, seed: int, number: int) -> Self:
        """Make the regressor for these features.

        Args:
            mine: the student's, (N, ...).
            its: the teacher's, (N, ...).
            seed: of the initial weights, torch's own for such a layer.
            number: of the regressor; each draws from a stream of its own.

        Raises:
            ValueError: features between which no linear map is obvious.
        """
        form = f"{_form(mine)} to {_form(its)}"
        with first_weights(seed, f"regressor {number}"):
            if form == "maps to maps":
                made: nn.Conv2d | nn.Linear = nn.Conv2d(mine.shape[1], its.shape[1], 1)
            elif form in ("vectors to vectors", "tokens to tokens"):
                made = nn.Linear(mine.shape[-1], its.shape[-1])
            elif form == "maps to vectors":
                made = nn.Linear(mine.shape[1], its.shape[1])
            else:
                raise ValueError(
                    f"no regressor leads from {form}: the student's features are "
                    f"{_shape(mine)}, the teacher's {_shape(its)}"
                )
        return cls(made.to(mine.device, mine.dtype))

    def require(self, mine: Tensor, its: Tensor) -> None:
        """Raise where this regressor was made for features of another width.

        Args:
            mine: the student's, (N, ...).
            its: the teacher's, (N, ...).

        Raises:
            ValueError: it does not fit them.
        """
        width = mine.shape[-1 if _form(mine) == "tokens" else 1]
        target = its.shape[-1 if _form(its) == "tokens" else 1]
        wanted, made = self.project.weight.shape[1], self.project.weight.shape[0]
        if (width, target) != (wanted, made):
            raise ValueError(
                f"its regressor was made for {wanted} numbers of the student and {made} of "
                f"the teacher, but there are {width} and {target}: make a new objective "
                "for another network"
            )
        if _form(mine) == "tokens" and mine.shape[1] != its.shape[1]:
            raise ValueError(
                f"the student has {mine.shape[1]} tokens and the teacher {its.shape[1]}: "
                "give both the same number"
            )

    def forward(self, features: Tensor, like: Tensor) -> Tensor:
        """The student's features in the form of the teacher's.

        Args:
            features: (N, ...).
            like: the teacher's, (N, ...).
        """
        if isinstance(self.project, nn.Linear):
            if features.ndim == 4:
                features = features.mean(dim=(2, 3))
            mapped: Tensor = self.project(features)
            return mapped
        size, target = features.shape[2:], (like.shape[2], like.shape[3])
        # both change of size and 1 x 1 convolution are linear: the cheaper one goes first
        if all(a >= b for a, b in zip(size, target, strict=True)):
            if size != target:
                features = functional.adaptive_avg_pool2d(features, target)
            smaller: Tensor = self.project(features)
            return smaller
        return functional.interpolate(
            self.project(features), size=target, mode="bilinear", align_corners=False
        )


def _form(features: Tensor) -> str:
    forms = {2: "vectors", 3: "tokens", 4: "maps"}
    return forms.get(features.ndim, f"features of {features.ndim} dimensions")


def _shape(features: Tensor) -> str:
    return f"(N, {', '.join(map(str, features.shape[1:]))})"
