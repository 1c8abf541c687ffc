"""What one public library computes for stored logits: its losses and their gradients.

Run with the environment of the libraries, ``make libraries``:
``python library_losses.py NAME CASE.json RESULT.json``. Each function below calls one
library as a user of it would, and returns lines of code with the loss that each gives:

- *copied*: T goes where the library says temperature, 0.9 where it asks for alpha or for
  the weight of the teacher's term. Where labels would have no weight at all, they get
  0.1. Everything else stays at its default.
- *agreeing*: the setting that makes it the loss of Hinton et al.
- *also*: a further line of which the chapter speaks.

A network that a library insists on is replaced by one that returns the stored logits.
"""

import importlib.metadata
import importlib.util
import inspect
import json
import os
import sys
import tempfile
import types
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import torch
from torch import nn
from torch.nn import functional

Lines = dict[str, tuple[str, torch.Tensor]]


class Stored(nn.Module):
    """A network that returns stored logits, whatever it is given."""

    num_classes, in_chans = 10, 3
    pretrained_cfg = types.MappingProxyType({"mean": (0.0,) * 3, "std": (1.0,) * 3})

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, *_):
        """(N, C) logits."""
        return self.logits


def pytorch_tutorial(z, v, y, t, a):
    """The lines of the tutorial, which is a page and no package."""
    soft_targets = functional.softmax(v / t, dim=-1)
    soft_prob = functional.log_softmax(z / t, dim=-1)
    divergence = torch.sum(soft_targets * (soft_targets.log() - soft_prob))
    soft = divergence / soft_prob.size()[0] * t**2
    loss = a * soft + (1 - a) * functional.cross_entropy(z, y)
    line = "soft_target_loss_weight=0.9, ce_loss_weight=0.1, T=4"
    return {"copied": (line, loss), "agreeing": (line, loss)}, None


def torch_kldivloss(z, v, y, t, a):
    """``nn.KLDivLoss`` as it comes, in the line that many scripts have."""
    log_q, p = functional.log_softmax(z / t, dim=1), functional.softmax(v / t, dim=1)
    hard = (1 - a) * functional.cross_entropy(z, y)
    first = a * t**2 * nn.KLDivLoss()(log_q, p) + hard
    second = a * t**2 * nn.KLDivLoss(reduction="batchmean")(log_q, p) + hard
    wanted = "nn.KLDivLoss{}(log_q, p)"
    return {
        "copied": (wanted.format("()"), first),
        "agreeing": (wanted.format('(reduction="batchmean")'), second),
    }, nn.KLDivLoss


def timm(z, v, y, t, a):
    """``timm.task.LogitDistillationTask``."""
    from timm.task import LogitDistillationTask

    def loss(**weights):
        task = LogitDistillationTask(
            Stored(z), Stored(v), criterion=nn.CrossEntropyLoss(), temperature=t,
            device=torch.device("cpu"), dtype=torch.float64, verbose=False, **weights,
        )  # fmt: skip
        return task(torch.zeros(len(z), 3, 2, 2, dtype=torch.float64), y)["loss"]

    line = "LogitDistillationTask(..., temperature=4.0, {})"
    return {
        "copied": (line.format("distill_loss_weight=0.9"), loss(distill_loss_weight=a)),
        "agreeing": (line.format("task_loss_weight=0.1"), loss(task_loss_weight=1 - a)),
        "also": (line.format("").replace(", )", ")"), loss()),
    }, LogitDistillationTask


def keras(z, v, y, t, a):
    """``keras.distillation`` with torch below it, in float64."""
    import keras

    keras.config.set_floatx("float64")
    classes = z.shape[1]

    def network(start):
        inputs = keras.Input((2 * classes,))
        cut = keras.layers.Lambda(lambda x: x[:, start : start + classes])
        return keras.Model(inputs, cut(inputs))

    def loss(*chosen):
        soft = keras.distillation.LogitsDistillation(t, *chosen)
        distiller = keras.distillation.Distiller(
            network(classes), network(0), soft, student_loss_weight=1 - a
        )
        hard = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        distiller.compile(loss=hard)
        both = torch.cat([z, v], dim=1)  # each network takes its half
        return distiller.compute_loss(both, y, distiller(both))

    line = "Distiller(..., LogitsDistillation(temperature=4.0{}), student_loss_weight=0.1)"
    return {
        "copied": (line.format(""), loss()),
        "agreeing": (line.format(", loss=keras.losses.KLDivergence()"),
                     loss(keras.losses.KLDivergence())),
    }, keras.distillation.LogitsDistillation  # fmt: skip


def torchdistill(z, v, y, t, a):
    """``torchdistill.losses.mid_level.KDLoss``."""
    from torchdistill.losses.mid_level import KDLoss

    def loss(alpha):
        criterion = KDLoss("fc", "output", "fc", "output", temperature=t, alpha=alpha)
        return criterion({"fc": {"output": z}}, {"fc": {"output": v}}, y)

    line = "KDLoss(..., temperature=4.0, alpha={})"
    return {
        "copied": (line.format(a), loss(a)),
        "agreeing": (line.format("0.1"), loss(1 - a)),
        "also": (line.format("0.0"), loss(0.0)),
    }, KDLoss


def kd_lib(z, v, y, t, a):
    """``KD_Lib.KD.VanillaKD``.

    KD_Lib pins packages of 2021, and its text part asks for torchtext: only the part for
    images is imported, without what the package imports at its top.
    """
    (folder,) = importlib.util.find_spec("KD_Lib").submodule_search_locations
    for name, path in (("KD_Lib", folder), ("KD_Lib.KD", f"{folder}/KD")):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [path]
    from KD_Lib.KD.vision.vanilla.vanilla_kd import VanillaKD

    def loss(**chosen):
        distiller = VanillaKD(
            Stored(v), Stored(z), None, None, None, None, temp=t, distil_weight=a, **chosen
        )
        return distiller.calculate_kd_loss(z, v, y)

    class Divergence(nn.Module):
        def forward(self, p, q):
            return functional.kl_div(q.log(), p, reduction="batchmean")

    line = "VanillaKD(..., temp=4.0, distil_weight=0.9{})"
    given = ", loss_fn=Divergence()"
    return {
        "copied": (line.format(""), loss()),
        "agreeing": (line.format(given), loss(loss_fn=Divergence())),
        "also": (line.format(", loss_fn=nn.KLDivLoss()"), loss(loss_fn=nn.KLDivLoss())),
    }, VanillaKD


def textbrewer(z, v, y, t, a):
    """``textbrewer.GeneralDistiller``, of which one batch is trained on."""
    from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig

    def answers(_, logits):
        return {"logits": logits}

    def with_labels(_, logits):
        return {"logits": logits, "losses": functional.cross_entropy(logits, y)}

    def loss(weight):
        with tempfile.TemporaryDirectory() as folder:
            distiller = GeneralDistiller(
                TrainingConfig(device="cpu", output_dir=folder),
                DistillationConfig(
                    temperature=t, kd_loss_weight=weight, hard_label_weight=1 - a
                ),
                Stored(v), Stored(z), answers, with_labels,
            )  # fmt: skip
            return distiller.train_on_batch((torch.zeros(1),), {})[0]

    line = "DistillationConfig(temperature=4, kd_loss_weight={}, hard_label_weight=0.1)"
    return {
        "copied": (line.format(a), loss(a)),
        "agreeing": (line.format("0.9 * 4**2"), loss(a * t**2)),
    }, DistillationConfig


def vit_pytorch(z, v, y, t, a):
    """``vit_pytorch.distill.DistillWrapper``; both heads of its student say the same."""
    from vit_pytorch.distill import DistillableViT, DistillWrapper

    class Student(DistillableViT):
        def __init__(self):
            nn.Module.__init__(self)
            self.dim = self.num_classes = z.shape[1]

        def forward(self, *_, **__):
            return z, z

    wrapper = DistillWrapper(teacher=Stored(v), student=Student(), temperature=t, alpha=a)
    wrapper.distill_mlp = nn.Identity()
    loss = wrapper(torch.zeros(len(z), 3, 2, 2), y)
    line = "DistillWrapper(..., temperature=4.0, alpha=0.9)"
    return {"copied": (line, loss), "agreeing": (line, loss)}, DistillWrapper


def modelopt(z, v, y, t, a):
    """``modelopt.torch.distill``: its loss and its balancer."""
    from modelopt.torch.distill import LogitsDistillationLoss, StaticLossBalancer

    def loss(**chosen):
        losses = {
            "student_loss": functional.cross_entropy(z, y),
            "LogitsDistillationLoss_0": LogitsDistillationLoss(t, **chosen)(z, v),
        }
        return StaticLossBalancer(a)(losses)

    line = "LogitsDistillationLoss(temperature=4.0{}), StaticLossBalancer(0.9)"
    return {
        "copied": (line.format(""), loss()),
        "agreeing": (line.format(', reduction="batchmean"'), loss(reduction="batchmean")),
    }, LogitsDistillationLoss


def trl(z, v, y, t, a):
    """The loss of TRL's trainer of language models, with a label term that we add."""
    from trl.experimental.gkd import GKDTrainer

    divergence = GKDTrainer.generalized_jsd_loss
    hard = (1 - a) * functional.cross_entropy(z, y)
    line = "generalized_jsd_loss(z, v, {}temperature=4.0)"
    return {
        "copied": ("0.9 * " + line.format(""), a * divergence(z, v, temperature=t) + hard),
        "agreeing": ("0.9 * 4**2 * " + line.format("beta=0.0, "),
                     a * t**2 * divergence(z, v, beta=0.0, temperature=t) + hard),
        "also": ("0.9 * 4**2 * " + line.format("beta=1.0, "),
                 a * t**2 * divergence(z, v, beta=1.0, temperature=t) + hard),
    }, divergence  # fmt: skip


LIBRARIES = {
    "PyTorch tutorial": (
        pytorch_tutorial, "torch", "pytorch/tutorials",
        "beginner_source/knowledge_distillation_tutorial.py, commit c53e7d4",
    ),
    "nn.KLDivLoss": (
        torch_kldivloss, "torch", "pytorch/pytorch", "torch/nn/modules/loss.py",
    ),
    "timm": (
        timm, "timm", "huggingface/pytorch-image-models", "timm/task/distillation.py",
    ),
    "Keras": (
        keras, "keras", "keras-team/keras", "keras/src/distillation/distillation_loss.py",
    ),
    "torchdistill": (
        torchdistill, "torchdistill", "yoshitomo-matsubara/torchdistill",
        "torchdistill/losses/mid_level.py",
    ),
    "KD_Lib": (
        kd_lib, "kd-lib", "SforAiDl/KD_Lib", "KD_Lib/KD/vision/vanilla/vanilla_kd.py",
    ),
    "TextBrewer": (
        textbrewer, "textbrewer", "airaria/TextBrewer",
        "textbrewer/distiller_general.py and losses.py",
    ),
    "vit-pytorch": (
        vit_pytorch, "vit-pytorch", "lucidrains/vit-pytorch", "vit_pytorch/distill.py",
    ),
    "ModelOpt": (
        modelopt, "nvidia-modelopt", "NVIDIA/Model-Optimizer",
        "modelopt/torch/distill/losses.py",
    ),
    "TRL": (
        trl, "trl", "huggingface/trl", "trl/experimental/gkd/gkd_trainer.py",
    ),
}  # fmt: skip


def defaults(thing):
    """The numbers and words that a signature fills in by itself."""
    if thing is None:
        return {}
    return {
        name: part.default
        for name, part in inspect.signature(thing).parameters.items()
        if isinstance(part.default, (int, float, str))
        and not isinstance(part.default, bool)
    }


def main() -> None:
    """Call one library, write what it gave."""
    name, case, result = sys.argv[1:]
    given = json.loads(Path(case).read_text(encoding="utf-8"))
    torch.set_num_threads(1)
    z, v = (
        torch.tensor(given[key], dtype=torch.float64)
        for key in ("student_logits", "teacher_logits")
    )
    z.requires_grad_()
    y = torch.tensor(given["labels"])
    function, package, repository, file = LIBRARIES[name]
    lines, thing = function(z, v, y, given["temperature"], given["alpha"])
    found = {}
    for kind, (line, loss) in lines.items():
        # two lines may share a graph: it stays for the next
        (gradient,) = torch.autograd.grad(loss, z, retain_graph=True)
        found[kind] = {
            "line": line, "value": loss.item(), "gradient": gradient.tolist(),
        }  # fmt: skip
    entry = {
        "repository": repository, "file": file, "package": package,
        "version": importlib.metadata.version(package),
        "torch": torch.__version__, "defaults": defaults(thing), "lines": found,
    }  # fmt: skip
    Path(result).write_text(json.dumps(entry), encoding="utf-8")


if __name__ == "__main__":
    main()
