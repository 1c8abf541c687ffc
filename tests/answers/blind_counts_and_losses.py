"""Blind answers: counting, scoring, losses. Their author had not seen the checks."""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F

from tests.answers import wrong

# --- borrowed_features -------------------------------------------------------


@wrong(
    "check_separable_weights",
    "does not square k: a window has k * k weights, not k",
    r"k times k|k squared",
)
def _(k, inputs, outputs):
    return k * inputs + inputs * outputs


@wrong(
    "check_separable_weights",
    "gives the depthwise step one window per output channel instead of per input channel",
    r"input.? channel|\*input\*",
)
def _(k, inputs, outputs):
    return outputs * (k * k + inputs)


@wrong(
    "check_separable_weights",
    "counts the biases of both steps though weights without biases are asked for",
    r"bias",
)
def _(k, inputs, outputs):
    depthwise = torch.nn.Conv2d(inputs, inputs, k, groups=inputs)
    pointwise = torch.nn.Conv2d(inputs, outputs, 1)
    return sum(p.numel() for m in (depthwise, pointwise) for p in m.parameters())


@wrong(
    "check_inverted_weights",
    "depthwise step counted as an ordinary convolution between all wide channels",
    r"one window a|each channel on its own",
)
def _(channels, expansion):
    wide = channels * expansion
    return channels * wide + 9 * wide * wide + wide * channels


@wrong(
    "check_inverted_weights",
    "depthwise windows counted on the narrow channels instead of the expanded ones",
    r"inner channels",
)
def _(channels, expansion):
    return 2 * channels * channels * expansion + 9 * channels


@wrong(
    "check_inverted_weights",
    "two slips: leaves out the second pointwise step and takes 3 for a window "
    "instead of 3 * 3",
    r"missing|pointwise",
    r"9 weights",
)
def _(channels, expansion):
    wide = channels * expansion
    return channels * wide + 3 * wide


# --- clinic ------------------------------------------------------------------


@wrong(
    "check_weighted_f1",
    "weighs the classes by how often they were said (columns) instead of by their "
    "true size (rows)",
    r"true sizes|rows",
)
def _(confusion):
    c = np.asarray(confusion, dtype=float)
    right, true, said = np.diag(c), c.sum(axis=1), c.sum(axis=0)
    f1 = 2 * right / (true + said)
    return float(np.average(f1, weights=said))


@wrong(
    "check_weighted_f1",
    "averages precision and recall over the classes first and takes one F1 of the "
    "means, instead of the mean of the F1s",
    r"F1 of (its own|the means)|precision and recall first",
)
def _(confusion):
    c = np.asarray(confusion, dtype=float)
    right, true, said = np.diag(c), c.sum(axis=1), c.sum(axis=0)
    share = true / true.sum()
    precision, recall = (share * right / said).sum(), (share * right / true).sum()
    return float(2 * precision * recall / (precision + recall))


@wrong(
    "check_weighted_f1",
    "plain mean of the classes' F1 (macro), not weighed by their size",
    r"macro|plain mean",
)
def _(confusion):
    c = np.asarray(confusion, dtype=float)
    return float((2 * np.diag(c) / (c.sum(axis=0) + c.sum(axis=1))).mean())


@wrong(
    "check_class_weights",
    "makes the mean over the classes 1 instead of the mean over the images",
    r"over the \*?classes",
)
def _(counts):
    w = 1 / torch.as_tensor(counts, dtype=torch.float64)
    return w / w.mean()


@wrong(
    "check_class_weights",
    "forgets to divide by the number of classes, so the mean weight of an image is C",
    r"number of classes",
)
def _(counts):
    counts = torch.as_tensor(counts, dtype=torch.float64)
    return counts.sum() / counts


@wrong(
    "check_class_weights",
    "hard-codes two classes: right only for HP and SSA",
    r"divide by 2|two classes",
)
def _(counts):
    counts = torch.as_tensor(counts, dtype=torch.float64)
    return counts.sum() / (2 * counts)


# --- compression -------------------------------------------------------------


@wrong(
    "check_dense_parameters",
    "one bias per input of a layer instead of one per output",
    r"each input|one for each input",
)
def _(widths):
    return sum(a * (b + 1) for a, b in pairwise(widths))


@wrong(
    "check_dense_parameters",
    "gives biases to the input layer too, by adding all widths",
    r"gave the input a bias",
)
def _(widths):
    return sum(a * b for a, b in pairwise(widths)) + sum(widths)


@wrong(
    "check_dense_parameters",
    "empties the caller's list by popping from it",
    r"in place",
)
def _(widths):
    total, before = 0, widths.pop(0)
    while widths:
        after = widths.pop(0)
        total += (before + 1) * after
        before = after
    return total


@wrong(
    "check_conv_flops",
    "counts a product and its sum as one operation: half of the FLOPs",
    r"multiply-adds|half",
)
def _(inputs, outputs, kernel, height, width):
    return inputs * outputs * kernel**2 * height * width


@wrong(
    "check_conv_flops",
    "takes height and width for the input's size and subtracts the kernel",
    r"of the output already|takes nothing off",
)
def _(inputs, outputs, kernel, height, width):
    return 2 * inputs * outputs * kernel**2 * (height - kernel + 1) * (width - kernel + 1)


@wrong(
    "check_conv_flops",
    "two slips: kernel not squared, and the image taken as square (height twice, no width)",
    r"two dimensions|k x k",
    r"height twice",
)
def _(inputs, outputs, kernel, height, width):
    return 2 * inputs * outputs * kernel * height**2


# --- distillation_loss -------------------------------------------------------


@wrong(
    "check_kd_loss",
    "softens the student's logits in the hard term too: cross-entropy at T instead of at 1",
    r"temperature T; labels|hard term is taken at",
)
def _(student_logits, teacher_logits, labels, temperature, alpha):
    z, v = student_logits / temperature, teacher_logits / temperature
    soft = F.kl_div(F.log_softmax(z, dim=1), F.softmax(v, dim=1), reduction="batchmean")
    hard = F.cross_entropy(z, labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard


@wrong(
    "check_kd_loss",
    "soft term is the cross-entropy of p and q, not the divergence: the teacher's "
    "entropy is not subtracted",
    r"cross-entropy form",
)
def _(student_logits, teacher_logits, labels, temperature, alpha):
    p = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.cross_entropy(student_logits / temperature, p)
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard


@wrong(
    "check_kd_loss",
    "two slips: divergence in the wrong order (student || teacher), and T instead "
    "of T squared",
    r"T enters once|square",
    r"from the student to the teacher",
)
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_p = F.log_softmax(teacher_logits / temperature, dim=1)
    q = F.softmax(student_logits / temperature, dim=1)
    soft = F.kl_div(log_p, q, reduction="batchmean")
    return alpha * temperature * soft + (1 - alpha) * F.cross_entropy(
        student_logits, labels
    )


@wrong(
    "check_soft_gradient",
    "keeps T squared: forgets the 1/T of the chain rule from z / T",
    r"T squared.*chain rule",
)
def _(student_logits, teacher_logits, temperature):
    q = (student_logits / temperature).softmax(dim=1)
    p = (teacher_logits / temperature).softmax(dim=1)
    return temperature**2 * (q - p) / len(q)


@wrong(
    "check_soft_gradient",
    "gives the pull, p - q, instead of the gradient: sign",
    r"sign is wrong",
)
def _(student_logits, teacher_logits, temperature):
    q = (student_logits / temperature).softmax(dim=1)
    p = (teacher_logits / temperature).softmax(dim=1)
    return temperature * (p - q) / len(q)


@wrong(
    "check_soft_gradient",
    "two slips: divides by images times classes instead of by images only, and "
    "keeps T squared where one T cancels",
    r"T squared",
    r"number of classes",
)
def _(student_logits, teacher_logits, temperature):
    q = (student_logits / temperature).softmax(dim=1)
    p = (teacher_logits / temperature).softmax(dim=1)
    return temperature**2 * (q - p) / q.numel()


def _gradient(loss, z):
    z = z.detach().clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(z), z)
    return g.flatten()


def _random_case(n=16):
    g = torch.Generator().manual_seed(0)
    z, v = (3 * torch.randn(n, 10, generator=g, dtype=torch.float64) for _ in range(2))
    return z, v, torch.randint(10, (n,), generator=g)


def _kl(z, v, t):
    return F.kl_div(
        F.log_softmax(z / t, dim=1), F.softmax(v / t, dim=1), reduction="batchmean"
    )


@wrong(
    "check_effective_alpha",
    "takes w / (w + h) from the plain divergence: the amount of the soft term is "
    "not divided by T squared",
    r"T squared times the divergence",
)
def _(loss, temperature):
    z, v, y = _random_case()
    target = _gradient(lambda x: loss(x, v, y), z)
    soft = _gradient(lambda x: _kl(x, v, temperature), z)
    hard = _gradient(lambda x: F.cross_entropy(x, y), z)
    w, h = torch.linalg.lstsq(torch.stack([soft, hard], dim=1), target[:, None]).solution[
        :, 0
    ]
    return float(w / (w + h))


@wrong(
    "check_effective_alpha",
    "fits the values of the loss instead of its gradient, which fails where the "
    "soft term carries the teacher's entropy",
    r"values? of the loss|value and not its gradient",
)
def _(loss, temperature):
    rows, values = [], []
    g = torch.Generator().manual_seed(1)
    for _ in range(50):
        z, v = (3 * torch.randn(16, 10, generator=g, dtype=torch.float64) for _ in range(2))
        y = torch.randint(10, (16,), generator=g)
        rows.append(
            [temperature**2 * float(_kl(z, v, temperature)), float(F.cross_entropy(z, y))]
        )
        values.append(float(loss(z, v, y)))
    (a, b), *_ = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)
    return float(a / (a + b))


@wrong(
    "check_effective_alpha",
    "finds the amount h of the label and returns 1 - h, as if the two amounts "
    "always summed to 1",
    r"1 minus the weight",
)
def _(loss, temperature):
    _, v, y = _random_case()
    # at the teacher's own logits the soft term has no gradient
    both = _gradient(lambda x: loss(x, v, y), v)
    hard = _gradient(lambda x: F.cross_entropy(x, y), v)
    return 1 - float(both @ hard / (hard @ hard))
