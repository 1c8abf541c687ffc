"""The figures of the model card."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from kdteach.explain import saliency
from kdteach.metrics import Evaluation
from kdteach.types import ImageSet
from kdteach.workflow.numbers import scores_of
from kdteach.workflow.trials import ARMS

if TYPE_CHECKING:
    from kdteach.plots import Figure

_WON = 8  # images of each kind
_MAPPED = 6
_FEW = 20  # in a mark of the reliability diagram: luck moves it far
_MOST_CLASSES = 30


def figures(
    data: ImageSet,
    logits: dict[str, Tensor],
    models: dict[str, nn.Module],
    costs: dict[str, Any],
    numbers: dict[str, Any],
) -> dict[str, Figure]:
    """Draw what the report shows.

    Args:
        data: the pictures.
        logits: of the test pictures, by the teacher and by both exported students.
        models: both exported students, by arm, on the CPU.
        costs: of teacher and student.
        numbers: of the report.

    Returns:
        Name of the file to figure.

    Raises:
        ModuleNotFoundError: matplotlib or seaborn is not installed.
    """
    from kdteach import plots

    card, labels = plots.model_card, data.test.labels
    found = {name: Evaluation(z, labels) for name, z in logits.items()}
    made: dict[str, Figure] = {}
    made["accuracy-and-cost"] = card.accuracy_and_cost(
        {
            "teacher": (costs["teacher"]["ms"], *numbers["teacher"]["interval"]),
            **{
                f"{arm} student": (
                    costs["student"]["ms"],
                    *numbers["means"][arm]["accuracy"],
                )
                for arm in ARMS
            },
        },
        cost="milliseconds an image",
        alt="Per cent of the test pictures right over the time that one picture takes.",
    )
    if data.num_classes == 2:
        made["roc"] = card.roc(
            {name: scores_of(e.logits) for name, e in found.items()},
            (labels == 1).long().numpy(),
            alt=f"ROC curves of teacher and students, {data.classes[1]} being positive.",
        )
    elif data.num_classes <= _MOST_CLASSES:
        table = plots.class_matrix(
            found["distilled"].confusion.numpy(), data.classes, digits=0,
            label="test pictures",
            alt="How many pictures of a class the distilled student gives to another.",
        )  # fmt: skip
        for axes in table.canvas.axes[:1]:
            axes.set_xlabel("class that the student says")
        made["confusion"] = table
    made["reliability"] = card.reliability(
        {name: _sure(e) for name, e in found.items()},
        alt="How often teacher and students are right, over how sure they say they are; "
        f"marks of fewer than {_FEW} pictures are hollow.",
        few=_FEW,
    )
    mine, its = (found[arm].correct for arm in ("distilled", "label-trained"))
    for name, which, said in (
        ("images-won", mine & ~its, "the distilled student alone gets right"),
        ("images-lost", its & ~mine, "the label-trained student alone gets right"),
    ):
        rows = which.nonzero()[:_WON, 0]
        if len(rows):
            made[name] = plots.tiles(
                {"test": data.test.images[rows].float().numpy()},
                titles=[data.classes[int(labels[row])] for row in rows],
                alt=f"Some of the test pictures that {said}, each with its true class.",
            )
    if mapped := _maps(data, models, mine, its):
        made["saliency"] = mapped
    return made


def _sure(found: Evaluation) -> tuple[Any, Any]:
    confidence = torch.softmax(found.logits.double(), dim=1).max(dim=1).values
    return confidence.clamp(0, 1).numpy(), found.correct.long().numpy()


def _maps(
    data: ImageSet, models: dict[str, nn.Module], mine: Tensor, its: Tensor
) -> Figure | None:
    """Where both students look, on pictures of which one alone is right, then on others."""
    from kdteach import plots

    order = torch.cat([(mine != its).nonzero()[:, 0], (mine == its).nonzero()[:, 0]])
    rows = order[:_MAPPED]
    images, labels = data.test.images[rows], data.test.labels[rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a map that is 0 everywhere
        try:
            maps = {arm: saliency(models[arm], images, labels).values for arm in ARMS}
        except ValueError:  # a network without a gradient
            return None
    scaled = {
        arm: values / values.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12)
        for arm, values in maps.items()
    }
    return plots.maps_on_images(
        images.float().numpy(), {arm: v.numpy() for arm, v in scaled.items()},
        titles=[data.classes[int(label)] for label in labels],
        label="saliency, of its largest",
        alt="Test pictures, and how strongly each student's logit of the true class "
        "answers to each pixel.",
    )  # fmt: skip
