"""A teacher as it was after some epochs: its logits, and its weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from kdteach.experiments.design import Config
from kdteach.experiments.recipes import views_of
from kdteach.experiments.targets import Answers
from kdteach.training import teacher_logits
from kdteach.types import ImageSet

Weights = Mapping[str, Tensor]
"""A network's state by name: parameters and buffers."""


def answers_of(config: Config, model: nn.Module, data: ImageSet) -> Answers:
    """A teacher's logits on all three splits.

    Args:
        config: of the teacher; says whether it is asked about several views.
        model: the teacher.
        data: the images.
    """
    splits = {"train": data.train, "valid": data.valid, "test": data.test}
    return {
        name: teacher_logits(model, split, views=views_of(config))
        for name, split in splits.items()
        if len(split)
    }


def weights_of(network: nn.Module) -> Weights:
    """A copy of all weights of a network, by name, on the CPU.

    Args:
        network: as it is now.
    """
    return {
        name: value.detach().to("cpu", copy=True).contiguous()
        for name, value in network.state_dict().items()
    }


class Keeper:
    """Keeps a teacher's logits and weights after the epochs that a job asks for.

    Args:
        config: of the network.
        epochs: after which it is kept.
        network: whole.
        model: the part of it that is trained and asked.
        data: what that part is asked about.
    """

    def __init__(
        self,
        config: Config,
        epochs: tuple[int, ...],
        network: nn.Module,
        model: nn.Module,
        data: ImageSet,
    ) -> None:
        self.config, self.epochs, self.best = config, epochs, "choose_on" in config
        self.network, self.model, self.data = network, model, data
        self.logits: dict[int, Answers] = {}
        self.weights: dict[int, Weights] = {}

    @property
    def watches(self) -> bool:
        """Whether it looks on while the training lasts."""
        return bool(self.epochs) and not self.best

    def after(self, epoch: int) -> None:
        """Keep the network as it is now, where that is asked for.

        Args:
            epoch: that has ended.
        """
        if epoch in self.epochs:
            self._keep(epoch)

    def finish(self) -> None:
        """Keep the best epoch, to which the network has been put back."""
        if self.epochs and self.best:
            self._keep(int(str(self.config["epochs"])))

    def _keep(self, epoch: int) -> None:
        self.logits[epoch] = answers_of(self.config, self.model, self.data)
        self.weights[epoch] = weights_of(self.network)
