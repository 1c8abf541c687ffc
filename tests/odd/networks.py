"""Networks as people bring them, and things that are none."""

import math
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tests.odd.judge import Own
from tests.odd.material import head, seeded
from tests.odd.values import Odd, Same, Sizeless, Unprintable, refused


class Wrapped(nn.Module):
    """A good network whose answer somebody has changed."""

    def __init__(self, change: Callable[[Tensor], Any], network: nn.Module) -> None:
        super().__init__()
        self.network, self.change = network, change

    def forward(self, images: Tensor) -> Any:
        return self.change(self.network(images))


class Begins(nn.Module):
    """Something is done to the images first."""

    def __init__(self, first: Callable[[Tensor], Tensor], network: nn.Module) -> None:
        super().__init__()
        self.first, self.network = first, network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(self.first(images))


class Output(OrderedDict[str, Tensor]):
    """As Hugging Face's models return it: a dictionary with attributes."""

    @property
    def logits(self) -> Tensor:
        return self["logits"]


Named = namedtuple("Named", ("logits", "aux_logits"))


class Mean(nn.Module):
    """No weights at all."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :10] * 3


class Normed(nn.Module):
    """With BatchNorm and dropout behind the images."""

    def __init__(self, network: nn.Module, kind: torch.dtype) -> None:
        super().__init__()
        self.norm, self.drop = nn.BatchNorm2d(1, dtype=kind), nn.Dropout(0.5)
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(self.drop(self.norm(images)))


def _raises(error: Exception) -> Callable[[Tensor], Any]:
    def act(_: Tensor) -> Any:
        raise error

    return act


def _sub(x: Tensor) -> Tensor:
    return x.sub_(0.25)


def no_network() -> list[Odd]:
    """What is no network."""
    return refused(
        ("None", lambda: None),
        ("a word", lambda: "resnet18"),
        ("a class", lambda: nn.Linear),
        ("a function", lambda: lambda x: x.flatten(1)[:, :10]),
        ("its weights", lambda: dict(head().state_dict())),
        ("a list", lambda: [head()]),
        ("3", lambda: 3),
        ("a tensor", lambda: torch.zeros(3, 10)),
        ("a broken repr", Unprintable),
        ("a broken equality", Sizeless),
        ("its method", lambda: head().forward),
    )


def asked(kind: torch.dtype = torch.float64, *, names: bool = True) -> list[Odd]:
    """Odd values where a network for 8x8 digits is asked for logits.

    Args:
        kind: of the images.
        names: whether probabilities are refused.
    """

    def good() -> nn.Module:
        return head(kind=kind)

    def wrap(change: Callable[[Tensor], Any]) -> Callable[[], nn.Module]:
        return lambda: Wrapped(change, good())

    found = no_network() + refused(
        ("returns a tuple", wrap(lambda z: (z, z))),
        ("returns a list", wrap(lambda z: [z])),
        ("returns features by name", wrap(lambda z: {"features": z})),
        ("returns an empty dict", wrap(lambda z: {})),
        ("returns None", wrap(lambda z: None)),
        ("returns a number", wrap(lambda z: float(z.sum()))),
        ("returns an array", wrap(lambda z: z.detach().numpy())),
        ("returns a word", wrap(lambda z: "seven")),
        ("logits that are none", wrap(lambda z: {"logits": z.tolist()})),
        ("one output", wrap(lambda z: z[:, :1])),
        ("one number an image", wrap(lambda z: z[:, 0])),
        ("a map an image", wrap(lambda z: z[:, :, None])),
        ("one row for all", wrap(lambda z: z.mean(dim=0, keepdim=True))),
        ("one number", wrap(lambda z: z.mean())),
        ("twice the rows", wrap(lambda z: torch.cat([z, z]))),
        ("no columns", wrap(lambda z: z[:, :0])),
        ("classes", wrap(lambda z: z.argmax(dim=1))),
        ("integers", wrap(lambda z: z.long())),
        ("bool", wrap(lambda z: z > 0)),
        ("complex", wrap(lambda z: z * 1j)),
        ("sparse", wrap(lambda z: z.to_sparse())),
        ("NaN", wrap(lambda z: z * math.nan)),
        ("NaN in one row", wrap(lambda z: z.index_fill(0, torch.tensor([len(z) - 1]),
        math.nan))),
        ("infinite", wrap(lambda z: z / 0)),
        ("raises", wrap(_raises(Own("of the caller")))),
        ("raises RuntimeError", wrap(_raises(RuntimeError("of the caller")))),
        ("raises IndexError", wrap(_raises(IndexError("of the caller")))),
        ("for 28x28", lambda: seeded(lambda: nn.Sequential(nn.Flatten(),
        nn.Linear(784, 10)).to(kind))),
        ("for colours", lambda: seeded(lambda: nn.Sequential(
            nn.Conv2d(3, 10, 8), nn.Flatten()).to(kind))),
        ("of float16", lambda: head(kind=torch.float16)),
        ("of another dtype", lambda: head(
            kind=torch.float32 if kind == torch.float64 else torch.float64)),
        ("on the meta device", lambda: good().to("meta")),
    )  # fmt: skip
    if names:
        found += refused(
            ("ends in softmax", wrap(lambda z: z.softmax(dim=1))),
            ("ends in sigmoid", wrap(lambda z: z.sigmoid())),
            ("ends in nn.Softmax", lambda: nn.Sequential(good(), nn.Softmax(dim=1))),
        )
    plain = Same(good)
    found += [
        Odd("returns .logits", wrap(lambda z: Output(logits=z)), plain),
        Odd("returns a dict of logits", wrap(lambda z: {"logits": z}), plain),
        Odd("returns a named tuple", wrap(lambda z: Named(z, None)), plain),
        Odd("left in eval mode", lambda: good().eval(), plain),
        Odd("frozen", lambda: good().requires_grad_(False), plain),
        Odd("with gradients", _with_gradients(good), plain),
        Odd("changes its answer in place", wrap(lambda z: z.add_(1).sub_(1)), plain),
        Odd("begins with ReLU in place", lambda: Begins(nn.ReLU(inplace=True), good()),
            Same(lambda: Begins(nn.ReLU(), good()))),
        Odd("begins in place", lambda: Begins(_sub, good()),
            Same(lambda: Begins(lambda x: x - 0.25, good()))),
        Odd("ends in log_softmax", lambda: nn.Sequential(good(), nn.LogSoftmax(dim=1)),
            Same(lambda: Wrapped(lambda z: z - z.logsumexp(dim=1, keepdim=True), good()))),
        Odd("returns a detached answer", wrap(lambda z: z.detach()), plain),
        Odd("returns a view", wrap(lambda z: z.T.contiguous().T), plain),
        Odd("returns an expanded view", wrap(lambda z: z[:, :, None].expand(-1, -1, 2)[...,
        1]),
            plain),
        Odd("without weights", Mean, Same(lambda: Begins(lambda x: x, Mean()))),
        Odd("with BatchNorm and dropout", lambda: Normed(good(), kind),
            Same(lambda: Normed(good(), kind).eval())),
        Odd("with a hook", _hooked(good), Same(wrap(lambda z: z * 0.5))),
        Odd("with weight norm", lambda: _weight_norm(good()), plain),
        Odd("asks for no gradient", lambda: _without_gradient(good()), plain),
    ]  # fmt: skip
    return found


def _hooked(good: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        network = good()
        network.register_forward_hook(lambda *a: a[2] * 0.5)
        return network

    return make


def _with_gradients(good: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        network = good()
        for weight in network.parameters():
            weight.grad = torch.ones_like(weight)
        return network

    return make


def _weight_norm(network: nn.Module) -> nn.Module:
    nn.utils.parametrizations.weight_norm(network[1])  # type: ignore[index]
    return network


def _without_gradient(network: nn.Module) -> nn.Module:
    class Quiet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        @torch.no_grad()
        def forward(self, images: Tensor) -> Tensor:
            return self.network(images)

    return Quiet()


MODEL_NAMES = ("model", "images", "weights", "teacher", "student")
"""What names a network in a message, or what does not fit it."""
