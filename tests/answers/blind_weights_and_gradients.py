"""Blind answers, the second set: what a layer costs, and how a loss pulls.

Of somebody who knows the formulas and is careless in code, and had not seen the checks.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F

from tests.answers import wrong

# --- borrowed features


@wrong(
    "check_separable_weights",
    "forgets to square the window size: k instead of k * k",
    r"k times k",
)
def _(k, inputs, outputs):
    return k * inputs + inputs * outputs


@wrong(
    "check_separable_weights",
    "gives the depthwise part one window per output channel instead of per input channel",
    r"each \*input\* channel",
)
def _(k, inputs, outputs):
    return k**2 * outputs + inputs * outputs


@wrong(
    "check_separable_weights",
    "shares a single window among all channels in the depthwise part",
    r"window for every channel",
)
def _(k, inputs, outputs):
    return k * k + inputs * outputs


@wrong(
    "check_inverted_weights",
    "lets the depthwise part work on the narrow channels instead of the expanded ones",
    r"works on the inner channels",
)
def _(channels, expansion):
    wide = channels * expansion
    return channels * wide + 9 * channels + wide * channels


@wrong(
    "check_inverted_weights",
    "takes expansion for the number of channels in the middle instead of a factor",
    r"how many \*times\*",
)
def _(channels, expansion):
    return channels * expansion + 9 * expansion + expansion * channels


@wrong(
    "check_inverted_weights",
    "counts 3 instead of 9 weights a window, and leaves out the second pointwise "
    "convolution",
    r"pointwise convolutions is missing",
    r"9 weights",
)
def _(channels, expansion):
    wide = channels * expansion
    return channels * wide + 3 * wide


# --- clinic


@wrong(
    "check_weighted_f1",
    "weighs the classes by how often they are said (columns) instead of how often "
    "they occur (rows)",
    r"true sizes",
)
def _(confusion):
    c = torch.as_tensor(confusion).double()
    f1 = 2 * c.diagonal() / (c.sum(0) + c.sum(1))
    return float((f1 * c.sum(0)).sum() / c.sum())


@wrong(
    "check_weighted_f1",
    "divides 0 by 0 for a class that is never said, so that the answer is nan",
    r"0/0",
)
def _(confusion):
    c = torch.as_tensor(confusion).double()
    hit = c.diagonal()
    precision = hit / c.sum(0)
    recall = hit / c.sum(1)
    f1 = 2 * precision * recall / (precision + recall)
    return float((f1 * c.sum(1)).sum() / c.sum())


@wrong(
    "check_weighted_f1",
    "averages precision and recall by weights first and makes one F1 of the two averages",
    r"averaged precision and recall first",
)
def _(confusion):
    c = torch.as_tensor(confusion).double()
    w = c.sum(1) / c.sum()
    precision = (w * c.diagonal() / c.sum(0).clamp(min=1e-12)).sum()
    recall = (w * c.diagonal() / c.sum(1).clamp(min=1e-12)).sum()
    return float(2 * precision * recall / (precision + recall))


@wrong(
    "check_class_weights",
    "makes the mean weight of a class 1 instead of the mean weight of an image",
    r"mean over the \*images\* is to be 1",
)
def _(counts):
    w = 1 / torch.as_tensor(counts).double()
    return w / w.mean()


@wrong(
    "check_class_weights",
    "uses integer division, so that the weights are rounded down",
    r"cut to whole ones|not rounded",
)
def _(counts):
    counts = torch.as_tensor(counts).long()
    return counts.sum() // (len(counts) * counts)


@wrong(
    "check_class_weights",
    "forgets to divide by the number of classes",
    r"number of classes",
)
def _(counts):
    counts = torch.as_tensor(counts).double()
    return counts.sum() / counts


# --- compression


@wrong(
    "check_dense_parameters",
    "gives a bias to each unit of the layer before instead of the layer after",
    r"one bias for each input",
)
def _(widths):
    return sum(a * (b + 1) for a, b in pairwise(widths))


@wrong(
    "check_dense_parameters",
    "counts a bias for the inputs too",
    r"gave the input a bias",
)
def _(widths):
    return sum(a * b for a, b in pairwise(widths)) + sum(widths)


@wrong(
    "check_dense_parameters",
    "stops one layer too early and leaves out the last one",
    r"last layer is missing",
)
def _(widths):
    return sum((widths[i] + 1) * widths[i + 1] for i in range(len(widths) - 2))


@wrong(
    "check_conv_flops",
    "counts one sum fewer than products for each output number",
    r"one sum fewer",
)
def _(inputs, outputs, kernel, height, width):
    return (2 * inputs * kernel**2 - 1) * outputs * height * width


@wrong(
    "check_conv_flops",
    "takes height and width for those of the input and shrinks them by the kernel",
    r"takes nothing off|output already",
)
def _(inputs, outputs, kernel, height, width):
    return 2 * inputs * outputs * kernel**2 * (height - kernel + 1) * (width - kernel + 1)


@wrong(
    "check_conv_flops",
    "does not square the kernel size, and counts a product and its sum as one operation",
    r"multiply-adds",
    r"two dimensions",
)
def _(inputs, outputs, kernel, height, width):
    return inputs * outputs * kernel * height * width


# --- distillation loss


@wrong(
    "check_kd_loss",
    "takes the softmax over the images (dim=0) instead of the classes",
    r"softmax.*over the images \(dim=0\)",
)
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q = F.log_softmax(student_logits / temperature, dim=0)
    p = F.softmax(teacher_logits / temperature, dim=0)
    soft = F.kl_div(log_q, p, reduction="batchmean")
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard


@wrong(
    "check_kd_loss",
    "computes the soft term without gradient, so that the student learns nothing from "
    "the teacher",
    r"cut off by .*no_grad",
)
def _(student_logits, teacher_logits, labels, temperature, alpha):
    with torch.no_grad():
        log_q = F.log_softmax(student_logits / temperature, dim=1)
        p = F.softmax(teacher_logits / temperature, dim=1)
        soft = F.kl_div(log_q, p, reduction="batchmean")
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard


@wrong(
    "check_kd_loss",
    "applies the softmax before cross_entropy, which applies it again, and multiplies "
    "the soft term by T instead of T squared",
    r"T enters once",
    r"two softmax",
)
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q = F.log_softmax(student_logits / temperature, dim=1)
    p = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(log_q, p, reduction="batchmean")
    hard = F.cross_entropy(F.softmax(student_logits, dim=1), labels)
    return alpha * temperature * soft + (1 - alpha) * hard


@wrong(
    "check_soft_gradient",
    "gives the pull, minus the gradient, instead of the gradient",
    r"sign is wrong",
)
def _(student_logits, teacher_logits, temperature):
    p = F.softmax(teacher_logits / temperature, dim=1)
    q = F.softmax(student_logits / temperature, dim=1)
    return temperature * (p - q) / len(student_logits)


@wrong(
    "check_soft_gradient",
    "divides by the number of classes instead of the number of images",
    r"divided by the number of classes",
)
def _(student_logits, teacher_logits, temperature):
    p = F.softmax(teacher_logits / temperature, dim=1)
    q = F.softmax(student_logits / temperature, dim=1)
    return temperature * (q - p) / student_logits.shape[1]


@wrong(
    "check_soft_gradient",
    "softens only the teacher: the student's softmax is at temperature 1",
    r"student.*(temperature|softened)|`temperature` is not 1",
)
def _(student_logits, teacher_logits, temperature):
    p = F.softmax(teacher_logits / temperature, dim=1)
    q = F.softmax(student_logits, dim=1)
    return temperature * (q - p) / student_logits.shape[0]


def _amounts(loss, temperature, factor, reduction="batchmean"):
    g = torch.Generator().manual_seed(0)
    z = torch.randn(32, 10, generator=g, dtype=torch.float64).requires_grad_()
    v = torch.randn(32, 10, generator=g, dtype=torch.float64)
    y = torch.randint(10, (32,), generator=g)
    soft = factor * F.kl_div(
        F.log_softmax(z / temperature, 1),
        F.softmax(v / temperature, 1),
        reduction=reduction,
    )
    hard = F.cross_entropy(z, y)
    (total,) = torch.autograd.grad(loss(z, v, y), z)
    (a,) = torch.autograd.grad(soft, z)
    (b,) = torch.autograd.grad(hard, z)
    basis = torch.stack([a.flatten(), b.flatten()], dim=1)
    return torch.linalg.lstsq(basis, total.flatten()[:, None]).solution[:, 0]


@wrong(
    "check_effective_alpha",
    "forgets T squared: takes the share of the bare divergence's factor",
    r"weight of the divergence.*T squared",
)
def _(loss, temperature):
    w, h = _amounts(loss, temperature, 1.0)
    return float(w / (w + h))


@wrong(
    "check_effective_alpha",
    "returns the amount of the soft term without dividing by the scale",
    r"its share of both",
)
def _(loss, temperature):
    w, _ = _amounts(loss, temperature, temperature**2)
    return float(w)


@wrong(
    "check_effective_alpha",
    "compares with a divergence that is averaged over classes as well as images",
    r"averaged over the classes",
)
def _(loss, temperature):
    w, h = _amounts(loss, temperature, temperature**2, "mean")
    return float(w / (w + h))
