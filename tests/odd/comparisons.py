"""Maps and what compares them: against SciPy and loops over the pixels."""

import math
from typing import Any

import numpy as np
import scipy.stats
import torch
from torch import Tensor, nn

from kdteach.explain import Maps
from tests.odd import networks, values
from tests.odd.material import head, seeded, split
from tests.odd.sweep import Room, found, nothing, require_equal

ROOM = Room("explain")
IMAGES = split(3).images

made = ROOM.function(
    "kdteach.explain.Maps", lambda: {"values": IMAGES[:, 0].clone(),
    "target": torch.tensor([3, 0, 5])}
)  # fmt: skip
made.right("as it is", nothing, lambda value, a: require_equal(
    (value.values, value.target, len(value)), (a["values"], a["target"], 3)))  # fmt: skip
made.vary("values", [o for o in values.no_tensor(IMAGES[:, 0])])
made.vary("values", values.refused(("with channels", lambda: IMAGES),
    ("one map", lambda: IMAGES[0, 0]),
                                   ("integers", lambda: IMAGES[:, 0].long()),
                                   ("bool", lambda: IMAGES[:, 0] > 0),
                                   ("too few", lambda: IMAGES[:2, 0]),
                                   ("complex", lambda: IMAGES[:, 0] * 1j)),
          names=("values", "maps", "target"))  # fmt: skip
made.vary("target", values.refused(("None", lambda: None),
    ("too few", lambda: torch.tensor([3])), ("floats", lambda: torch.ones(3)),
                                   ("a number", lambda: 3),
                                   ("bool", lambda: torch.ones(3).bool()),
                                   ("a column", lambda: torch.ones(3, 1).long()),
                                   ("a word", lambda: "305")))  # fmt: skip
made.vary("fit", values.refused(("too few", lambda: torch.ones(2)),
    ("a number", lambda: 1.0), ("integers", lambda: torch.ones(3).long()),
                                ("a list", lambda: [1.0] * 3)))  # fmt: skip


def _maps(seed: int, count: int = 2, side: int = 8) -> Maps:
    numbers = torch.from_numpy(np.random.default_rng(seed).random((count, side, side)))
    return Maps(numbers, torch.zeros(count, dtype=torch.int64))


MAPS_ODD = values.refused(
    ("None", lambda: None), ("bare values", lambda: _maps(0).values),
    ("an array", lambda: _maps(0).values.numpy()),
    ("a word", lambda: "rise"), ("the class", lambda: Maps),
    ("of fewer images", lambda: _maps(0, 1)),
    ("of another size", lambda: _maps(0, 2, 9)),
    ("NaN", lambda: Maps(_maps(0).values * math.nan, _maps(0).target)),
    ("infinite", lambda: Maps(_maps(0).values / 0, _maps(0).target)),
    ("a list", lambda: [_maps(0)]),
    ("of no images", lambda: _maps(0, 0)), ("a broken repr", values.Unprintable),
)  # fmt: skip
OTHER_CLASS = values.refused(("of another class",
    lambda: Maps(_maps(0).values, torch.tensor([0, 1]))))  # fmt: skip
MAP_NAMES = ("maps", "map", "first", "second", "teacher", "classes", "values", "like")
alike = ROOM.function("kdteach.explain.agreement",
    lambda: {"first": _maps(1), "second": _maps(2)})  # fmt: skip


def _by_scipy(value: Any, arguments: dict[str, Any]) -> None:
    top = max(1, round(arguments.get("top", 0.1) * 64))
    for number, (a, b) in enumerate(zip(arguments["first"].values.numpy(),
        arguments["second"].values.numpy(), strict=True)):  # fmt: skip
        rank = scipy.stats.spearmanr(a.ravel(), b.ravel()).statistic
        assert abs(value.spearman[number] - rank) < 1e-9
        first, second = (set(np.argsort(-m.ravel())[:top].tolist()) for m in (a, b))
        assert abs(value.overlap[number] - len(first & second) / top) < 1e-9
        assert -1 <= value.ssim[number] <= 1


alike.right("as it is", nothing, _by_scipy)
alike.right("top of half", lambda: {"top": 0.5}, _by_scipy)
alike.right("in millions", lambda: {"first": Maps(_maps(1).values * 1e6, _maps(1).target)},
    _by_scipy)  # fmt: skip
alike.right("with itself", lambda: {"second": _maps(1)}, lambda value, _: require_equal(
    [list(map(float, v)) for v in (value.spearman, value.ssim, value.overlap)],
    [[1.0, 1.0]] * 3, rtol=1e-9))  # fmt: skip
alike.right("a constant map", lambda: {"second": Maps(torch.ones(2, 8, 8).double(),
    torch.zeros(2).long())},
            lambda value, _: require_equal([value.spearman.tolist(), value.ssim.tolist(),
            value.overlap.tolist()],
                                           [[0.0, 0.0], [0.0, 0.0], [6 / 64] * 2],
                                           rtol=1e-9))  # fmt: skip
for name in ("first", "second"):
    alike.vary(name, [*MAPS_ODD, *OTHER_CLASS], names=MAP_NAMES)
alike.vary("top", values.number(0.5, lambda x: 0 < x < 1))
alike.refuse("maps of 2x2", lambda: {"first": _maps(1, 2, 2), "second": _maps(2, 2, 2)},
    names=MAP_NAMES)  # fmt: skip
alike.circumstances()

closer = ROOM.function(
    "kdteach.explain.closer_to_first", lambda: {"teacher": _maps(1), "first": _maps(1),
    "second": _maps(2)}
)  # fmt: skip
for measure in ("spearman", "ssim", "overlap"):
    closer.right(measure, lambda m=measure: {"measure": m}, lambda value,
        _: require_equal(value.tolist(), [1.0, 1.0]))  # fmt: skip
closer.right("both alike", lambda: {"second": _maps(1)}, lambda value,
    _: require_equal(value.tolist(), [0.5, 0.5]))  # fmt: skip
for name in ("teacher", "first", "second"):
    closer.vary(name, [*MAPS_ODD, *OTHER_CLASS], names=MAP_NAMES)
closer.vary("measure", values.choice("ssim"))
closer.vary("top", values.number(0.5, lambda x: 0 < x < 1))
closer.circumstances()

ranked = ROOM.function(
    "kdteach.explain.rank_correlation", lambda: {"first": _maps(1), "second": _maps(2)},
    also={"without": ("without",)},
)  # fmt: skip


def _ranks_by_scipy(value: Tensor, arguments: dict[str, Any]) -> None:
    """Without a third map by SciPy; with one, what two regressions of ranks leave."""
    third = arguments.get("without")
    for number, (a, b) in enumerate(zip(arguments["first"].values.numpy(),
        arguments["second"].values.numpy(), strict=True)):  # fmt: skip
        if third is None:
            wanted = scipy.stats.spearmanr(a.ravel(), b.ravel()).statistic
        else:
            c = scipy.stats.rankdata(third[number].double().numpy().ravel())
            design = np.stack([np.ones_like(c), c], axis=1)
            left = []
            for part in (a, b):
                ranks = scipy.stats.rankdata(part.ravel())
                fitted = design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
                left.append(ranks - fitted)
            wanted = np.corrcoef(*left)[0, 1]
        assert abs(float(value[number]) - wanted) < 1e-9


ranked.right("as it is", nothing, _ranks_by_scipy)
ranked.right("with ties", lambda: {"first": Maps(
    (_maps(1).values * 4).round(), _maps(1).target)}, _ranks_by_scipy)  # fmt: skip
ranked.right("in millions", lambda: {"first": Maps(_maps(1).values * 1e6, _maps(1).target)},
    _ranks_by_scipy)  # fmt: skip
for label, third in {"the ink": IMAGES[:2, 0], "integers": (IMAGES[:2, 0] * 9).long(),
                     "bool": IMAGES[:2, 0] > 0.5}.items():  # fmt: skip
    ranked.right(f"without {label}", lambda t=third: {"without": t.clone()},
        _ranks_by_scipy)  # fmt: skip
ranked.right("without itself", lambda: {"without": _maps(1).values},
    lambda value, _: require_equal(value.tolist(), [0.0, 0.0]))  # fmt: skip
ranked.right("a constant map", lambda: {"second": Maps(torch.ones(2, 8, 8).double(),
    torch.zeros(2).long())}, lambda value, _: require_equal(value.tolist(), [0.0, 0.0])
)  # fmt: skip
for name in ("first", "second"):
    ranked.vary(name, [*MAPS_ODD, *OTHER_CLASS], names=MAP_NAMES)
ranked.vary("without", values.refused(
    ("an array", lambda: IMAGES[:2, 0].numpy()), ("maps", lambda: _maps(1)),
    ("a number", lambda: 1.0), ("of other images", lambda: IMAGES[:3, 0]),
    ("with channels", lambda: IMAGES[:2]), ("NaN", lambda: IMAGES[:2, 0] * math.nan),
    ("infinite", lambda: IMAGES[:2, 0] / 0), ("complex", lambda: IMAGES[:2, 0] * 1j),
))  # fmt: skip
ranked.circumstances()

nearby = ROOM.function(
    "kdteach.explain.another_of_class", lambda: {"labels": torch.tensor([1, 0, 1, 1, 0])}
)  # fmt: skip


def _beside(value: Tensor, arguments: dict[str, Any]) -> None:
    labels = arguments["labels"]
    assert sorted(value.tolist()) == list(range(len(labels)))
    assert not (value == torch.arange(len(labels))).any()
    assert torch.equal(labels[value], labels)


nearby.right("as it is", nothing, _beside)
nearby.right("of one class", lambda: {"labels": torch.zeros(4).long()}, _beside)
nearby.right("numbers that are far apart", lambda: {"labels": torch.tensor(
    [10**9, 3, 10**9, 3])}, _beside)  # fmt: skip
nearby.vary("labels", values.refused(
    ("None", lambda: None), ("a list", lambda: [0, 0]), ("a word", lambda: "00"),
    ("an array", lambda: np.zeros(4, dtype=np.int64)), ("floats", lambda: torch.zeros(4)),
    ("bool", lambda: torch.zeros(4).bool()), ("complex", lambda: torch.zeros(4) * 1j),
    ("bytes", lambda: torch.zeros(4).byte()), ("a number", lambda: torch.tensor(3)),
    ("a column", lambda: torch.zeros(4, 1).long()),
    ("below 0", lambda: torch.tensor([-1, -1, 0, 0])),
    ("one that occurs once", lambda: torch.tensor([0, 0, 1])),
))  # fmt: skip

shifted = ROOM.function("kdteach.explain.centred", lambda: {"model": head()},
    also={"model": ("model",)})  # fmt: skip


def _around_zero(value: nn.Module, arguments: dict[str, Any]) -> None:
    """The same log-probabilities, and logits that add up to 0."""
    model = arguments["model"]
    mine, its = value(IMAGES), model(IMAGES)
    torch.testing.assert_close(mine, its - its.mean(dim=1, keepdim=True))
    torch.testing.assert_close(mine.log_softmax(dim=1), its.log_softmax(dim=1))
    assert value.training == model.training


shifted.right("as it is", nothing, _around_zero)
shifted.right("in eval mode", lambda: {"model": head().eval()}, _around_zero)
shifted.vary("model", values.refused(
    ("None", lambda: None), ("a function", lambda: lambda x: x),
    ("the class", lambda: nn.Linear), ("a word", lambda: "cnn"),
    ("weights", lambda: head().state_dict()),
))  # fmt: skip

EVIDENCE = torch.zeros(2, 8, 8, dtype=torch.bool)
EVIDENCE[:, 2:5, 2:5] = True
pointing = ROOM.function("kdteach.explain.pointing_game",
    lambda: {"maps": _maps(1), "masks": EVIDENCE.clone()},
                         also={"masks": ("mask",)})  # fmt: skip


def _within(value: Tensor, arguments: dict[str, Any]) -> None:
    reach = int(arguments.get("tolerance", 0))
    for number, (map_, mask) in enumerate(zip(arguments["maps"].values, arguments["masks"],
        strict=True)):  # fmt: skip
        best = (map_ == map_.max()).nonzero().tolist()
        hits = [
            any(abs(i - r) <= reach and abs(j - c) <= reach for i,
            j in mask.nonzero().tolist())
            for r, c in best
        ]  # fmt: skip
        assert abs(float(value[number]) - sum(hits) / len(hits)) < 1e-12


for reach in (0, 1, 3, 20, 10**9):
    pointing.right(f"tolerance of {reach}", lambda r=reach: {"tolerance": r}, _within)
pointing.right("a constant map", lambda: {"maps": Maps(torch.ones(2, 8, 8),
    torch.zeros(2).long())}, _within)  # fmt: skip
pointing.vary("maps", [o for o in MAPS_ODD], names=(*MAP_NAMES, "masks"))
pointing.vary("masks", values.no_tensor(EVIDENCE))
pointing.vary("masks", values.refused(
    ("bytes", lambda: EVIDENCE.to(torch.uint8)), ("floats", lambda: EVIDENCE.double()),
    ("an empty one", lambda: EVIDENCE & False),
    ("of another size", lambda: EVIDENCE[:, :4]), ("one for all", lambda: EVIDENCE[:1]),
    ("with channels", lambda: EVIDENCE[:, None]),
    ("an array", lambda: EVIDENCE.numpy()),
))  # fmt: skip
pointing.vary("tolerance", values.count(1, least=0))
pointing.circumstances()

# controls

cascade = ROOM.function(
    "kdteach.explain.cascade", lambda: {"model": head()},
    call=lambda **a: [(n, dict(m.state_dict())) for n,
    m in found("kdteach.explain.cascade")(**a)],
)  # fmt: skip


def _spoiled(value: Any, arguments: dict[str, Any]) -> None:
    assert [name for name, _ in value] == ["1"]
    assert not torch.equal(value[0][1]["1.weight"], head()[1].weight)


cascade.right("as it is", nothing, _spoiled)
cascade.vary("model", networks.no_network())
cascade.vary("seed", values.seed())
cascade.refuse("no weights", lambda: {"model": nn.ReLU()})
cascade.refuse("a weight of its own", lambda: {"model": _Bare()},
    names=("weights", "model"))  # fmt: skip
cascade.refuse("a shared layer", lambda: {"model": _tied()},
    names=("layers", "weight", "model"))  # fmt: skip
cascade.circumstances()


class _Bare(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))


def _tied() -> nn.Module:
    one, two = seeded(lambda: (nn.Linear(3, 3), nn.Linear(3, 3)))
    two.weight = one.weight
    return nn.Sequential(one, two)


chance = ROOM.function("kdteach.explain.random_maps", lambda: {"like": _maps(1)})
chance.right("as it is", nothing, lambda value, a: require_equal(
    (tuple(value.values.shape), value.target, bool(
    (value.values < 1).all() & (value.values >= 0).all())),
    ((2, 8, 8), a["like"].target, True)))  # fmt: skip
chance.vary("like", [o for o in MAPS_ODD if o.label not in ("of fewer images",
    "of another size", "NaN", "infinite", "of no images")],
            names=MAP_NAMES)  # fmt: skip
chance.vary("seed", values.seed())
chance.circumstances()
