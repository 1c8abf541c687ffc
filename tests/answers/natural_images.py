"""Answers to the exercises of *Natural images*."""

import numpy as np
import torch

from tests.answers import about

deviation = about("check_channel_deviation")
deviation.right("in one call", lambda x: x.std(dim=(0, 2, 3), correction=0))
deviation.right(
    "mean of squares less square of mean, in NumPy",
    lambda x: np.sqrt(
        np.square(np.array(x)).mean((0, 2, 3)) - np.array(x).mean((0, 2, 3)) ** 2
    ),
)
deviation.wrong(
    "the mean of the images' own", r"own deviation|dark",
    lambda x: x.std(dim=(2, 3), correction=0).mean(0),
)  # fmt: skip
deviation.wrong("torch's default", r"less one", lambda x: x.std(dim=(0, 2, 3)))
deviation.wrong("the variance", r"variance|root", lambda x: x.var((0, 2, 3), correction=0))
deviation.wrong(
    "one number for all channels", r"channel|pooled|form|shape",
    lambda x: x.std(correction=0).repeat(x.shape[1]),
)  # fmt: skip
deviation.wrong(
    "the mean not subtracted", r"mean is not subtracted",
    lambda x: x.square().mean((0, 2, 3)).sqrt(),
)  # fmt: skip
deviation.wrong(
    "place by place", r"each place",
    lambda x: x.std(dim=0, correction=0).mean((1, 2)),
)  # fmt: skip

crop = about("check_repaired_crop")


def cropped(x, tops, lefts, flipped, pad, axis=2, column="left", late=True, who=True):
    padded = torch.nn.functional.pad(x, (pad, pad, pad, pad))
    h, w = x.shape[-2:]
    out = []
    for image, top, left, flip in zip(padded, tops, lefts, flipped, strict=True):
        if not late and flip:
            image = image.flip(axis)
        first = left if column == "both" else top
        second = top if column == "top" else left
        if column == "exchanged":
            first, second = left, top
        cut = image[:, first : first + h, second : second + w]
        out.append(cut.flip(axis) if late and bool(flip) == who else cut)
    return torch.stack(out)


def by_index(x, tops, lefts, flipped, pad):
    x = np.pad(np.array(x), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    n, _, h, w = x.shape
    h, w = h - 2 * pad, w - 2 * pad
    rows = np.array(tops)[:, None] + np.arange(h)
    columns = np.array(lefts)[:, None] + np.arange(w)
    columns = np.where(np.array(flipped)[:, None], columns[:, ::-1], columns)
    return np.stack([x[i][:, rows[i]][:, :, columns[i]] for i in range(n)])


crop.right("image by image", cropped)
crop.right("with indices, in NumPy", by_index)
crop.wrong(
    "still upside down", r"upside down|left and right",
    lambda *g: cropped(*g, axis=1),
)  # fmt: skip
crop.wrong("still one corner", r"lefts|column", lambda *g: cropped(*g, column="top"))
crop.wrong("exchanged", r"exchanged", lambda *g: cropped(*g, column="exchanged"))
crop.wrong("mirrored first", r"before", lambda *g: cropped(*g, late=False))
crop.wrong("the others", r"others", lambda *g: cropped(*g, who=False))
crop.wrong("lefts twice", r"tops|row", lambda *g: cropped(*g, column="both"))

head = about("check_new_head")
head.right("the difference of the heads", lambda p, f, a, b: p + (b - a) * (f + 1))
head.right("in floats", lambda p, f, a, b: float(p - f * a - a) + f * b + b)
head.wrong("no biases", r"bias", lambda p, f, a, b: p - f * a + f * b)
head.wrong(
    "stacked on the old one", r"stacked", lambda p, f, a, b: p + a * b + b
)  # fmt: skip
head.wrong("only taken away", r"missing|away", lambda p, f, a, b: p - (f + 1) * a)
head.wrong("only added", r"still there", lambda p, f, a, b: p + (f + 1) * b)
head.wrong("the head alone", r"alone", lambda p, f, a, b: (f + 1) * b)
head.wrong(
    "the new bias forgotten", r"new head has a bias",
    lambda p, f, a, b: p - (f + 1) * a + f * b,
)  # fmt: skip
