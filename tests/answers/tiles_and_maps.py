"""Answers to *Borrowed features*, *The clinic* and the chapters that look inside."""

import numpy as np
import torch
from scipy.stats import kendalltau, pearsonr, spearmanr

from tests.answers import about

separable = about("check_separable_weights")
separable.wrong(
    "the whole convolution",
    r"whole|ordinary|usual|split|depthwise|product",
    lambda k, a, b: k * k * a * b,
)
separable.wrong(
    "k not squared", r"square|k (x|times) k|k \* k", lambda k, a, b: k * a + a * b
)
separable.wrong("pointwise forgotten", r"pointwise|1 x 1|mix", lambda k, a, b: k * k * a)
separable.wrong("depthwise forgotten", r"depthwise|window", lambda k, a, b: a * b)
separable.wrong(
    "depthwise on the outputs", r"input|output", lambda k, a, b: k * k * b + a * b
)
separable.wrong("biases", r"bias", lambda k, a, b: k * k * a + a + a * b + b)
separable.wrong(
    "multiplied instead of added",
    r"add|product|sum|multipl",
    lambda k, a, b: k * k * a * a * b,
)
separable.wrong(
    "k squared at the pointwise step too",
    r"pointwise|1 x 1",
    lambda k, a, b: k * k * a + k * k * a * b,
)
separable.wrong(
    "depthwise once for all channels",
    r"per channel|each channel|every channel",
    lambda k, a, b: k * k + a * b,
)
separable.wrong(
    "two slips: k not squared, on the outputs",
    (r"square|k (x|times) k|k \* k", r"input|output"),
    lambda k, a, b: k * b + a * b,
)
separable.right(
    "torch counts",
    lambda k, a, b: (
        torch.nn.Conv2d(a, a, k, groups=a, bias=False).weight.numel()
        + torch.nn.Conv2d(a, b, 1, bias=False).weight.numel()
    ),
)
separable.right("factored", lambda k, a, b: a * (k**2 + b))
separable.right("a NumPy number", lambda k, a, b: np.int64(k) ** 2 * a + np.int64(a) * b)

inverted = about("check_inverted_weights")
inverted.wrong(
    "the second pointwise forgotten",
    r"two|second|both|back",
    lambda c, e: c * c * e + 9 * c * e,
)
inverted.wrong(
    "the first pointwise squared in e",
    r"once|e\b|expansion|between",
    lambda c, e: c * e * c * e + 9 * c * e + c * e * c,
)
inverted.wrong(
    "depthwise on the narrow end",
    r"wide|inner|between|middle",
    lambda c, e: 2 * c * c * e + 9 * c,
)
inverted.wrong(
    "a whole convolution in the middle",
    r"depthwise|one window|per channel|each channel",
    lambda c, e: 2 * c * c * e + 9 * (c * e) ** 2,
)
inverted.wrong("3 instead of 9", r"9|3 x 3|square", lambda c, e: 2 * c * c * e + 3 * c * e)
inverted.wrong("depthwise forgotten", r"depthwise|window", lambda c, e: 2 * c * c * e)
inverted.wrong("biases", r"bias", lambda c, e: 2 * c * c * e + 9 * c * e + 2 * c * e + c)
inverted.wrong("expansion forgotten", r"expan|wide|between", lambda c, e: 2 * c * c + 9 * c)
inverted.wrong(
    "expansion as number of channels", r"times|expansion", lambda c, e: 2 * c * e + 9 * e
)
inverted.wrong(
    "expansion added", r"times|multipl|add", lambda c, e: 2 * c * (c + e) + 9 * (c + e)
)
inverted.wrong(
    "two slips: 3 instead of 9, the second pointwise forgotten",
    (r"9|3 x 3|square", r"two|second|both|back"),
    lambda c, e: c * c * e + 3 * c * e,
)


def layers(channels, expansion):
    inner = channels * expansion
    block = torch.nn.Sequential(
        torch.nn.Conv2d(channels, inner, 1, bias=False),
        torch.nn.Conv2d(inner, inner, 3, groups=inner, bias=False),
        torch.nn.Conv2d(inner, channels, 1, bias=False),
    )
    return sum(p.numel() for p in block.parameters())


inverted.right("torch counts", layers)
inverted.right("factored", lambda c, e: c * e * (2 * c + 9))
inverted.right("a float", lambda c, e: 2.0 * c**2 * e + 9.0 * c * e)

f1 = about("check_weighted_f1")


def parts(m):
    m = m.double()
    right = m.diagonal()
    precision, recall = right / m.sum(0), right / m.sum(1)
    return right, precision, recall, m.sum(1)


def zero(x):
    return torch.nan_to_num(x, nan=0.0)


def each_f1(m):
    right, _, _, sizes = parts(m)
    return 2 * right / (sizes + m.double().sum(0))


f1.wrong(
    "the plain mean: macro", r"plain|size|weight|macro|same", lambda m: each_f1(m).mean()
)
f1.wrong(
    "accuracy: micro",
    r"accuracy|share of right|micro",
    lambda m: m.diagonal().sum() / m.sum(),
)
f1.wrong(
    "weighted by what was said",
    r"said|true|row",
    lambda m: (each_f1(m) * m.double().sum(0)).sum() / m.sum(),
)
f1.wrong(
    "precision",
    r"precision|recall",
    lambda m: (zero(parts(m)[1]) * parts(m)[3]).sum() / m.sum(),
)
f1.wrong(
    "0/0 where a class is never said",
    r"0/0|never said|NaN|divi|zero",
    lambda m: (lambda r, p, q, s: ((2 * p * q / (p + q)) * s).sum() / s.sum())(*parts(m)),
)
f1.wrong(
    "the mean of precision and recall",
    r"harmonic|mean",
    lambda m: (lambda r, p, q, s: ((zero(p) + q) / 2 * s).sum() / s.sum())(*parts(m)),
)
f1.wrong(
    "the product of both",
    r"harmonic|product|divide|sum of",
    lambda m: (lambda r, p, q, s: (2 * zero(p) * q * s).sum() / s.sum())(*parts(m)),
)
f1.wrong(
    "without the 2",
    r"2|half|twice|two",
    lambda m: (each_f1(m) / 2 * m.double().sum(1)).sum() / m.sum(),
)
f1.wrong("a value a class", r"shape|mean|each class|one number", each_f1)
f1.wrong(
    "not divided by all images",
    r"divide|sum|mean|all",
    lambda m: (each_f1(m) * m.double().sum(1)).sum(),
)
f1.wrong(
    "the second class alone", r"both|every|all|one class|second", lambda m: each_f1(m)[1]
)
f1.wrong(
    "in per cent",
    r"per cent|percent|fraction",
    lambda m: 100 * (each_f1(m) * m.double().sum(1)).sum() / m.sum(),
)
f1.wrong(
    "two slips: macro and 0/0",
    (r"plain|size|weight|macro|same", r"0/0|never said|NaN|zero"),
    lambda m: (lambda r, p, q, s: (2 * p * q / (p + q)).mean())(*parts(m)),
)
f1.wrong(
    "F1 of mean precision and mean recall",
    r"each class|class by class|first|per class",
    lambda m: (lambda p, r: 2 * p * r / (p + r))(
        (zero(parts(m)[1]) * parts(m)[3]).sum() / m.sum(),
        (parts(m)[2] * parts(m)[3]).sum() / m.sum(),
    ),
)


def by_classes(confusion):
    m = confusion.tolist()
    total, value = sum(map(sum, m)), 0.0
    for k in range(len(m)):
        said = sum(row[k] for row in m)
        true = sum(m[k])
        precision = m[k][k] / said if said else 0.0
        recall = m[k][k] / true if true else 0.0
        both = precision + recall
        value += true / total * (2 * precision * recall / both if both else 0.0)
    return value


def by_sklearn(confusion):
    from sklearn.metrics import f1_score

    true, said = [], []
    for i, row in enumerate(confusion.tolist()):
        for j, n in enumerate(row):
            true += [i] * int(n)
            said += [j] * int(n)
    return f1_score(true, said, average="weighted", zero_division=0)


def by_numpy(confusion):
    m = np.array(confusion, dtype=float)
    with np.errstate(all="ignore"):
        value = 2 * np.diag(m) / (m.sum(0) + m.sum(1))
    return np.average(np.nan_to_num(value), weights=m.sum(1))


f1.right("class by class", by_classes)
f1.right("scikit-learn", by_sklearn)
f1.right("NumPy", by_numpy)

weigh = about("check_class_weights")
weigh.wrong("one over counts", r"mean|1\b|scale", lambda n: 1 / n)
weigh.wrong("sum over counts", r"number of classes|classes|mean", lambda n: n.sum() / n)
weigh.wrong(
    "more for the frequent", r"rare|frequent|invers|other way", lambda n: n / n.sum()
)
weigh.wrong(
    "normalised over classes to sum 1", r"image|classes", lambda n: (1 / n) / (1 / n).sum()
)
weigh.wrong(
    "normalised over classes to mean 1",
    r"image|classes",
    lambda n: (1 / n) / (1 / n).mean(),
)
weigh.wrong("the largest gets 1", r"mean|largest|1\b", lambda n: n.max() / n)
weigh.wrong("the smallest gets 1", r"mean|smallest|1\b", lambda n: n.min() / n)
weigh.wrong("roots", r"root", lambda n: (n.sum() / (len(n) * n)) ** 0.5)
weigh.wrong(
    "the complement", r"1 -|complement|share|proportion|same", lambda n: 1 - n / n.sum()
)
weigh.wrong(
    "frequent ones more, mean 1",
    r"rare|frequent|invers|other way",
    lambda n: len(n) * n / n.sum(),
)
weigh.wrong(
    "divided by classes twice", r"classes|mean", lambda n: n.sum() / (len(n) ** 2 * n)
)
weigh.wrong(
    "always two classes", r"two|number of classes|classes", lambda n: n.sum() / (2 * n)
)
weigh.right("mean over counts", lambda n: n.double().mean() / n)
weigh.right("NumPy", lambda n: np.sum(np.array(n)) / (len(n) * np.array(n)))
weigh.right("lists", lambda n: [sum(n.tolist()) / len(n) / x for x in n.tolist()])
weigh.right(
    "normalised by images",
    lambda n: (1 / n) / ((1 / n * n).sum() / n.sum()),
)

inside = about("check_points_inside")


def row_and_column(v, m):
    i = int(v.argmax())
    return bool(m[i // v.shape[1], i % v.shape[1]])


inside.wrong(
    "divided by the height instead of the width",
    r"height|width|W\b|divid",
    lambda v, m: bool(
        m[
            min(int(v.argmax()) // v.shape[0], m.shape[0] - 1),
            min(int(v.argmax()) % v.shape[0], m.shape[1] - 1),
        ]
    ),
)
inside.wrong(
    "row sums and column sums apart",
    r"row|column|single|pixel|apart",
    lambda v, m: bool(m[v.sum(1).argmax(), v.sum(0).argmax()]),
)
inside.wrong(
    "row maximum and column of the first row",
    r"row|column|pixel|apart",
    lambda v, m: bool(m[v.argmax(0)[0], v.argmax(1)[0]]),
)
inside.wrong(
    "the smallest", r"smallest|largest", lambda v, m: bool(m.flatten()[v.argmin()])
)
inside.wrong(
    "the largest absolute value",
    r"absolute|negative|sign",
    lambda v, m: bool(m.flatten()[v.abs().argmax()]),
)
inside.wrong(
    "the sum inside against outside",
    r"sum|mean|largest|one pixel|single",
    lambda v, m: bool(v[m.bool()].sum() > v[~m.bool()].sum()),
)
inside.wrong(
    "the mean inside against outside",
    r"mean|largest|one pixel|single",
    lambda v, m: bool(v[m.bool()].mean() > v[~m.bool()].mean()),
)
inside.wrong(
    "the value at the first marked pixel",
    r"largest|first",
    lambda v, m: bool((v * m).max() > 0),
)
inside.wrong(
    "the map is positive somewhere inside",
    r"largest|any|somewhere",
    lambda v, m: bool((v[m.bool()] > 0).any()),
)
inside.wrong(
    "outside",
    r"outside|other way|inside|opposite|not",
    lambda v, m: not bool(m.flatten()[v.argmax()]),
)
inside.wrong(
    "the share of the map inside",
    r"True or False",
    lambda v, m: v[m.bool()].sum() / v.sum(),
)
inside.wrong(
    "the mask's own maximum",
    r"mask",
    lambda v, m: bool(v.argmax() == m.int().argmax()),
)
inside.wrong(
    "transposed",
    r"transpos|row|column|turn",
    lambda v, m: bool(m.T.flatten()[v.argmax()]),
)
inside.right("row and column", row_and_column)
inside.right("unravel_index", lambda v, m: m[torch.unravel_index(v.argmax(), v.shape)])
inside.right(
    "np.unravel_index",
    lambda v, m: m.numpy()[np.unravel_index(np.argmax(v.numpy()), v.shape)].astype(bool),
)
inside.right("where", lambda v, m: m[tuple((v == v.max()).nonzero()[0])].bool())


def scan(values, mask):
    best, where = -np.inf, (0, 0)
    for i, row in enumerate(values.tolist()):
        for j, value in enumerate(row):
            if value > best:
                best, where = value, (i, j)
    return bool(mask[where])


inside.right("two loops", scan)

linear = about("check_linear_saliency")
linear.wrong("no absolute value", r"absolute|sign|negative", lambda w, c: w[c])
linear.wrong("a column", r"row|column|shape", lambda w, c: w[:, c].abs())
linear.wrong("squared", r"square", lambda w, c: w[c] ** 2)
linear.wrong("all classes", r"class|shape", lambda w, c: w.abs())
linear.wrong("the sum over classes", r"class|sum", lambda w, c: w.abs().sum(0))
linear.wrong("the largest over classes", r"class", lambda w, c: w.abs().max(0).values)
linear.wrong("one number", r"pixel|each|shape", lambda w, c: w[c].abs().sum())
linear.wrong(
    "scaled to the largest",
    r"scale|divide|largest|normal",
    lambda w, c: w[c].abs() / w[c].abs().max(),
)
linear.wrong(
    "scaled to sum 1",
    r"scale|divide|sum|normal",
    lambda w, c: w[c].abs() / w[c].abs().sum(),
)
linear.wrong("positive part", r"absolute|negative|positive|sign", lambda w, c: w[c].relu())
linear.wrong(
    "less the mean of the classes",
    r"other class|mean|one class|subtract",
    lambda w, c: (w[c] - w.mean(0)).abs(),
)
linear.wrong(
    "the sign forgotten the wrong way", r"absolute|sign|negative", lambda w, c: -w[c]
)
linear.wrong("the row c + 1", r"row|from 0|class", lambda w, c: w[(c + 1) % len(w)].abs())


def gradient_of(weights, c):
    x = torch.zeros(weights.shape[1], dtype=weights.dtype, requires_grad=True)
    (weights @ x)[c].backward()
    return x.grad.abs()


linear.right("autograd", gradient_of)
linear.right("NumPy", lambda w, c: np.abs(w.numpy()[c]))
linear.right(
    "one-hot product", lambda w, c: (torch.eye(len(w), dtype=w.dtype)[c] @ w).abs()
)
linear.right("the root of the square", lambda w, c: (w[c] * w[c]).sqrt())
linear.right(
    "jacobian",
    lambda w, c: torch.autograd.functional.jacobian(
        lambda x: (w @ x)[c], torch.zeros(w.shape[1], dtype=w.dtype)
    ).abs(),
)

rise = about("check_rise_map")


def weighted_sum(q, m):
    return (q[:, None, None] * m).sum(0)


rise.wrong("not divided by p", r"\bp\b|share", lambda q, m, p: weighted_sum(q, m) / len(m))
rise.wrong(
    "a sum, not a mean",
    r"mean|number of masks|\bN\b",
    lambda q, m, p: weighted_sum(q, m) / p,
)
rise.wrong(
    "multiplied by p", r"\bp\b|share|divid", lambda q, m, p: weighted_sum(q, m) / len(m) * p
)
rise.wrong("neither divided", r"\bp\b|mean|share", lambda q, m, p: weighted_sum(q, m))
rise.wrong(
    "divided by the sum of masks at each pixel",
    r"\bp\b|masks|expected|share|each pixel",
    lambda q, m, p: weighted_sum(q, m) / m.sum(0),
)
rise.wrong(
    "divided by the sum of probabilities",
    r"probabilit|chances|\bp\b|mean",
    lambda q, m, p: weighted_sum(q, m) / q.sum(),
)
rise.wrong(
    "centred",
    r"centred|mean|subtract",
    lambda q, m, p: weighted_sum(q - q.mean(), m) / (len(m) * p),
)
rise.wrong(
    "the mean probability times the mean mask",
    r"each|mean|product|together|own",
    lambda q, m, p: q.mean() * m.mean(0) / p,
)
rise.wrong(
    "one number a mask",
    r"shape|pixel|map|sum over",
    lambda q, m, p: (q[:, None, None] * m).mean((1, 2)) / p,
)
rise.wrong(
    "what is hidden",
    r"hidden|seen|1 -",
    lambda q, m, p: weighted_sum(q, 1 - m) / (len(m) * p),
)
rise.wrong(
    "divided by 1 - p",
    r"1 -|hidden|seen|share",
    lambda q, m, p: weighted_sum(q, m) / (len(m) * (1 - p)),
)
rise.wrong(
    "the largest over masks",
    r"largest|mean|all",
    lambda q, m, p: (q[:, None, None] * m).amax(0) / p,
)
rise.wrong(
    "two slips: a sum, not divided by p, over the pixels",
    (r"pixel|shape|map",),
    lambda q, m, p: (q[:, None, None] * m).sum((1, 2)),
)
rise.right("einsum", lambda q, m, p: torch.einsum("n,nhw->hw", q, m) / (len(q) * p))
rise.right("tensordot", lambda q, m, p: torch.tensordot(q, m, dims=1) / len(m) / p)
rise.right(
    "NumPy", lambda q, m, p: np.average(m.numpy() * q.numpy().reshape(-1, 1, 1), axis=0) / p
)


def a_loop(chances, masks, p):
    total = torch.zeros_like(masks[0])
    for chance, mask in zip(chances, masks, strict=True):
        total += chance * mask
    return total / (p * len(masks))


rise.right("a loop", a_loop)

area = about("check_curve_area")
area.wrong("the mean of all", r"ends|trapez|half|mean", lambda q: q.mean())
area.wrong("left rectangles", r"trapez|rectangle|last|left", lambda q: q[:-1].mean())
area.wrong("right rectangles", r"trapez|rectangle|first|right", lambda q: q[1:].mean())
area.wrong("a width of one a step", r"width|divide|steps", lambda q: torch.trapezoid(q))
area.wrong(
    "divided by points instead of steps",
    r"points|steps|width|one less|fewer",
    lambda q: torch.trapezoid(q) / len(q),
)
area.wrong(
    "sums of neighbours not halved", r"hal(f|v)|2|twice", lambda q: (q[1:] + q[:-1]).mean()
)
area.wrong("a sum", r"width|mean|divide", lambda q: q.sum())
area.wrong("the first less the last", r"between|area|ends|whole", lambda q: q[0] - q[-1])
area.wrong("the mean of the ends", r"between|ends|all", lambda q: (q[0] + q[-1]) / 2)
area.wrong(
    "differences instead of sums", r"sum|differ|add", lambda q: (q[:-1] - q[1:]).mean() / 2
)
area.wrong(
    "the area above",
    r"above|1 -|under|below",
    lambda q: 1 - torch.trapezoid(q) / (len(q) - 1),
)
area.wrong(
    "divided by steps plus one more",
    r"points|steps|width|one less|fewer",
    lambda q: torch.trapezoid(q) / (len(q) + 1),
)
area.wrong(
    "two slips: not halved, a width of one a step",
    (r"hal(f|v)|2|twice", r"width|divide|steps"),
    lambda q: (q[1:] + q[:-1]).sum(),
)
area.right("torch.trapezoid", lambda q: torch.trapezoid(q, dx=1 / (len(q) - 1)))
area.right(
    "np.trapezoid or trapz",
    lambda q: getattr(np, "trapezoid", getattr(np, "trapz", None))(
        q.numpy(), np.linspace(0, 1, len(q))
    ),
)
area.right(
    "the sum less half the ends", lambda q: (q.sum() - (q[0] + q[-1]) / 2) / (len(q) - 1)
)


def loop_area(q):
    total = 0
    for i in range(len(q) - 1):
        total += (q[i] + q[i + 1]) / 2
    return float(total / (len(q) - 1))


area.right("a loop", loop_area)

fit = about("check_weighted_fit")


def least_squares(x, y, w, intercept=True):
    if intercept:
        x = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    return torch.linalg.lstsq(x * w[:, None], y[:, None] * w[:, None]).solution[:, 0]


def k(x):
    return x.shape[1]


fit.wrong(
    "weights without their root",
    r"root|square",
    lambda x, y, w: least_squares(x, y, w)[: k(x)],
)
fit.wrong(
    "no intercept", r"intercept|ones", lambda x, y, w: least_squares(x, y, w.sqrt(), False)
)
fit.wrong(
    "no weights", r"weight", lambda x, y, w: least_squares(x, y, torch.ones_like(w))[: k(x)]
)
fit.wrong(
    "the intercept left in",
    r"intercept|shape",
    lambda x, y, w: least_squares(x, y, w.sqrt()),
)


def only_design(x, y, w):
    x1 = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    return torch.linalg.lstsq(x1 * w.sqrt()[:, None], y[:, None]).solution[:-1, 0]


def only_target(x, y, w):
    x1 = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    return torch.linalg.lstsq(x1, (y * w.sqrt())[:, None]).solution[:-1, 0]


def unweighted_ones(x, y, w):
    r = w.sqrt()[:, None]
    x1 = torch.cat([x * r, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    return torch.linalg.lstsq(x1, y[:, None] * r).solution[:-1, 0]


def first_dropped(x, y, w):
    return least_squares(x, y, w.sqrt())[1:]


def means_only(x, y, w):
    return torch.stack([(w * x[:, j] * y).sum() / (w * x[:, j]).sum() for j in range(k(x))])


def ridge(x, y, w):
    x1 = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    a = x1.T @ (w[:, None] * x1) + torch.eye(k(x) + 1, dtype=x.dtype)
    return torch.linalg.solve(a, x1.T @ (w * y))[:-1]


def centred_unweighted(x, y, w):
    return least_squares(x - x.mean(0), y - y.mean(), w.sqrt(), False)


fit.wrong("the root on the patterns alone", r"both|probabilit|chances|side", only_design)
fit.wrong("the root on the probabilities alone", r"both|patterns|side", only_target)
fit.wrong("the ones not weighted", r"ones|intercept", unweighted_ones)
fit.wrong("the wrong end dropped", r"intercept|last|first", first_dropped)
fit.wrong("means of what is switched on", r"together|least squares|each|mean", means_only)
fit.wrong("ridge", r"ridge|penalt|plain|shrink", ridge)
fit.wrong("means without weights taken away", r"weight|mean", centred_unweighted)
fit.wrong(
    "two slips: no root, no intercept",
    (r"root|square", r"intercept|ones"),
    lambda x, y, w: least_squares(x, y, w, False),
)
fit.wrong(
    "two slips: no weights, no intercept",
    (r"weight", r"intercept|ones"),
    lambda x, y, w: least_squares(x, y, torch.ones_like(w), False),
)


def normal_equations(x, y, w):
    x1 = torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x], 1)
    return torch.linalg.solve(x1.T @ torch.diag(w) @ x1, x1.T @ (w * y))[1:]


def sklearn_fit(x, y, w):
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(x.numpy(), y.numpy(), sample_weight=w.numpy()).coef_


def centred_fit(x, y, w):
    s = w.sum()
    x0 = x - (w[:, None] * x).sum(0) / s
    y0 = y - (w * y).sum() / s
    return torch.linalg.lstsq(x0 * w.sqrt()[:, None], (y0 * w.sqrt())[:, None]).solution[
        :, 0
    ]


def numpy_fit(x, y, w):
    r = np.sqrt(w.numpy())
    design = np.c_[x.numpy(), np.ones(len(x))]
    return np.linalg.lstsq(design * r[:, None], y.numpy() * r, rcond=None)[0][:-1]


fit.right("normal equations", normal_equations)
fit.right("scikit-learn", sklearn_fit)
fit.right("weighted means taken away", centred_fit)
fit.right("NumPy", numpy_fit)

r2 = about("check_r_squared")


def wmean(x, w):
    return (w * x).sum() / w.sum()


r2.wrong(
    "no weights",
    r"weight",
    lambda y, s, w: 1 - ((y - s) ** 2).sum() / ((y - y.mean()) ** 2).sum(),
)
r2.wrong(
    "plain mean",
    r"mean",
    lambda y, s, w: 1 - (w * (y - s) ** 2).sum() / (w * (y - y.mean()) ** 2).sum(),
)
r2.wrong(
    "mean of what the sum says",
    r"mean",
    lambda y, s, w: 1 - (w * (y - s) ** 2).sum() / (w * (y - wmean(s, w)) ** 2).sum(),
)
r2.wrong(
    "what is left",
    r"1 -|left|subtract|unexplained",
    lambda y, s, w: (w * (y - s) ** 2).sum() / (w * (y - wmean(y, w)) ** 2).sum(),
)
r2.wrong(
    "upside down",
    r"upside|divid|exchang|other way",
    lambda y, s, w: 1 - (w * (y - wmean(y, w)) ** 2).sum() / (w * (y - s) ** 2).sum(),
)
r2.wrong(
    "no squares",
    r"square",
    lambda y, s, w: 1 - (w * (y - s).abs()).sum() / (w * (y - wmean(y, w)).abs()).sum(),
)
r2.wrong(
    "weights squared",
    r"weight|square",
    lambda y, s, w: 1 - ((w * (y - s)) ** 2).sum() / ((w * (y - wmean(y, w))) ** 2).sum(),
)
r2.wrong(
    "the squared correlation",
    r"correlation",
    lambda y, s, w: torch.corrcoef(torch.stack([y, s]))[0, 1] ** 2,
)
r2.wrong(
    "the variance of the sum over that of the network",
    r"left|error|variance",
    lambda y, s, w: (w * (s - wmean(s, w)) ** 2).sum() / (w * (y - wmean(y, w)) ** 2).sum(),
)
r2.wrong(
    "the spread of the sum below",
    r"spread|network|probabilit|chances|denominator",
    lambda y, s, w: 1 - (w * (y - s) ** 2).sum() / (w * (s - wmean(s, w)) ** 2).sum(),
)
r2.wrong(
    "no mean subtracted",
    r"mean",
    lambda y, s, w: 1 - (w * (y - s) ** 2).sum() / (w * y**2).sum(),
)
r2.wrong(
    "weights in the upper sum alone",
    r"weight|both",
    lambda y, s, w: 1 - (w * (y - s) ** 2).sum() / ((y - wmean(y, w)) ** 2).sum(),
)
r2.wrong(
    "the mean of the weighted values, not divided by weights",
    r"mean|divide|weights",
    lambda y, s, w: 1 - (w * (y - s) ** 2).sum() / (w * (y - (w * y).mean()) ** 2).sum(),
)
r2.wrong(
    "the root",
    r"root",
    lambda y, s, w: (
        (1 - (w * (y - s) ** 2).sum() / (w * (y - wmean(y, w)) ** 2).sum()).abs().sqrt()
    ),
)
r2.wrong(
    "never below 0",
    r"negative|below 0",
    lambda y, s, w: (
        1 - (w * (y - s) ** 2).sum() / (w * (y - wmean(y, w)) ** 2).sum()
    ).clamp(min=0),
)
r2.wrong(
    "two slips: what is left, no weights",
    (r"1 -|left|subtract", r"weight"),
    lambda y, s, w: ((y - s) ** 2).sum() / ((y - y.mean()) ** 2).sum(),
)


def sklearn_r2(y, s, w):
    from sklearn.metrics import r2_score

    return r2_score(y.numpy(), s.numpy(), sample_weight=w.numpy())


r2.right("scikit-learn", sklearn_r2)
r2.right(
    "np.average",
    lambda y, s, w: (
        1
        - np.average((y - s).numpy() ** 2, weights=w.numpy())
        / np.average(
            (y.numpy() - np.average(y.numpy(), weights=w.numpy())) ** 2, weights=w.numpy()
        )
    ),
)
r2.right(
    "means of squares",
    lambda y, s, w: 1 - wmean((y - s) ** 2, w) / (wmean(y**2, w) - wmean(y, w) ** 2),
)

closer = about("check_is_closer")


def rho(a, b):
    return spearmanr(a.flatten(), b.flatten()).statistic


closer.wrong(
    "Pearson's correlation",
    r"Pearson|order|ranks|Spearman",
    lambda t, a, b: bool(
        pearsonr(t.flatten(), a.flatten()).statistic
        > pearsonr(t.flatten(), b.flatten()).statistic
    ),
)
closer.wrong(
    "the p-value",
    r"p-value|statistic|probability",
    lambda t, a, b: bool(
        spearmanr(t.flatten(), a.flatten()).pvalue
        > spearmanr(t.flatten(), b.flatten()).pvalue
    ),
)
closer.wrong(
    "the smaller p-value",
    r"p-value|statistic|sign",
    lambda t, a, b: bool(
        spearmanr(t.flatten(), a.flatten()).pvalue
        < spearmanr(t.flatten(), b.flatten()).pvalue
    ),
)
closer.wrong(
    "absolute correlations",
    r"absolute|negative|sign",
    lambda t, a, b: bool(abs(rho(t, a)) > abs(rho(t, b))),
)
closer.wrong(
    "the second is closer",
    r"other way|second|first|smaller",
    lambda t, a, b: bool(rho(t, a) < rho(t, b)),
)
closer.wrong(
    "equal counts as closer",
    r"equal|tie|same",
    lambda t, a, b: bool(rho(t, a) >= rho(t, b)),
)
closer.wrong(
    "distances",
    r"distance|order|rank|Spearman",
    lambda t, a, b: bool((t - a).norm() < (t - b).norm()),
)
closer.wrong("the first with the second", r"teacher", lambda t, a, b: bool(rho(a, b) > 0))
closer.wrong("the correlation, not whether", r"True or False", lambda t, a, b: rho(t, a))
closer.wrong(
    "whether positive", r"second|both|compare", lambda t, a, b: bool(rho(t, a) > 0)
)
closer.wrong(
    "Kendall's tau",
    r"Kendall|Spearman",
    lambda t, a, b: bool(
        kendalltau(t.flatten(), a.flatten()).statistic
        > kendalltau(t.flatten(), b.flatten()).statistic
    ),
)


def unflattened(t, a, b):
    return bool(np.mean(spearmanr(t, a).statistic) > np.mean(spearmanr(t, b).statistic))


def rows(t, a, b):
    one = np.mean([spearmanr(x, y).statistic for x, y in zip(t, a, strict=True)])
    other = np.mean([spearmanr(x, y).statistic for x, y in zip(t, b, strict=True)])
    return bool(one > other)


closer.wrong("not flattened", r"flat|columns|shape|raised", unflattened)
closer.wrong("row by row", r"row|flat|whole|all pixels", rows)


def by_ranks(t, a, b):
    from scipy.stats import rankdata

    def c(x, y):
        return np.corrcoef(rankdata(x.flatten()), rankdata(y.flatten()))[0, 1]

    return c(t, a) > c(t, b)


def by_library(t, a, b):
    from kdteach import explain

    def maps(values):
        return explain.Maps(values[None], torch.tensor([0]))

    one = explain.agreement(maps(t), maps(a)).spearman
    other = explain.agreement(maps(t), maps(b)).spearman
    return bool(one[0] > other[0])


closer.right("ranks and corrcoef", by_ranks)
closer.right("the library's agreement", by_library)
closer.right(
    "the old name correlation",
    lambda t, a, b: bool(
        spearmanr(t.ravel(), a.ravel())[0] > spearmanr(t.ravel(), b.ravel())[0]
    ),
)
closer.right(
    "NumPy arrays, a matrix of three",
    lambda t, a, b: (lambda r: r[0, 1] > r[0, 2])(
        spearmanr(np.stack([x.numpy().ravel() for x in (t, a, b)], axis=1)).statistic
    ),
)

top = about("check_top_overlap")


def best(m, n):
    return set(m.flatten().topk(n).indices.tolist())


top.wrong(
    "a count, not a share",
    r"share|divide|count|\bk\b",
    lambda a, b, n: len(best(a, n) & best(b, n)),
)
top.wrong(
    "divided by the pixels",
    r"\bk\b|pixels",
    lambda a, b, n: len(best(a, n) & best(b, n)) / a.numel(),
)
top.wrong(
    "divided by the union",
    r"union|\bk\b|Jaccard",
    lambda a, b, n: len(best(a, n) & best(b, n)) / len(best(a, n) | best(b, n)),
)
top.wrong(
    "place by place in the ranking",
    r"order|rank|place|among",
    lambda a, b, n: (
        (a.flatten().topk(n).indices == b.flatten().topk(n).indices).double().mean()
    ),
)
top.wrong(
    "the values compared",
    r"value|where|place|pixel",
    lambda a, b, n: (
        torch.isin(a.flatten().topk(n).values, b.flatten().topk(n).values).double().mean()
    ),
)
top.wrong(
    "the darkest",
    r"darkest|smallest|brightest|largest",
    lambda a, b, n: len(best(-a, n) & best(-b, n)) / n,
)
top.wrong(
    "row by row",
    r"row|flat|whole",
    lambda a, b, n: (
        torch.isin(
            a.topk(min(n, a.shape[1])).indices.flatten(),
            b.topk(min(n, b.shape[1])).indices.flatten(),
        )
        .double()
        .mean()
    ),
)
top.wrong(
    "absolute values",
    r"absolute|negative|sign",
    lambda a, b, n: len(best(a.abs(), n) & best(b.abs(), n)) / n,
)
top.wrong(
    "in per cent",
    r"per cent|percent|share|fraction",
    lambda a, b, n: 100 * len(best(a, n) & best(b, n)) / n,
)
top.wrong(
    "k - 1 pixels", r"\bk\b|one", lambda a, b, n: len(best(a, n - 1) & best(b, n - 1)) / n
)
top.wrong(
    "the first with itself",
    r"second|itself|both",
    lambda a, b, n: len(best(a, n) & best(a, n)) / n,
)
top.wrong(
    "what is not shared",
    r"shared|other way|1 -|among",
    lambda a, b, n: len(best(a, n) - best(b, n)) / n,
)
top.wrong(
    "one per pixel",
    r"shape|mean|share|one number",
    lambda a, b, n: torch.isin(a.flatten().topk(n).indices, b.flatten().topk(n).indices),
)
top.right("sets", lambda a, b, n: len(best(a, n) & best(b, n)) / n)
top.right(
    "argsort",
    lambda a, b, n: np.isin(
        np.argsort(a.numpy().ravel())[-n:], np.argsort(b.numpy().ravel())[-n:]
    ).mean(),
)
top.right(
    "argsort of the negative",
    lambda a, b, n: np.isin(
        np.argsort(-a.numpy().ravel(), kind="stable")[:n],
        np.argsort(-b.numpy().ravel(), kind="stable")[:n],
    ).mean(),
)


def thresholds(a, b, n):
    low, other = a.flatten().sort().values[-n], b.flatten().sort().values[-n]
    return ((a >= low) & (b >= other)).sum() / n


top.right("thresholds", thresholds)


def by_sorting(a, b, n):
    one = sorted(range(a.numel()), key=lambda i: a.flatten()[i].item(), reverse=True)[:n]
    two = sorted(range(b.numel()), key=lambda i: b.flatten()[i].item(), reverse=True)[:n]
    return sum(i in two for i in one) / n


top.right("sorted places", by_sorting)
