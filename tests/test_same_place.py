"""Maps compared: by SciPy and captum, by loops, and the study that compares them."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

import kdteach as kd
from kdteach.experiments import same_place, same_place_sizes
from kdteach.experiments.catalogue import digits_passed_on, digits_same_place
from kdteach.experiments.passed_on import FEW, FEW_EPOCHS
from kdteach.explain import Maps, another_of_class, centred, rank_correlation
from kdteach.explain.maps import UninformativeMap


@pytest.fixture(scope="module")
def some():
    return kd.load("digits", draw=0, dtype=torch.float64).test.select(torch.arange(12))


@pytest.fixture(scope="module")
def teacher():
    return kd.trained_teacher(0, dtype=torch.float64)


def of_study(name):
    rows = kd.results.load_records(digits_same_place.NAME)
    return [row for row in rows if row.config["study"] == name]


def drawn(seed, count=6):
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(count, 5, 4, generator=random, dtype=torch.float64)
    return Maps(values, torch.arange(count))


def test_the_rank_correlation_is_scipys_also_with_ties():
    first, second = drawn(1), drawn(2)
    tied = Maps((2 * second.values).round(), second.target)
    for other in (second, tied):
        found = rank_correlation(first, other)
        assert found.dtype == torch.float64
        for value, a, b in zip(found, first.values, other.values, strict=True):
            wanted = scipy.stats.spearmanr(a.flatten(), b.flatten()).statistic
            assert float(value) == pytest.approx(wanted, abs=1e-12)


def test_without_the_ink_is_what_two_regressions_leave():
    first, second, ink = drawn(1), drawn(2), drawn(3).values
    both = [Maps(m.values + 2 * ink, m.target) for m in (first, second)]
    high, left = rank_correlation(*both), rank_correlation(*both, without=ink)
    assert float(high.mean()) > 0.6 > 0.3 > float(left.mean())  # both follow the ink
    for value, a, b, c in zip(left, both[0].values, both[1].values, ink, strict=True):
        ranks = [scipy.stats.rankdata(x.flatten()) for x in (a, b, c)]
        design = np.stack([np.ones(20), ranks[2]], axis=1)
        one, other = (
            r - design @ np.linalg.lstsq(design, r, rcond=None)[0] for r in ranks[:2]
        )
        assert float(value) == pytest.approx(np.corrcoef(one, other)[0, 1], abs=1e-10)


def test_a_map_that_is_the_ink_has_nothing_left_and_a_flat_one_warns():
    first, ink = drawn(1), drawn(3).values
    copy = Maps(ink.exp(), first.target)  # the same order
    assert rank_correlation(first, copy, without=ink).tolist() == [0.0] * 6
    with pytest.warns(UninformativeMap, match="the same everywhere"):
        flat = rank_correlation(first, Maps(torch.ones(6, 5, 4), first.target))
    assert flat.tolist() == [0.0] * 6


def test_maps_of_other_classes_are_not_compared():
    first = drawn(1)
    with pytest.raises(ValueError, match="different classes"):
        rank_correlation(first, Maps(first.values, first.target + 1))
    with pytest.raises(ValueError, match="without"):
        rank_correlation(first, first, without=torch.ones(6, 5, 5))
    with pytest.raises(TypeError, match="second"):
        rank_correlation(first, first.values)


def test_another_image_has_the_same_label():
    labels = torch.tensor([4, 1, 4, 4, 1, 0, 0])
    found = another_of_class(labels)
    assert found.tolist() == [2, 4, 3, 0, 1, 6, 5]
    with pytest.raises(ValueError, match="class 9 once"):
        another_of_class(torch.tensor([9, 1, 1]))


def test_what_is_added_to_all_logits_changes_slopes_and_not_centred_ones(some, teacher):
    class Shifted(nn.Module):
        def forward(self, x):
            return teacher(x) + 5 * x.mean(dim=(1, 2, 3))[:, None] ** 2

    plain, moved = (
        kd.explain.saliency(m, some.images, some.labels, signed=True).values
        for m in (teacher, Shifted())
    )
    assert (plain - moved).abs().max() > 1e-3
    plain, moved = (
        same_place.slopes(m, some.images, some.labels).values for m in (teacher, Shifted())
    )
    assert torch.allclose(plain, moved, atol=1e-12)
    x = some.images.clone().requires_grad_()
    z = teacher(x)
    chosen = z.gather(1, some.labels[:, None])[:, 0] - z.mean(dim=1)
    (wanted,) = torch.autograd.grad(chosen.sum(), x)
    assert torch.allclose(plain, wanted[:, 0], atol=1e-12)
    assert not centred(teacher).training


def test_integrated_gradients_add_up_and_are_captums(some, teacher):
    found = same_place.integrated(teacher, some.images, some.labels).values
    exact = kd.explain.saliency(
        centred(teacher), some.images, some.labels, method="integrated gradients",
        signed=True, samples=200,
    ).values  # fmt: skip
    assert (found - exact).abs().max() < 0.05 * exact.abs().max()
    with torch.no_grad():
        rows = torch.arange(len(some))
        whole, black = (
            centred(teacher)(x)[rows, some.labels]
            for x in (some.images, torch.zeros_like(some.images))
        )
    gap = found.sum(dim=(1, 2)) - (whole - black)
    assert gap.abs().max() < 0.1 * (whole - black).abs().max()


def test_occlusion_is_a_loop_over_squares(some, teacher):
    few = some.select(torch.arange(2))
    found = same_place.occluded(teacher, few.images, few.labels).values
    for i, (image, label) in enumerate(zip(few.images, few.labels, strict=True)):
        for row, column in ((0, 0), (3, 4), (7, 2)):
            hidden = image.clone()
            for r in range(8):
                for c in range(8):
                    if max(abs(r - row), abs(c - column)) <= 1:
                        hidden[0, r, c] = 0
            with torch.no_grad():
                z, after = centred(teacher)(torch.stack([image, hidden]))[:, label]
            assert float(found[i, row, column]) == pytest.approx(float(z - after))


def test_the_settings_are_those_that_the_earlier_study_chose():
    assert (same_place.FEW, same_place.FEW_EPOCHS) == (FEW, FEW_EPOCHS)
    names = {"temperature", "learning_rate"}
    for arm, setting in same_place.SETTINGS.items():
        rows = [
            r.config
            for r in kd.results.load_records(digits_passed_on.NAME)
            if (r.config["study"], r.config["role"]) == ("few images", arm)
        ]
        assert len(rows) == 10
        for config in rows:
            assert {k: v for k, v in config.items() if k in names} == setting


def test_the_study_has_the_arms_and_numbers_that_it_names(monkeypatch):
    """Two divisions and next to no training, for the names and the shapes alone."""
    monkeypatch.setattr(same_place, "FEW_EPOCHS", 2)
    monkeypatch.setattr(same_place, "ALL_EPOCHS", 1)
    draws = [kd.load("digits", draw=seed, dtype=torch.float64) for seed in range(2)]
    draws = [replace(d, test=d.test.select(torch.arange(60))) for d in draws]
    teachers = [kd.trained_teacher(seed, dtype=torch.float64) for seed in range(2)]
    found = same_place.maps_alike(draws, teachers, runs=1)
    recorded = of_study("maps")
    assert {r.config["role"] for r in recorded} == set(found)
    for arm in found.values():
        assert {*arm.more, "test_errors", "valid_errors", "test_accuracy"} == {
            *recorded[0].result
        }
        assert all(len(numbers) == 2 for numbers in arm.more.values())
    assert found["labels"].more["gradient, label, closer"] == [0.5, 0.5]
    # the other teacher's map agrees with itself
    other = found["other teacher"].more["gradient, label, to the other"]
    assert other == pytest.approx([1.0, 1.0])


def test_students_of_more_images_choose_their_rate_and_have_the_recorded_numbers():
    draws = [kd.load("digits", draw=seed, dtype=torch.float64) for seed in range(2)]
    draws = [replace(d, test=d.test.select(torch.arange(60))) for d in draws]
    teachers = [kd.trained_teacher(seed, dtype=torch.float64) for seed in range(2)]
    sizes = {"60": (60, 2), "1,079": (None, 1)}
    found = same_place_sizes.maps_by_size(
        draws, teachers, runs=1, sizes=sizes, rates=(1e-4, 0.06)
    )  # fmt: skip
    recorded = of_study("more digits")
    roles = {r.config["role"] for r in recorded if "longer" not in r.config["role"]}
    assert {*found} <= roles
    for role, arm in found.items():
        tried = [errors for _, errors in arm.tried]
        assert len(tried) == (1 if "other" in role else 2)
        assert dict(arm.setting) == dict(arm.tried[tried.index(min(tried))][0])
        assert {*arm.more, "test_errors", "valid_errors", "test_accuracy"} == {
            *recorded[0].result
        }
    # rates so low that nothing is learned are not chosen
    assert found["distilled, 1,079"].setting["learning_rate"] == 0.06


def test_with_60_images_the_second_study_repeats_the_first_where_the_rates_agree():
    first = {(r.config["role"], r.seed): r for r in of_study("maps")}
    for row in of_study("more digits"):
        role, _, size = row.config["role"].rpartition(", ")
        before = first.get((role, row.seed))
        if size != "60" or row.config["learning_rate"] != 0.06:
            continue
        for name in ("test errors", "gradient, label", "gradient, runner-up, new to both"):
            assert row.result[name] == pytest.approx(before.result[name], abs=1e-9)


def test_at_a_given_rate_label_trained_students_are_those_of_the_second_study():
    draws = [kd.load("digits", draw=seed, dtype=torch.float64) for seed in range(2)]
    draws = [replace(d, test=d.test.select(torch.arange(60))) for d in draws]
    teachers = [kd.trained_teacher(seed, dtype=torch.float64) for seed in range(2)]
    few = {"runs": 1, "sizes": {"60": (60, 2)}}
    found = same_place_sizes.labels_at(0.06, draws, teachers, **few)
    whole = same_place_sizes.maps_by_size(draws, teachers, rates=(0.06,), **few)
    (arm,) = found.values()
    for name, values in arm.more.items():
        assert values == pytest.approx(whole["labels, 60"].more[name], abs=1e-9)
    recorded = of_study("equal rate")
    assert {r.config["role"] for r in recorded} == {
        f"labels, {size}" for size in same_place_sizes.EQUAL
    }
    assert {r.config["learning_rate"] for r in recorded} == {0.06}


def test_the_records_are_whole_and_made_from_committed_files():
    arms = {}
    for record in kd.results.load_records(digits_same_place.NAME):
        assert not str(record.environment["commit"]).endswith("+")
        arms.setdefault((record.config["study"], record.config["role"]), []).append(record)
    sizes = len(same_place_sizes.SIZES)
    assert len(arms) == 8 + 3 * sizes + len(same_place_sizes.EQUAL)
    for rows in arms.values():
        assert sorted(row.seed for row in rows) == list(range(10))


def test_the_images_new_to_both_teachers_are_in_neither_training_part():
    draws = [kd.load("digits", draw=seed, dtype=torch.float64) for seed in range(2)]
    new = same_place._unseen(draws[0].test.images, draws[1].train.images)
    for image in draws[0].test.images[new][:20]:
        assert not (draws[1].train.images == image).flatten(1).all(dim=1).any()
    for image in draws[0].test.images[~new][:20]:
        assert (draws[1].train.images == image).flatten(1).all(dim=1).any()
    rows = [r for r in of_study("maps") if (r.config["role"], r.seed) == ("labels", 0)]
    assert rows[0].result["images"] == int(new.sum())


def test_the_figure_of_leads_says_its_numbers_and_stays_on_its_axis():
    few, many = kd.mean_interval([0.0, 0.02]), kd.mean_interval([0.05, 0.06])
    rows = {"60": ([0.0, 0.02], few), "600": ([0.05, 0.06], many)}
    about = {"enough": 0.05, "alt": "Leads in two rows.", "caption": "It grows."}
    figure = kd.plots.same_place.leads(rows, equal={"600": many}, **about)
    assert "60: 0.010, " in figure.alt
    assert "600: 0.055, " in figure.alt
    assert figure.alt.count("at one rate 0.055") == 1
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count("<circle") >= 4
        assert drawing.count("stroke-dasharray") == 1
    with pytest.raises(ValueError, match="of its own"):
        kd.plots.same_place.leads(rows, equal={"200": many}, **about)
    with pytest.raises(ValueError, match="values"):
        kd.plots.same_place.leads({"60": ([0.2], few)}, equal={}, **about)


def test_the_figure_of_controls_says_its_numbers_and_knows_its_colours():
    rows = {
        "bare": ("soft", [-0.003]),
        "distilled": ("student", [0.3, 0.4]),
        "teacher": ("teacher", [0.55]),
    }
    about = {"sizes": ("few", "many"), "alt": "Three rows.", "caption": "It is so."}
    figure = kd.plots.same_place.controls(rows, **about)
    assert "bare: \u22120.003; distilled: 0.300 and 0.400; teacher: 0.550" in figure.alt
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count("<circle") == 2 + 4
    for colour, values in (("label", [0.3]), ("soft", [0.7]), ("soft", [0.1, 0.2, 0.3])):
        with pytest.raises(ValueError, match=r"colour|needs"):
            kd.plots.same_place.controls({"x": (colour, values)}, **about)


def test_the_figure_of_parts_wants_one_sum_and_says_its_numbers():
    rows = {
        "image": {"any|digit": 0.05, "this digit": 0.016},
        "teacher": {"any": 0.04, "this|one": 0.026},
    }
    figure = kd.plots.same_place.parts(rows, alt="Two bars.", caption="It is so.")
    assert "The whole: 0.066. image: any digit 0.050, this digit 0.016;" in figure.alt
    for drawing in (figure.wide, figure.narrow):
        assert drawing.count("<rect") == 4
    for wrong, why in (({"any": 0.05}, "one sum"), ({"a": 0.067, "b": -0.001}, "above 0")):
        with pytest.raises(ValueError, match=why):
            kd.plots.same_place.parts(
                rows | {"image": wrong}, alt="Two bars.", caption="It is so."
            )


def test_columns_of_maps_say_how_each_agrees_with_the_top_one(some):
    maps = {"teacher": drawn(4, 3).values, "label-|trained": drawn(5, 3).values}
    alike = {"teacher": [0.5, -0.25], "label-|trained": [0.9, 1.0]}
    about = {"alt": "Three rows.", "caption": "It is so."}
    images = some.images[:3, :, :5, :4]
    figure = kd.plots.same_place.columns(images, maps, alike, **about)
    assert "teacher: 0.50, \u22120.25; label-trained: 0.90, 1.00." in figure.alt
    for drawing in (figure.wide, figure.narrow):
        assert "\u22120.25" in drawing
        assert drawing.count("with the top:") == 2
    with pytest.raises(ValueError, match="titles"):
        kd.plots.same_place.columns(images, maps, {"teacher": [0.5, 0.2]}, **about)
    with pytest.raises(ValueError, match="less"):
        kd.plots.same_place.columns(images, maps, alike | {"teacher": [0.5]}, **about)
