"""Evaluation and cost: against scikit-learn, counts by hand and plain calls."""

import itertools
import math
from typing import Any

import numpy as np
import torch
from sklearn import metrics as peers
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from kdteach.data import Stream
from kdteach.metrics import Evaluation
from kdteach.types import Split
from tests.odd import lists, networks, values
from tests.odd.material import head, image_set, split, table
from tests.odd.networks import MODEL_NAMES
from tests.odd.sweep import Room, equals, found, near, nothing, require_equal

ROOM = Room("metrics, cost")
LOGITS = table(8, 3)
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 1, 1])


def _images(like: Tensor) -> list[values.Odd]:
    """Odd values where images are expected."""
    found_ = [o for o in values.no_tensor(like) if o.label != "a network"]
    return (
        found_
        + values.layouts(like)
        + [o for o in values.as_lists(like)]
        + values.refused(
            ("empty", lambda: like[:0]),
            ("()", lambda: like.flatten()[0]),
            ("one image alone", lambda: like[0, 0].flatten()),
            ("of another size", lambda: like[..., :4]),
            ("integers", lambda: (like * 16).long()),
            ("bytes", lambda: (like * 255).to(torch.uint8)),
            ("bool", lambda: like > 0),
            ("complex", lambda: like.to(torch.complex128)),
            ("float16", lambda: like.half()),
            ("float8", lambda: like.float().to(torch.float8_e4m3fn)),
            ("NaN", lambda: like * math.nan),
            ("infinite", lambda: like / 0),
            ("a split", lambda: split(len(like))),
        )
    )


predict = ROOM.function(
    "kdteach.metrics.predict_logits",
    lambda: {"model": head(), "images": split(6).images},
)


def _by_hand(value: Tensor, arguments: dict[str, Any]) -> None:
    with torch.no_grad():
        wanted = arguments["model"].eval()(arguments["images"].clone())
    require_equal(value, wanted)


predict.right("as it is", nothing, _by_hand)
predict.vary("model", networks.asked(), names=MODEL_NAMES)
predict.vary("images", _images(split(6).images), names=("images", "model", "image"))
predict.vary("batch_size", values.count(2))
predict.circumstances()
for size in (1, 4, 6, 10**6, 10**9):
    predict.right(f"batch_size = {size:,}", lambda s=size: {"batch_size": s}, _by_hand)
for size in (10**20, 10**400):
    predict.either(f"batch_size of {len(str(size))} digits",
        lambda s=size: {"batch_size": s},
                   _by_hand)  # fmt: skip

SPLIT_NAMES = ("split", "train", "data", "images", "labels", "model", "dataset", "sample",
    "label")  # fmt: skip


def splits(count: int = 8, *, read: bool = False) -> list[values.Odd]:
    """Odd values where a split of digits is expected.

    Args:
        count: images of a good one.
        read: whether what is read in batches stands for one.
    """
    good = split(count)

    def but(**changes: Any) -> Any:
        return lambda: Split(**{**vars_of(good), **changes})

    found_ = values.refused(
        ("an ImageSet", lambda: image_set(count)),
        ("None", lambda: None),
        ("images alone", lambda: good.images.clone()),
        ("a pair of lists", lambda: (good.images.tolist(), good.labels.tolist())),
        ("a pair with a list", lambda: (good.images, good.labels.tolist())),
        ("a pair without channels", lambda: (good.images[:, 0], good.labels)),
        ("a pair, channels last", lambda: (good.images.permute(0, 2, 3, 1), good.labels)),
        ("a pair of unequal length", lambda: (good.images, good.labels[1:])),
        ("a pair, negative index", lambda: (good.images, good.labels, -1 - good.index)),
        ("a pair of words", lambda: (np.array([["a"]] * count), good.labels)),
        ("an iterable data set", lambda: Iterable(TensorDataset(good.images, good.labels))),
        ("a data set of nothing", lambda: TensorDataset(good.images[:0], good.labels[:0])),
        ("a data set of images", lambda: TensorDataset(good.images)),
        ("a data set of floats", lambda: TensorDataset(good.images, good.labels.double())),
        ("a data set of NaN", lambda: TensorDataset(good.images * math.nan, good.labels)),
        ("a dict", lambda: {"images": good.images, "labels": good.labels}),
        ("a list of splits", lambda: [split(count)]),
        ("a word", lambda: "train"),
        ("the class", lambda: Split),
        ("a broken repr", values.Unprintable),
        ("empty", lambda: good.select(torch.zeros(count).bool())),
        ("images of NaN", but(images=good.images * math.nan)),
        ("images of another size", but(images=good.images[..., :4])),
        ("images as bytes", but(images=(good.images * 255).to(torch.uint8))),
        ("images of float16", but(images=good.images.half())),
    )  # fmt: skip

    def unnamed() -> Split:
        return Split(good.images, good.labels)

    for label, make in {
        "a pair": lambda: (good.images, good.labels),
        "a list of two": lambda: [good.images, good.labels],
        "a pair of arrays": lambda: (good.images.numpy(), good.labels.numpy()),
        "a pair, labels as int16": lambda: (good.images, good.labels.numpy().astype("i2")),
        "three": lambda: (good.images, good.labels, good.index),
    }.items():
        found_.append(values.Odd(label, make, values.Same(unnamed)))
    for label, make in {
        "a data set of torch": lambda: TensorDataset(good.images, good.labels),
        "a loader": lambda: DataLoader(TensorDataset(good.images, good.labels), 16),
        "a stream": lambda: Stream(TensorDataset(good.images, good.labels)),
    }.items():
        stands_for = values.Same(unnamed) if read else values.REFUSED
        found_.append(values.Odd(label, make, stands_for))
    return found_


class Iterable(IterableDataset[Any]):
    """Samples in an order of their own."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __iter__(self) -> Any:
        return iter(self.dataset)


def labelled(count: int = 8) -> list[values.Odd]:
    """As ``splits``, with labels that are no classes."""
    good = split(count)

    def but(labels: Tensor, **more: Any) -> Any:
        return lambda: Split(**{**vars_of(good), "labels": labels, **more})

    return splits(count, read=True) + values.refused(
        ("label -1", but(torch.full((count,), -1))),
        ("label 10", but(torch.full((count,), 10))),
        ("label 10, classes unknown", but(torch.full((count,), 10), num_classes=None)),
        ("labels as floats", but(good.labels.double())),
        ("labels (N, 1)", but(good.labels[:, None])),
        ("labels one-hot", but(nn.functional.one_hot(good.labels, 10))),
        ("labels as int32", but(good.labels.int())),
        ("labels as bool", but(good.labels > 3)),
        ("of 3 classes", but(good.labels % 3, num_classes=3)),
        ("of 20 classes", but(good.labels, num_classes=20)),
    )


def vars_of(part: Split) -> dict[str, Any]:
    """The fields of a split."""
    names = ("images", "labels", "index", "votes", "masks", "num_classes")
    return {name: getattr(part, name) for name in names}


evaluate = ROOM.function(
    "kdteach.metrics.evaluate", lambda: {"model": head(), "split": split(8)}
)


def _evaluated(value: Evaluation, arguments: dict[str, Any]) -> None:
    part = arguments["split"]
    with torch.no_grad():
        wanted = arguments["model"].eval()(part.images.clone())
    require_equal(value.logits, wanted)
    said = wanted.argmax(dim=1)
    near(peers.accuracy_score(part.labels, said))(value.accuracy, {})
    near(float(nn.functional.cross_entropy(wanted, part.labels)))(value.nll, {})
    assert value.errors == int((said != part.labels).sum())


evaluate.right("as it is", nothing, _evaluated)
evaluate.right("one image", lambda: {"split": split(1)}, _evaluated)
evaluate.right("classes unknown", lambda: {"split": Split(**{**vars_of(split(8)),
    "num_classes": None})}, _evaluated)  # fmt: skip
evaluate.right("of inference mode", lambda: {"split": _in_inference()}, _evaluated)


def _in_inference() -> Split:
    with torch.inference_mode():
        return split(8)


evaluate.vary("model", networks.asked(), names=MODEL_NAMES)
evaluate.vary("split", labelled(), names=SPLIT_NAMES)
evaluate.vary("batch_size", values.count(3))
evaluate.vary("num_classes", values.count(10, none=True, heavy=(3, 20, 10**20)),
              names=("num_classes", "classes"))  # fmt: skip
evaluate.circumstances()
for outputs in (1, 2, 9, 11, 12, 50):
    evaluate.refuse(f"{outputs} outputs", lambda o=outputs: {"model": head(o)},
                    names=("outputs", "model"))  # fmt: skip


def _subclasses(value: Evaluation, arguments: dict[str, Any]) -> None:
    with torch.no_grad():
        whole = arguments["model"].eval()(arguments["split"].images.clone())
    chances = whole.softmax(dim=1).reshape(8, 10, 5).sum(dim=2)
    torch.testing.assert_close(value.logits.softmax(dim=1), chances)


evaluate.right("50 outputs, 10 classes", lambda: {"model": head(50), "num_classes": 10},
               _subclasses)  # fmt: skip

# what follows from logits and labels

evaluation = ROOM.function(
    "kdteach.metrics.Evaluation", lambda: {"logits": LOGITS.clone(),
    "labels": LABELS.clone()},
    call=lambda **a: _figures(found("kdteach.metrics.Evaluation")(**a)),
)  # fmt: skip


def _figures(answers: Evaluation) -> dict[str, Any]:
    return {
        "accuracy": answers.accuracy, "errors": answers.errors, "nll": answers.nll,
        "confusion": answers.confusion, "f1": answers.per_class_f1,
        "recall": answers.per_class_accuracy, "weighted": answers.weighted_f1,
        "ece": answers.ece(),
    }  # fmt: skip


def _ece(logits: Tensor, labels: Tensor, bins: int) -> float:
    """Guo et al., Eq. 3, in plain loops."""
    total, n = 0.0, len(labels)
    chances = logits.double().softmax(dim=1)
    sure, said = (x.tolist() for x in chances.max(dim=1))
    for m in range(bins):
        mine = [i for i in range(n) if m / bins < sure[i] <= (m + 1) / bins]
        if mine:
            right = sum(said[i] == int(labels[i]) for i in mine)
            total += abs(right - sum(sure[i] for i in mine)) / n
    return total


def _as_peers(value: dict[str, Any], arguments: dict[str, Any]) -> None:
    logits, labels = arguments["logits"], arguments["labels"]
    said, classes = logits.argmax(dim=1), range(logits.shape[1])
    more = {"labels": list(classes), "average": None, "zero_division": 0.0}
    table_ = peers.confusion_matrix(labels, said, labels=list(classes))
    require_equal(value["confusion"], torch.from_numpy(table_))
    near(peers.accuracy_score(labels, said))(value["accuracy"], {})
    require_equal(value["f1"], tuple(peers.f1_score(labels, said, **more).tolist()))
    weighted = peers.f1_score(labels, said, average="weighted", zero_division=0.0)
    near(float(weighted))(value["weighted"], {})
    loss = nn.functional.cross_entropy(logits.double(), labels)
    near(float(loss), rtol=1e-5)(value["nll"], {})
    near(_ece(logits, labels, 15), rtol=1e-6)(value["ece"], {})


evaluation.right("as it is", nothing, _as_peers)
evaluation.right("float32", lambda: {"logits": LOGITS.float()}, _as_peers)
evaluation.right("a class nobody has", lambda: {"labels": LABELS % 2}, _as_peers)
evaluation.right("one image", lambda: {"logits": LOGITS[:1], "labels": LABELS[:1]},
    _as_peers)  # fmt: skip
evaluation.right("confident", lambda: {"logits": LOGITS * 1e4}, _as_peers)
evaluation.vary("logits", values.logits(LOGITS))
evaluation.vary("labels", values.labels(LABELS, 3))
ece = ROOM.function(
    "kdteach.metrics.Evaluation", lambda: {"bins": 5},
    call=lambda bins: Evaluation(LOGITS, LABELS).ece(bins),
)  # fmt: skip
ece.vary("bins", values.count(5, heavy=(10**13, 10**20)))
for bins in (1, 2, 5, 15, 1000):
    ece.right(f"{bins} bins", lambda b=bins: {"bins": b},
        near(_ece(LOGITS, LABELS, bins), 1e-9))  # fmt: skip


def _by_trying(score: Any, logits: Tensor, labels: Tensor, classes: list[int]) -> float:
    """The best of all numbers that change anything."""
    chosen = torch.zeros(logits.shape[1], dtype=torch.bool)
    chosen[classes] = True
    inside = logits.masked_fill(~chosen, -math.inf).amax(dim=1)
    outside = logits.masked_fill(chosen, -math.inf).amax(dim=1)
    steps = sorted({float(x) for x in outside - inside})
    tried = [steps[0] - 1, *((a + b) / 2 for a, b in itertools.pairwise(steps)),
        steps[-1] + 1, 0.0]  # fmt: skip
    best = -math.inf
    for number in tried:
        moved = logits.clone()
        moved[:, classes] += number
        best = max(best, score(moved.argmax(dim=1), labels))
    return best


TWO = table(24, 2, seed=3)
TWO_LABELS = torch.tensor([int(i % 3 == 0) for i in range(24)])
threshold = ROOM.function(
    "kdteach.metrics.best_threshold",
    lambda: {"answers": Evaluation(TWO.clone(), TWO_LABELS.clone())},
)


def _best_f1(value: float, arguments: dict[str, Any]) -> None:
    logits, labels = arguments["answers"].logits.double(), arguments["answers"].labels

    def score(said: Tensor, truth: Tensor) -> float:
        return float(peers.f1_score(truth, said, average="weighted", zero_division=0.0))

    moved = logits.clone()
    moved[:, 1] += value
    got = score(moved.argmax(dim=1), labels)
    best = _by_trying(score, logits, labels, [1])
    if len(logits.unique(dim=0)) == 1:  # no number divides what is the same
        assert value == 0
        return
    assert got >= best - 1e-9, f"F1 {got}, and {best} can be had"
    if score(logits.argmax(dim=1), labels) >= best - 1e-12:
        assert value == 0, f"nothing is gained, but {value}"


for label, logits in {
    "float64": TWO, "float32": TWO.float(), "one image": TWO[:1], "ties": TWO.round(),
    "float32, close": (TWO * 1e-4).float(), "bfloat16": TWO.bfloat16().float(),
}.items():  # fmt: skip
    threshold.right(
        label,
        lambda z=logits: {"answers": Evaluation(z.clone(), TWO_LABELS[: len(z)].clone())},
        _best_f1,
    )
for number in range(12):
    value_ = float(np.float32(np.random.default_rng(number).normal()))
    threshold.right(
        f"the same for all, {value_:.3f}",
        lambda v=value_: {"answers": Evaluation(
            torch.tensor([[0.1, v]], dtype=torch.float32).expand(24, 2).clone(),
            TWO_LABELS)},
        _best_f1,
    )  # fmt: skip
answers_odd = values.refused(
    ("None", lambda: None),
    ("logits", lambda: TWO.clone()),
    ("a pair", lambda: (TWO, TWO_LABELS)),
    ("a number", lambda: 3.0),
    ("the class", lambda: Evaluation),
    ("a broken repr", values.Unprintable),
    ("a model", head),
)
threshold.vary("answers", answers_odd)
threshold.refuse("three classes", lambda: {"answers": Evaluation(LOGITS, LABELS)},
                 names=("classes", "answers"))  # fmt: skip
threshold.circumstances()

bias = ROOM.function(
    "kdteach.metrics.best_bias",
    lambda: {"answers": Evaluation(LOGITS.clone(), LABELS.clone()), "classes": [0, 2]},
)


def _fewest(value: float, arguments: dict[str, Any]) -> None:
    logits, labels = arguments["answers"].logits.double(), arguments["answers"].labels
    chosen = [int(c) for c in arguments["classes"]]

    def score(said: Tensor, truth: Tensor) -> float:
        return int((said == truth).sum())

    moved = logits.clone()
    moved[:, chosen] += value
    best = _by_trying(score, logits, labels, chosen)
    assert score(moved.argmax(dim=1), labels) >= best, f"{best} can be right"


bias.right("as it is", nothing, _fewest)
for label, chosen in {"a tuple": (1,), "NumPy's": np.array([0, 2]),
    "a range": range(2)}.items():  # fmt: skip
    bias.right(f"classes: {label}", lambda c=chosen: {"classes": c}, _fewest)
for label, chosen in {
    "a generator": (c for c in ()), "a set": {0, 2}, "a tensor": torch.tensor([0, 2]),
}.items():  # fmt: skip
    if label != "a generator":
        bias.either(f"classes: {label}", lambda c=chosen: {"classes": c}, _fewest)
bias.either(
    "classes: a generator", lambda: {"classes": (c for c in (0, 2))},
    lambda value, a: near(found("kdteach.metrics.best_bias")(a["answers"], [0, 2]))(value,
    {}),
)  # fmt: skip
for label, chosen in {
    "empty": [], "all": [0, 1, 2], "twice": [0, 0], "out of range": [3], "negative": [-1],
    "floats": [0.0, 2.0], "halves": [0.5], "bool": [True], "a word": "02", "None": None,
    "a number": 1, "words": ["0"], "nested": [[0], [2]], "NaN": [math.nan],
    "a mask": torch.tensor([True, False, True]), "a dict": {0: 1, 2: 1},
}.items():  # fmt: skip
    check = _fewest if label == "a dict" else None
    bias.add(f"classes: {label}", lambda c=chosen: {"classes": c}, right=check)
bias.vary("answers", answers_odd)
bias.circumstances()

shift = ROOM.function(
    "kdteach.metrics.best_shift",
    lambda: {"answers": Evaluation(LOGITS.clone(), LABELS.clone()), "classes": [0, 2]},
)
shift.right("as it is", nothing, _fewest)
shift.right("measure: accuracy", lambda: {"measure": "accuracy"}, _fewest)
shift.right(
    "measure: weighted F1",
    lambda: {"answers": Evaluation(TWO.clone(), TWO_LABELS.clone()), "classes": (1,),
             "measure": "weighted_f1"},
    _best_f1,
)  # fmt: skip
for label, chosen in {"empty": [], "all": [0, 1, 2], "a word": "02", "None": None}.items():
    shift.add(f"classes: {label}", lambda c=chosen: {"classes": c})
for label, word in {
    "unknown": "f1", "None": None, "a number": 1, "a list": ["accuracy"], "empty": "",
    "bytes": b"accuracy",
}.items():  # fmt: skip
    shift.refuse(f"measure: {label}", lambda w=word: {"measure": w}, names=("measure",))
shift.vary("answers", answers_odd)
shift.circumstances()

temperature = ROOM.function(
    "kdteach.metrics.best_temperature",
    lambda: {"answers": Evaluation(LOGITS.clone(), LABELS.clone())},
)


def _least_cross_entropy(value: float, arguments: dict[str, Any]) -> None:
    logits, labels = arguments["answers"].logits.double(), arguments["answers"].labels
    costs = [
        float(torch.nn.functional.cross_entropy(logits / T, labels))
        for T in (value, 0.9 * value, 1.1 * value)
    ]
    assert costs[0] <= min(costs) + 1e-6, f"another temperature is better than {value}"


temperature.right("as it is", nothing, _least_cross_entropy)
temperature.vary("answers", answers_odd)
temperature.circumstances()

agreement = ROOM.function(
    "kdteach.metrics.prediction_agreement",
    lambda: {"student_logits": LOGITS.clone(), "teacher_logits": table(8, 3, seed=5)},
)
for name in ("student_logits", "teacher_logits"):
    agreement.vary(name, values.logits(agreement.good()[name]))
agreement.right(
    "as it is", nothing,
    lambda value, a: near(float(np.mean(
        a["student_logits"].numpy().argmax(1) == a["teacher_logits"].numpy().argmax(1))))(
        value, {}),
)  # fmt: skip
agreement.refuse("of other images", lambda: {"teacher_logits": table(9, 3)},
                 names=("teacher_logits",))  # fmt: skip
agreement.refuse("one row for all", lambda: {"teacher_logits": table(1, 3)},
                 names=("teacher_logits",))  # fmt: skip
agreement.circumstances()

recovery = ROOM.function(
    "kdteach.metrics.subclass_recovery",
    lambda: {"subclass_logits": LOGITS.clone(), "labels": LABELS.clone()},
)


def _best_matching(value: float, arguments: dict[str, Any]) -> None:
    said, labels = arguments["subclass_logits"].argmax(dim=1), arguments["labels"]
    subclasses = range(arguments["subclass_logits"].shape[1])
    classes = sorted(set(labels.tolist()))
    wide = [*subclasses, *([-1] * len(classes))]
    best = max(
        sum(int(((said == s) & (labels == c)).sum()) for s,
        c in zip(order, classes, strict=False))
        for order in itertools.permutations(wide, len(classes))
    )  # fmt: skip
    near(best / len(labels))(value, {})


recovery.right("as it is", nothing, _best_matching)
recovery.right("fewer subclasses", lambda: {"subclass_logits": table(8, 2)}, _best_matching)
recovery.right("numbers with gaps", lambda: {"labels": LABELS * 7}, _best_matching)
recovery.either("a label of 10**9", lambda: {"labels": torch.cat([LABELS[:-1],
    torch.tensor([10**9])])},
                _best_matching, alone=True)  # fmt: skip
recovery.either("a label of 2**62", lambda: {"labels": torch.cat([LABELS[:-1],
    torch.tensor([2**62])])},
                _best_matching, alone=True)  # fmt: skip
recovery.vary("subclass_logits", values.logits(LOGITS))
recovery.vary("labels", [o for o in values.labels(LABELS, 3)
                         if o.label not in ("C itself", "10**9", "2**62")])  # fmt: skip
recovery.circumstances()

CHANCES = LOGITS.softmax(dim=1)
entropy = ROOM.function("kdteach.metrics.entropy",
    lambda: {"probabilities": CHANCES.clone()})  # fmt: skip


def _nats(value: Tensor, arguments: dict[str, Any]) -> None:
    rows = arguments["probabilities"].double().tolist()
    wanted = [-sum(p * math.log(p) for p in row if p > 0) for row in rows]
    torch.testing.assert_close(value.double(), torch.tensor(wanted, dtype=torch.float64),
                               rtol=1e-5, atol=1e-6)  # fmt: skip


entropy.right("as it is", nothing, _nats)
entropy.right("certain", lambda: {"probabilities": torch.eye(3, dtype=torch.float64)},
    _nats)  # fmt: skip
entropy.right("float32", lambda: {"probabilities": CHANCES.float()}, _nats)
entropy.right("uniform over 10,000",
              lambda: {"probabilities": torch.full((2, 10_000), 1e-4)}, _nats)  # fmt: skip
entropy.vary("probabilities", values.logits(CHANCES))
entropy.refuse("logits", lambda: {"probabilities": LOGITS}, names=("probabilities",))
entropy.refuse("negative", lambda: {"probabilities": torch.tensor([[1.5, -0.5]])})
entropy.refuse("sums to 2", lambda: {"probabilities": 2 * CHANCES})
entropy.circumstances()

for name, check in (("outputs_of", lambda value, a: _by_hand(value, a)),):
    outputs = ROOM.function(
        f"kdteach.metrics.{name}", lambda: {"model": head(), "images": split(6).images}
    )
    outputs.right("as it is", nothing, check)
    outputs.right("probabilities", lambda: {"model": nn.Sequential(head(), nn.Softmax(1))},
        check)  # fmt: skip
    outputs.vary("images", _images(split(6).images), names=("images", "model", "image"))
    outputs.vary("batch_size", values.count(2))
    outputs.vary("model", networks.no_network(), names=MODEL_NAMES)
    outputs.circumstances()
require = ROOM.function(
    "kdteach.metrics.require_classes", lambda: {"split": split(4), "outputs": 10}
)
require.right("as it is", nothing, equals(None))
require.right("nothing is known",
              lambda: {"split": Split(**{**vars_of(split(4)), "num_classes": None}),
              "outputs": 7},
              equals(None))  # fmt: skip
for wrong in (1, 5, 11, 20, 50):
    require.refuse(f"{wrong} outputs", lambda w=wrong: {"outputs": w}, names=("outputs",))

VOTES = [0, 3, 5, 7, 2, 1]
panel = ROOM.function(
    "kdteach.metrics.rater_agreement", lambda: {"votes": list(VOTES), "raters": 7}
)


def _as_pairs(value: Any, arguments: dict[str, Any]) -> None:
    """Cohen's kappa of all ordered pairs of raters, written out."""
    one, other, majority = [], [], []
    for count in np.asarray(arguments["votes"]).tolist():
        said = [1] * int(count) + [0] * (arguments["raters"] - int(count))
        for a, b in itertools.permutations(said, 2):
            one.append(a)
            other.append(b)
        majority.append(max(sum(said), len(said) - sum(said)) / len(said))
    near(float(peers.cohen_kappa_score(one, other)))(value.kappa, {})
    near(float(np.mean(np.array(one) == np.array(other))))(value.pairs, {})
    near(float(np.mean(majority)))(value.majority, {})
    assert value.kappa <= 1


panel.right("as it is", nothing, _as_pairs)
panel.right("two raters", lambda: {"votes": [0, 1, 2, 2], "raters": 2}, _as_pairs)
panel.right("all of one mind", lambda: {"votes": [0, 7, 7]}, _as_pairs)
panel.right("one image", lambda: {"votes": [3]}, _as_pairs)
panel.vary("votes", lists.numbers(VOTES, short=False))
panel.vary("raters", values.count(7, least=7, most=10_000))
panel.circumstances()
panel.refuse("more votes than raters", lambda: {"votes": [8]}, names=("votes",))
panel.refuse("half a vote", lambda: {"votes": [0.5, 1]}, names=("votes",))
panel.refuse("below 0", lambda: {"votes": [-1, 1]}, names=("votes",))
panel.refuse("no votes", lambda: {"votes": []}, names=("votes",))
panel.refuse("one rater", lambda: {"votes": [0, 1], "raters": 1}, names=("raters",))

shares = ROOM.function(
    "kdteach.metrics.share_gap",
    lambda: {"probabilities": [0.0, 1.0, 1.0, 0.0], "shares": [0.0, 1.0, 0.0, 1.0]},
)


def _binned(value: float, arguments: dict[str, Any]) -> None:
    """The gap of each bin, one image after the other."""
    bins = arguments.get("bins", 15)
    said, true = (np.asarray(arguments[k], float) for k in ("probabilities", "shares"))
    sums: dict[int, float] = {}
    for p, q in zip(said.tolist(), true.tolist(), strict=True):
        place = max(1, math.ceil(p * bins))
        sums[place] = sums.get(place, 0.0) + q - p
    near(sum(map(abs, sums.values())) / len(said))(value, {})


shares.right("as it is", nothing, _binned)
shares.right("fractions", lambda: {"probabilities": [0.2, 0.21, 0.9, 0.6],
    "shares": [1 / 7, 3 / 7, 1.0, 0.0]}, _binned)  # fmt: skip
shares.right("one bin", lambda: {"probabilities": [0.2, 0.4, 0.9, 0.5], "bins": 1}, _binned)
shares.vary("probabilities", lists.numbers([0, 1, 1, 0], short=False))
shares.vary("shares", lists.numbers([0, 1, 0, 1], short=False))
shares.vary("bins", values.count(15, most=100_000))
shares.refuse("too few shares", lambda: {"shares": [0.0, 1.0]}, names=("shares",))
shares.refuse("above 1", lambda: {"probabilities": [0.0, 1.0, 1.0, 1.5]},
    names=("probabilities",))  # fmt: skip
shares.refuse("below 0", lambda: {"shares": [0.0, 1.0, 0.0, -1.0]}, names=("shares",))
