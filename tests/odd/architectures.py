"""Models: counts by formula, weights alike in every precision, files that are none."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.odd import networks, values
from tests.odd.material import digits, folder, head, seeded, split, table
from tests.odd.networks import MODEL_NAMES, Wrapped
from tests.odd.sweep import Function, Room, equals, found, near, nothing, require_equal

ROOM = Room("models")
SMALL = {"input_shape": (1, 8, 8), "name": "fc-6"}


def _dense(widths: list[int]) -> Callable[[Any, Any], None]:
    """Weights and biases of so many layers, and (B, C) for images."""

    def check(value: nn.Module, arguments: dict[str, Any]) -> None:
        shape = arguments.get("input_shape")
        shape = (1, 28, 28) if shape is None else shape
        count = sum(a * b + b for a, b in itertools.pairwise(widths))
        assert sum(p.numel() for p in value.parameters()) == count
        kind = next(value.parameters()).dtype
        out = value(torch.zeros(2, *(int(n) for n in shape), dtype=kind))
        assert out.shape == (2, widths[-1])
        assert value.training
        assert all(p.requires_grad for p in value.parameters())

    return check


build = ROOM.function(
    "kdteach.models.build", lambda: dict(SMALL),
    also={"name": ("network", "model"), "num_classes": ("classes",),
          "input_shape": ("images",)},
)  # fmt: skip
build.right("as it is", nothing, _dense([64, 6, 10]))
build.right("NumPy's shape", lambda: {"input_shape": np.array([1, 8, 8])},
    _dense([64, 6, 10]))  # fmt: skip
build.right("a list as shape", lambda: {"input_shape": [1, 8, 8]}, _dense([64, 6, 10]))
build.right("a Size", lambda: {"input_shape": torch.Size([1, 8, 8])}, _dense([64, 6, 10]))
build.right("linear", lambda: {"name": "linear"}, _dense([64, 10]))
build.right("three layers", lambda: {"name": "fc-3-2-4"}, _dense([64, 3, 2, 4, 10]))
build.right("two classes", lambda: {"num_classes": 2}, _dense([64, 6, 2]))
build.right("of inference mode", nothing, _dense([64, 6, 10]),
            call=lambda **a: _in_inference(**a))  # fmt: skip


def _in_inference(**arguments: Any) -> nn.Module:
    with torch.inference_mode():
        made = found("kdteach.models.build")(**arguments)
    out = made(torch.zeros(2, 1, 8, 8))
    out.sum().backward()  # its weights are fit to be trained
    made.zero_grad()
    return made


build.vary("name", values.choice("fc-6"))
build.vary("seed", values.seed())
build.vary("num_classes", values.count(4, least=2, heavy=(10**13, 10**20, 10**400)))
build.vary("dropout", values.number(0.25, lambda x: 0 <= x < 1, none=True))
build.vary("dtype", values.dtype())
build.vary("download", values.switch(on=False))
build.vary("policy", values.choice("full"))
build.circumstances()
for name in ("fc-", "fc-0", "fc--1", "fc-4-0", "fc-4-", "fc-6.5", "fc-1e3",
    "fc-99999999999999",
             "fc-" + "9" * 50, "fc-" + "-".join(["1"] * 20_000), "fc-６", "fc-4 4", "FC-6",
             "resnet", "cnn", "vgg19", "fc-6\n"):  # fmt: skip
    build.refuse(f"name: {name[:24]!r}", lambda n=name: {"name": n},
                 names=("name", "model", "network", "widths", "width"),
                 alone=len(name) > 999)  # fmt: skip
for label, shape in {
    "a number": 8, "a word": "188", "of two": (8, 8), "of four": (1, 1, 8, 8),
    "zero": (1, 0, 8),
    "negative": (1, -8, -8), "floats": (1.0, 8.0, 8.0), "bool": (True, 8, 8), "empty": (),
    "NaN": (1, math.nan, 8), "10**400": (1, 10**400, 8), "words": ("1", "8", "8"),
    "10**9": (1, 10**9, 10**9), "images": torch.zeros(1, 1, 8, 8), "a dict": {1: 8},
    "a broken length": values.Sizeless(), "None inside": (1, None, 8), "a set": {1, 8},
}.items():  # fmt: skip
    build.refuse(f"input_shape: {label}", lambda s=shape: {"input_shape": s},
                 alone=label == "10**9")  # fmt: skip
for label, change in {
    "weights of fc": {"weights": "imagenet"}, "policy of fc": {"policy": "linear_probe"},
    "dropout of linear": {"name": "linear", "dropout": 0.5},
    "dropout of a twin": {"name": "tiny-resnet", "dropout": 0.5, "input_shape": None},
    "a CNN for other images": {"name": "cnn-valid"},
    "digits of 3x3": {"name": "cnn-digits", "input_shape": (1, 3, 3)},
    "a twin for grey images": {"name": "tiny-resnet"},
}.items():  # fmt: skip
    build.refuse(label, lambda c=change: c,
                 names=(*change, "images", "weights", "channels"))  # fmt: skip


def _rounded(value: nn.Module, arguments: dict[str, Any]) -> None:
    """In float16 and float64 the numbers of float32, rounded."""
    plain = found("kdteach.models.build")(**{**arguments, "dtype": torch.float32})
    for mine, its in zip(value.parameters(), plain.parameters(), strict=True):
        require_equal(mine, its.to(mine.dtype))


for kind in (torch.float64, torch.float16, torch.bfloat16):
    build.right(f"weights in {str(kind)[6:]}", lambda k=kind: {"dtype": k}, _rounded)


def _apart(value: nn.Module, arguments: dict[str, Any]) -> None:
    other = found("kdteach.models.build")(**{**arguments, "seed": arguments["seed"] + 1})
    assert not torch.equal(next(value.parameters()), next(other.parameters()))


for seed in (0, 2**31, 2**62):
    build.right(f"seed {seed}", lambda s=seed: {"seed": s}, _apart)

# twins of networks for photographs

twin = ROOM.function(
    "kdteach.models.build",
    lambda: {"name": "tiny-mobilenet", "num_classes": 2},
    title="build('tiny-mobilenet')",
)
twin.vary("weights", [o for o in values.choice("tissues", none=True)])
twin.vary("policy", values.choice("linear_probe"))


def _policy(value: Any, arguments: dict[str, Any]) -> None:
    value.train()
    trained = [n for n, p in value.named_parameters() if p.requires_grad]
    policy = arguments["policy"]
    assert all(n.startswith("head") for n in trained) == (policy == "linear_probe")
    for name, part in value.named_modules():
        frozen = [p.requires_grad for p in part.parameters()]
        if isinstance(part, nn.BatchNorm2d) and not any(frozen):
            assert not part.training, f"{name} follows the batches"


for policy in ("full", "fine-tune", "linear_probe"):
    twin.right(policy, lambda p=policy: {"policy": p}, _policy)
twin.refuse("polyps of 3 classes", lambda: {"weights": "polyps", "num_classes": 3},
            names=("weights", "num_classes"))  # fmt: skip
twin.right("polyps", lambda: {"weights": "polyps"}, lambda value, _: _logits(value, 2))


def _logits(value: nn.Module, classes: int) -> None:
    for images in (torch.zeros(2, 3, 32, 32, dtype=torch.uint8), torch.rand(2, 3, 32, 32)):
        out = value.eval()(images)
        assert out.shape == (2, classes)
        assert bool(torch.isfinite(out).all())


# weights from a cache: code is never run, and the network never reached


def _cache(make: Callable[[Path], bytes | None]) -> Path:
    """A cache of torch's with this in place of the official file; it stays as it is."""
    place = folder() / "checkpoints"
    place.mkdir()
    content = make(place)
    if content is not None:
        (place / "resnet18-f37072fd.pth").write_bytes(content)
    return place.parent


class _Runs:
    """A pickle that makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def _with_cache(**arguments: Any) -> Any:
    before = torch.hub._hub_dir  # None: the environment says it, now and later
    torch.hub.set_dir(str(arguments.pop("cache")))
    try:
        return found("kdteach.models.build")(**arguments)
    finally:
        torch.hub._hub_dir = before


def _pickled(place: Path) -> bytes:
    import io

    buffer = io.BytesIO()
    torch.save({"fc.weight": _Runs(place / "was-here"), "x": torch.zeros(3)}, buffer)
    return buffer.getvalue()


def _random_weights(_: Path) -> bytes:
    import io

    from torchvision.models import resnet18

    buffer = io.BytesIO()
    torch.save(seeded(resnet18).state_dict(), buffer)
    return buffer.getvalue()


trained = ROOM.function(
    "kdteach.models.build",
    lambda: {"name": "resnet18", "weights": "imagenet", "num_classes": 2},
    call=_with_cache,
    title="build('resnet18')",
)
for label, content in {
    "nothing": lambda _: None, "an empty file": lambda _: b"",
    "garbage": lambda _: b"\x80\x04" * 99,
    "a page of the web": lambda _: b"<html>404</html>", "code": _pickled,
    "other weights under that name": _random_weights,
}.items():  # fmt: skip
    trained.refuse(f"in the cache: {label}", lambda c=content: {"cache": _cache(c)},
                   names=("resnet18", "resnet18-f37072fd.pth"))  # fmt: skip

for name in ("pretrained_head", "weights_name", "shipped_name"):
    named = ROOM.function(
        f"kdteach.models.{name}", lambda: {"name": "tiny-resnet", "weights": "tissues"},
        also={"name": ("network", "twin", "weights"), "weights": ("tiny-resnet",)},
    )  # fmt: skip
    for argument in ("name", "weights") if name != "shipped_name" else ():
        good = named.good()[argument]
        named.vary(argument, [o for o in values.choice(good)])
    named.circumstances()
    if name == "pretrained_head":
        named.right("as it is", nothing, lambda value, _: require_equal(
            (value.in_features, value.out_features), (64, 8)))  # fmt: skip
    elif name == "weights_name":
        named.right("as it is", nothing, lambda value, _: require_equal(value, _digest()))
    else:
        named.right("as it is", nothing, equals("tiny-resnet-tissues.safetensors"))


def _digest() -> str:
    import hashlib

    import kdteach

    home = Path(kdteach.__file__).parent / "weights"
    content = (home / "tiny-resnet-tissues.safetensors").read_bytes()
    return hashlib.sha256(content).hexdigest()[:16]


teacher = ROOM.function("kdteach.models.trained_teacher", lambda: {"seed": 3})


def _knows_digits(value: nn.Module, arguments: dict[str, Any]) -> None:
    part = digits().test.select(torch.arange(100))
    kind = arguments.get("dtype", torch.float32)
    assert next(value.parameters()).dtype == kind
    assert not value.training
    said = value(part.images.to(kind)).argmax(dim=1)
    assert float((said == part.labels).double().mean()) > 0.9


teacher.right("as it is", nothing, _knows_digits)
teacher.right("float64", lambda: {"dtype": torch.float64}, _knows_digits)
teacher.vary("seed", values.count(3, least=0, most=9))
teacher.vary("dtype", values.dtype())
teacher.circumstances()

# logits divided by a number

cooled = ROOM.function(
    "kdteach.models.TemperatureScaled", lambda: {"network": head(), "scale": 2.0},
    call=lambda **a: found("kdteach.models.TemperatureScaled")(**a)(split(4).images),
    also={"network": MODEL_NAMES},
)  # fmt: skip
cooled.right("as it is", nothing, lambda value, a: require_equal(
    value, a["network"](split(4).images) / a["scale"]))  # fmt: skip
cooled.vary("scale", values.number(2.0, lambda x: 1e-30 <= x <= 1e30))
cooled.vary("network", networks.no_network())
for label, change in {"a tuple": lambda z: (z, z), "None": lambda z: None,
                      "a dict": lambda z: {"x": z}}.items():  # fmt: skip
    cooled.refuse(f"returns {label}", lambda c=change: {"network": Wrapped(c, head())})
cooled.right("returns .logits",
             lambda: {"network": Wrapped(lambda z: networks.Output(logits=z), head())},
             lambda value, a: require_equal(value, head()(split(4).images) / 2
         ))  # fmt: skip

scale = ROOM.function("kdteach.models.scale_for",
    lambda: {"logits": table(6, 4), "sure": 0.75})  # fmt: skip


def _as_sure(value: float, arguments: dict[str, Any]) -> None:
    chances = torch.softmax(arguments["logits"].double() / value, dim=1)
    near(float(arguments["sure"]), rtol=1e-6)(float(chances.amax(dim=1).mean()), {})


scale.vary("logits", values.logits(table(6, 4)))
scale.vary("sure", values.number(0.75, lambda x: 0.25 < x < 1))
for sure in (0.2501, 0.5, 0.999):
    scale.right(f"sure = {sure}", lambda s=sure: {"sure": s}, _as_sure)
scale.right("float32", lambda: {"logits": table(6, 4).float()}, _as_sure)
scale.refuse("sure = 0.25", lambda: {"sure": 0.25})
scale.refuse("equal logits", lambda: {"logits": torch.zeros(3, 4)}, names=("logits",))
scale.refuse("one class", lambda: {"logits": table(6, 1)}, names=("sure", "logits"))
scale.circumstances()

# stacks of convolutions

stack = ROOM.function(
    "kdteach.models.deep_stack", lambda: {"kind": "plain", "depth": 2, "width": 2}
)


def _stacked(value: nn.Module, arguments: dict[str, Any]) -> None:
    convolutions = [m for m in value.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == arguments["depth"] + 1
    norms = [m for m in value.modules() if isinstance(m, nn.BatchNorm2d)]
    assert bool(norms) == (arguments["kind"] != "plain")
    out = value(torch.rand(2, 1, 8, 8))
    assert out.shape == (2, int(arguments.get("num_classes", 10)))


for kind in ("plain", "plain, normalised", "residual V1", "residual V2"):
    for depth in (2, 6):
        stack.right(f"{kind}, {depth}", lambda k=kind, d=depth: {"kind": k, "depth": d},
            _stacked)  # fmt: skip
stack.vary("kind", values.choice("plain"))
stack.vary("depth", values.count(4, least=2, heavy=(10**9, 10**20)))
for depth in (0, 1, 3, 7):
    stack.refuse(f"depth = {depth}", lambda d=depth: {"depth": d})
stack.vary("width", values.count(3, heavy=(10**8, 10**20)))
stack.vary("num_classes", values.count(3, heavy=(10**13, 10**20)))
stack.vary("seed", values.seed())
stack.circumstances()

norms = ROOM.function("kdteach.models.gradient_norms", lambda: _with_loss())


def _with_loss(change: Callable[[Tensor], Any] = lambda x: x.square().mean()) -> dict[str,
    Any]:  # fmt: skip
    model = seeded(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3)))
    return {"model": model, "loss": change(model(split(3).images.float()))}


def _by_autograd(value: list[float], arguments: dict[str, Any]) -> None:
    model = _with_loss()["model"]
    loss = model(split(3).images.float()).square().mean()
    loss.backward()
    wanted = [float(m.weight.grad.norm()) for m in model if isinstance(m, nn.Conv2d)]
    require_equal(value, wanted, rtol=1e-5)


norms.right("as it is", nothing, _by_autograd)
norms.right("no convolution", lambda: {"model": head()}, equals([]))
norms.vary("model", networks.no_network())
for label, change in {
    "an image each": lambda x: x.mean(dim=(1, 2, 3)),
    "detached": lambda x: x.detach().mean(),
    "a number": lambda x: float(x.sum()), "None": lambda x: None,
    "a tuple": lambda x: (x.sum(),),
    "a word": lambda x: "loss",
}.items():  # fmt: skip
    norms.refuse(f"loss: {label}", lambda c=change: {"loss": _with_loss(c)["loss"]})
norms.either("of another network", lambda: {"loss": _with_loss()["loss"]},
             equals([0.0, 0.0]), names=("loss", "model"))  # fmt: skip
norms.refuse("frozen", lambda: {"model": _with_loss()["model"].requires_grad_(False)})

# parts

normalise = ROOM.function(
    "kdteach.models.Normalise", lambda: {"mean": (0.5, 0.25, 0.125),
    "std": (0.5, 1.0, 2.0)},
    call=lambda **a: found("kdteach.models.Normalise")(**a)(torch.full((1, 3, 2, 2), 0.75)),
)  # fmt: skip
normalise.right("as it is", nothing, lambda value, _: require_equal(
    value[0, :, 0, 0], torch.tensor([0.5, 0.5, 0.3125])))  # fmt: skip
normalise.right("arrays", lambda: {"mean": np.array([0.5, 0.25, 0.125])}, lambda value,
    _: require_equal(
    value[0, :, 0, 0], torch.tensor([0.5, 0.5, 0.3125])))  # fmt: skip
for name in ("mean", "std"):
    for label, numbers in {
        "None": None, "one": 0.5, "two": (0.5, 0.5), "four": (0.5,) * 4, "a word": "abc",
        "NaN": (math.nan,) * 3, "words": ("a", "b", "c"), "bool": (True,) * 3, "empty": (),
        "nested": ((0.5, 0.5, 0.5),), "infinite": (math.inf,) * 3,
    }.items():  # fmt: skip
        normalise.refuse(f"{name}: {label}", lambda n=name, v=numbers: {n: v})
for value_ in (0.0, -1.0):
    normalise.refuse(f"std of {value_}", lambda v=value_: {"std": (v, 0.5, 0.5)})
pixels = ROOM.function(
    "kdteach.models.Normalise", lambda: {"images": torch.rand(2, 3, 4, 4)},
    call=lambda images: found("kdteach.models.Normalise")()(images),
)  # fmt: skip
for label, images in {
    "grey": torch.rand(2, 1, 4, 4), "one image": torch.rand(3, 4, 4),
    "integers": torch.ones(
        2, 3, 4, 4).long(), "bool": torch.ones(2, 3, 4, 4).bool(),
        "last channel": torch.rand(
        2, 4, 4, 3), "complex": torch.ones(2, 3, 4, 4) * 1j,
        "four channels": torch.rand(2, 4, 4, 4),
}.items():  # fmt: skip
    pixels.refuse(label, lambda i=images: {"images": i})


def _imagenet(value: Tensor, arguments: dict[str, Any]) -> None:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    images = arguments["images"]
    images = images / 255 if images.dtype == torch.uint8 else images
    wanted = (images - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(value.double(), wanted.double(), rtol=1e-5, atol=1e-5)


pixels.right("fractions", nothing, _imagenet)
pixels.right("bytes", lambda: {"images": torch.arange(96, dtype=torch.uint8).reshape(2, 3,
    4, 4)},
             _imagenet)  # fmt: skip
pixels.right("none", lambda: {"images": torch.zeros(0, 3, 4, 4)}, _imagenet)


def _photograph(**arguments: Any) -> Any:
    made = found("kdteach.models.BackboneWithHead")(**arguments)
    return made(torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)))


def _backbone() -> nn.Sequential:
    return seeded(lambda: nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()))


photograph = ROOM.function(
    "kdteach.models.BackboneWithHead",
    lambda: {"backbone": _backbone(), "head": seeded(lambda: nn.Linear(8, 5)),
    "trained": 1},
    call=_photograph, changes=("backbone",),
)  # fmt: skip
photograph.right("as it is", nothing, lambda value, _: require_equal(value.shape, (2, 5)))
photograph.vary("backbone", networks.no_network())
photograph.vary("head", networks.no_network())
photograph.vary("trained", values.count(1, least=0, most=2))

# how a network is asked

for name in ("ask", "answer"):
    asked = ROOM.function(
        f"kdteach.models.{name}", lambda: {"model": head(), "images": split(5).images}
    )

    def _said(value: Tensor, arguments: dict[str, Any]) -> None:
        require_equal(value, arguments["model"](arguments["images"].clone()))

    asked.right("as it is", nothing, _said)
    odd = networks.asked(names=False)
    if name == "answer":  # says nothing about what came back, as long as it is a tensor
        odd = [o for o in odd if o.stands_for is not None or o.label.startswith("returns")]
    asked.vary(
        "model",
        [o for o in odd if "NaN" not in o.label and o.label not in (
            "infinite", "with BatchNorm and dropout", "returns a detached answer",
            "one number an image")],
        names=MODEL_NAMES,
    )  # fmt: skip
taken = ROOM.function("kdteach.models.logits_in", lambda: {"output": table(3, 4)})
taken.right("as it is", nothing, equals(table(3, 4)))
for label, make in {
    "a dict": lambda z: {"logits": z, "loss": z.sum()},
    "an object": lambda z: networks.Output(logits=z),
    "a named tuple": lambda z: networks.Named(z, None),
}.items():  # fmt: skip
    taken.right(label, lambda m=make: {"output": m(table(3, 4))}, equals(table(3, 4)))
for label, output in {
    "a tuple": (table(3, 4),), "a list": [table(3, 4)], "None": None, "3": 3,
    "a word": "logits",
    "an array": table(3, 4).numpy(), "an empty dict": {}, "no logits": {"x": table(3, 4)},
    "logits in a list": {"logits": [1.0]}, "a broken repr": values.Unprintable(),
    "two of them": ({"logits": table(3, 4)}, {"logits": table(3, 4)}),
}.items():  # fmt: skip
    taken.refuse(label, lambda o=output: {"output": o}, names=("logits",))
shaped = ROOM.function(
    "kdteach.models.checked_shape", lambda: {"logits": table(3, 4), "count": 3}
)
shaped.right("as it is", nothing, equals(table(3, 4)))
shaped.vary("logits", [o for o in values.logits(table(3, 4)) if o.label not in
                       ("NaN", "inf", "-inf", "float8", "an array", "nested lists")],
            names=("logits", "model"))  # fmt: skip
shaped.refuse("other images", lambda: {"count": 4}, names=("logits",))
needed = ROOM.function(
    "kdteach.models.require_logits",
    lambda: {"model": head(), "images": split(5).images, "logits": table(5, 10)},
)
needed.right("as it is", nothing, equals(None))
needed.refuse("a softmax", lambda: _ended(nn.Softmax(1)), names=("logits",))
needed.refuse("a sigmoid", lambda: _ended(nn.Sigmoid()), names=("logits",))


def _ended(end: nn.Module) -> dict[str, Any]:
    model = nn.Sequential(head(), end)
    return {"model": model, "logits": model(split(5).images)}


needed.right("logarithms", lambda: {"logits": table(5, 10).log_softmax(1)}, equals(None))
for name, wanted in (("device_of", torch.device("cpu")), ("dtype_of", torch.float64)):
    about = ROOM.function(f"kdteach.models.{name}", lambda: {"model": head()})
    about.right("as it is", nothing, equals(wanted))
    about.right("without weights", lambda: {"model": nn.ReLU()},
                equals(torch.device("cpu") if name == "device_of" else None))  # fmt: skip
    about.circumstances()
about = ROOM.function(
    "kdteach.models.dtype_of", lambda: {"model": seeded(lambda: nn.Embedding(3, 3).half())}
)
about.right("half", nothing, equals(torch.float16))


def _modes(name: str) -> Function:
    def call(model: nn.Module, fail: bool) -> list[bool]:
        model[0].eval()
        before = [m.training for m in model.modules()]
        try:
            with found(f"kdteach.models.{name}")(model):
                inside = model.training
                model[2].train()
                if fail:
                    raise RuntimeError
        except RuntimeError:
            pass
        assert [m.training for m in model.modules()] == before
        model[0].train()
        return [inside]

    made = ROOM.function(
        f"kdteach.models.{name}",
        lambda: {"model": seeded(lambda: nn.Sequential(nn.Dropout(), nn.BatchNorm1d(3),
        nn.ReLU())),
                 "fail": False},
        call=call,
    )  # fmt: skip
    inside = name != "evaluation_mode"
    made.right("parts in other modes", nothing, equals([inside]))
    made.right("after an error", lambda: {"fail": True}, equals([inside]))
    return made


_modes("evaluation_mode")
_modes("modes_kept")


def _explained(error: Exception, images: Tensor) -> None:
    with found("kdteach.models.failures_explained")(head(), images):
        raise error


explained = ROOM.function(
    "kdteach.models.failures_explained",
    lambda: {"error": RuntimeError("shapes"), "images": split(3).images}, call=_explained,
)  # fmt: skip
for label, error in {"RuntimeError": RuntimeError("mat1 and mat2"),
                     "IndexError": IndexError("out of range")}.items():  # fmt: skip
    explained.refuse(label, lambda e=error: {"error": e}, names=("model", "images"))
explained.refuse("bytes", lambda: {"images": (split(3).images * 255).to(torch.uint8)})
explained.refuse("other dtypes", lambda: {"images": split(3).images.float()})
