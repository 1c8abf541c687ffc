"""The figures and the slider of *What label smoothing hides* say what they were given."""

import math
import re
import shutil

import numpy as np
import pytest
import torch

import kdteach as kd
from kdteach.experiments import planes as features_on
from kdteach.experiments import smoothed_teachers
from kdteach.experiments.catalogue import smoothed_planes
from kdteach.live import live_smoothing
from kdteach.live.bundle import _IMPORT, joined, source
from kdteach.plots.label_smoothing import (
    arms,
    looseness,
    on_plane,
    one_bias,
    planes,
    which_teacher,
)
from kdteach.seeding import generator
from kdteach.stats import Interval
from kdteach.types import Split

needs_browser = pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")),
    reason="Chromium is not installed",
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed, "test"), dtype=torch.float64)


LABELS = torch.tensor([0, 1, 2] * 6)
CORNERS = torch.tensor([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]], dtype=torch.float64)
POINTS = CORNERS[LABELS] + normal(18, 2)


def test_a_projection_is_the_nearest_point_of_the_plane():
    """Least squares in NumPy: the same distances between points, the same residual."""
    features, templates = normal(7, 5), normal(3, 5, seed=1)
    found = on_plane(features, templates)
    edges = (templates[1:] - templates[0]).numpy().T
    moved = (features - templates.mean(dim=0)).numpy().T
    nearest = edges @ np.linalg.lstsq(edges, moved, rcond=None)[0]
    assert torch.pdist(found).numpy() == pytest.approx(
        torch.pdist(torch.from_numpy(nearest.T)).numpy()
    )
    with pytest.raises(ValueError, match=r"templates \(3, D\)"):
        on_plane(features, templates[:2])


def test_a_picture_is_turned_to_another():
    """A turned and mirrored copy comes back; distances are as before, in any case."""
    mirrored = torch.tensor([[0.6, 0.8], [0.8, -0.6]], dtype=torch.float64)
    centres = torch.stack([POINTS[c == LABELS].mean(dim=0) for c in range(3)])
    back = features_on.turned(POINTS @ mirrored + 5, LABELS, POINTS, LABELS)
    torch.testing.assert_close(back, POINTS - centres.mean(dim=0))
    other = CORNERS.flip(0)[LABELS[:9]] + normal(9, 2, seed=1)
    found = features_on.turned(other, LABELS[:9], POINTS, LABELS)
    torch.testing.assert_close(torch.pdist(found), torch.pdist(other))
    assert looseness(found, LABELS[:9]) == pytest.approx(looseness(other, LABELS[:9]))
    apart = []
    for angle in torch.linspace(0, 2 * math.pi, 721, dtype=torch.float64)[:-1]:
        c, s = angle.cos(), angle.sin()
        for flip in (1.0, -1.0):
            turn = torch.stack([torch.stack([c, s]), flip * torch.stack([-s, c])])
            moved = found @ turn
            own = torch.stack([moved[LABELS[:9] == k].mean(dim=0) for k in range(3)])
            apart.append(((own - (centres - centres.mean(dim=0))) ** 2).sum().item())
    assert apart[0] == pytest.approx(min(apart))  # no other turn is nearer
    with pytest.raises(ValueError, match="same two classes"):
        features_on.turned(POINTS, LABELS, POINTS, LABELS + 1)
    with pytest.raises(ValueError, match="same two classes"):
        features_on.turned(POINTS, 0 * LABELS, POINTS, 0 * LABELS)
    with pytest.raises(ValueError, match=r"points must be \(N, 2\)"):
        features_on.turned(normal(18, 3), LABELS, POINTS, LABELS)
    with pytest.raises(ValueError, match=r"like must be \(N, 2\)"):
        features_on.turned(POINTS, LABELS, POINTS, LABELS[1:])


def test_looseness_by_hand():
    points = torch.tensor([[0.0, 1.0], [0.0, -1.0], [4.0, 1.0], [4.0, -1.0]])
    assert looseness(points, torch.tensor([0, 0, 1, 1])) == pytest.approx(1 / 4)
    with pytest.raises(ValueError, match="two classes"):
        looseness(points, torch.zeros(4))
    with pytest.raises(TypeError, match="tensors"):
        looseness([[1.0]], [0])


def test_each_panel_has_its_dots_and_says_how_loose_it_is():
    panels = {"a": ("one", POINTS, LABELS), "b": ("two", 3 * POINTS, LABELS)}
    figure = planes(panels, ["x", "y", "z"], caption="They lie apart.")
    assert figure.wide.count("<circle") == figure.narrow.count("<circle") == 36
    width = f"{looseness(POINTS, LABELS):.2f}"
    assert f"a, one: {width}; b, two: {width}" in figure.alt
    assert figure.wide.count(f">width {width}<") == 2
    assert figure.narrow.count(f">width {width}<") == 2
    half = figure.wide.count("<circle") // 2
    dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', figure.wide)
    heights = [y for _, y in dots]
    assert heights[:half] == heights[half:]  # a scale of their own
    with pytest.raises(ValueError, match="three classes"):
        planes({"a": ("", POINTS[:2], LABELS[:2])}, ["x", "y"], caption="c")
    with pytest.raises(TypeError, match="dictionary"):
        planes([], ["x"], caption="c")
    with pytest.raises(ValueError, match="empty"):
        planes({}, ["x"], caption="c")


def test_a_difference_has_the_colour_of_the_better_teachers():
    rows = {
        "fewer": Interval(-4.0, -6.0, -2.0, 0.95, 10),
        "open": Interval(1.0, -3.0, 5.0, 0.95, 10),
        "more": Interval(3.0, 2.0, 4.0, 0.95, 10),
    }
    figure = which_teacher(rows, reach=10, axis="errors", caption="c", apart=["open"])
    assert "fewer: -4.0, -6.0 to -2.0; open: +1.0, -3.0 to +5.0" in figure.alt
    for drawing in (figure.wide, figure.narrow):
        tones = re.findall(r'<circle[^>]*fill="var\(--kd-(\w+)\)"', drawing)
        assert tones == ["label", "soft", "student"]
        assert ">\N{MINUS SIGN}4.0<" in drawing
        # the means lie where the axis says
        dots = re.findall(r'<circle cx="([\d.]+)"[^>]*fill="var', drawing)
        a, b, c = map(float, dots)
        assert (b - a) / (c - a) == pytest.approx(5 / 7, abs=0.01)
    for wrong, error, words in (
        (dict(rows=[]), TypeError, "dictionary"),
        (dict(rows={}), ValueError, "empty"),
        (dict(rows={"a": 1.0}), TypeError, "Interval"),
        (dict(reach=5), ValueError, "-5 to 5"),
        (dict(apart=["none"]), ValueError, "no rows"),
    ):
        with pytest.raises(error, match=words):
            which_teacher(
                **({"rows": rows, "reach": 10, "axis": "x", "caption": "c"} | wrong)
            )


def test_a_bias_changes_the_answer_and_no_other_logit():
    image, logits = torch.zeros(1, 8, 8), [0.5, -1.0, 2.0, 1.2]
    figure = one_bias(image, logits, 1.0, 3, caption="It is found.")
    assert figure.wide.count("answer: 2") == figure.wide.count("answer: 3") == 1
    assert "0 +0.5; 1 \N{MINUS SIGN}1.0; 2 +2.0; 3 +1.2" in figure.alt
    assert "answers 2; with 1.0 more for the 3, it answers 3." in figure.alt
    assert figure.wide.count("var(--kd-label)") == 1  # the bias alone
    # logits of the 3 and of the answer stand above their bars
    assert figure.wide.count(">+2.0<") == figure.narrow.count(">+2.0<") == 1
    assert figure.wide.count(">+1.2<") == figure.wide.count(">+2.2<") == 1
    with pytest.raises(ValueError, match=r"image must be \(1, H, W\)"):
        one_bias(image[0], logits, 1.0, 3, caption="c")
    with pytest.raises(ValueError, match="bias"):
        one_bias(image, logits, -1.0, 3, caption="c")
    with pytest.raises(ValueError, match="number"):
        one_bias(image, logits, 1.0, 4, caption="c")


def test_arms_write_their_means():
    figure = arms(
        {"one": ("student", [10, 20]), "two": ("baseline", [30, 50])},
        most=60, unit="errors", caption="c",
    )  # fmt: skip
    assert "Means: one 15.0, two 40.0." in figure.alt
    assert ">15.0<" in figure.wide
    with pytest.raises(ValueError, match="0 to 60"):
        arms({"one": ("student", [70])}, most=60, unit="errors", caption="c")
    with pytest.raises(TypeError, match="dictionary"):
        arms([1], most=60, unit="errors", caption="c")
    with pytest.raises(ValueError, match="empty"):
        arms({}, most=60, unit="errors", caption="c")


def test_the_stored_points_are_of_three_digits():
    found = smoothed_planes.planes()
    assert len(found) == 4
    for points, labels in found.values():
        assert points.shape == (180, 2)
        assert labels.bincount()[[3, 5, 8]].tolist() == [60] * 3
        assert torch.equal(points, points.float().double())
    wide = {key: looseness(*given) for key, given in found.items()}
    for part in ("train", "valid"):
        assert wide["smoothed", part] < wide["hard", part]


EPSILONS = (0.0, 0.1, 0.4)
LOGITS = [normal(2, 10, seed=seed) for seed in range(3)]


def slider(**changes):
    images = torch.linspace(0, 1, 128, dtype=torch.float64).view(2, 1, 8, 8)
    given = {
        "epsilons": EPSILONS,
        "points": [POINTS, 2 * POINTS + 1, POINTS.flip(1)],
        "labels": LABELS,
        "split": Split(images, torch.tensor([3, 8]), torch.arange(2)),
        "logits": LOGITS,
        "classes": list("0123456789"),
        "leads": [20.0, 4.6, 2.5],
        "errors": [12, 7, 9],
        "total": 359,
    }
    return live_smoothing(**(given | changes))


def test_the_data_are_scaled_and_have_their_goals():
    data = slider().data
    assert [t["epsilon"] for t in data["teachers"]] == list(EPSILONS)
    goals = [t["goal"] for t in data["teachers"]]
    assert goals[0] is None
    assert goals[1:] == pytest.approx([math.log(91), math.log(0.64 / 0.04)])
    first, second = (np.array(t["points"]) for t in data["teachers"][:2])
    assert first == pytest.approx(second, abs=2e-4)  # scale and origin are their own
    assert data["members"] == LABELS.tolist()


@needs_browser
def test_the_page_computes_as_torch_does(page):
    """By keyboard through all teachers, for both digits."""
    page.set_content(
        '<!doctype html><html lang="en"><title>t</title><body><main>'
        f"{slider()._repr_html_()}</main></body></html>"
    )
    knob = page.get_by_role("slider")
    for image, label in enumerate((3, 8)):
        page.get_by_role("radio").nth(image).check()
        knob.focus()
        knob.press("Home")
        for place, epsilon in enumerate(EPSILONS):
            state = page.evaluate("document.querySelector('.kd-live').kdState")
            logits = LOGITS[place][image]
            wrong = logits[torch.arange(10) != label]
            assert (state["epsilon"], state["chosen"]) == (epsilon, image)
            assert state["spread"] == pytest.approx(
                wrong.std(correction=0).item(), abs=1e-6
            )
            around = logits - wrong.mean()
            around[label] = 0
            assert state["around"] == pytest.approx(around.tolist(), abs=2e-6)
            words = page.locator(".kd-words").inner_text()
            assert f"{(12, 7, 9)[place]} of 359" in words
            assert ("no goal" in words) == (epsilon == 0)
            named = page.locator(".kd-bars .kd-small").all_text_contents()
            assert named == [c for c in "0123456789" if c != str(label)]
            beside = page.locator(".kd-named").inner_text()
            assert beside.startswith(f"Label: {label}.")
            assert "not among the dots" in beside
            knob.press("ArrowRight")
    assert not page.kd_errors


def test_the_module_stands_alone():
    assert not _IMPORT.findall(joined("smoothing"))
    assert "innerHTML" not in source("smoothing")


@pytest.fixture(scope="module")
def digits():
    return kd.load("digits", draw=0, dtype=torch.float64)


def test_a_teacher_is_that_of_a_plain_loss(digits):
    """One epoch in plain PyTorch, from the same weights and in the same order."""
    found = smoothed_teachers.teach(digits, 0.1, epochs=1)
    network = kd.build("fc-128", input_shape=(1, 8, 8), seed=0, dtype=torch.float64)
    sgd = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.9, nesterov=True)
    falls = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 17)
    part, order = digits.train, generator(0, "order")
    for rows in torch.randperm(len(part), generator=order).split(64):
        loss = torch.nn.functional.cross_entropy(
            network(part.images[rows]), part.labels[rows], label_smoothing=0.1
        )
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        falls.step()
    for ours, plain in zip(found.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-12)
    assert not found.training
    with pytest.raises(ValueError, match="smoothing"):
        smoothed_teachers.teach(digits, 1.5)


def test_arms_are_trained_as_one_by_one(digits):
    few = digits.train.select(torch.arange(20))
    losses = [kd.hard_labels()] * 2 + [kd.hard_labels(smoothing=0.2)] * 2
    arms = smoothed_teachers.train_arms(
        "fc-4", losses, [few] * 2, 0.1, epochs=2, batch_size=10
    )
    assert [len(arm) for arm in arms] == [2, 2]
    alone = kd.build("fc-4", input_shape=(1, 8, 8), seed=1, dtype=torch.float64)
    kd.fit(
        alone, few, losses[2], epochs=2, batch_size=10, learning_rate=0.1, seed=1,
        optimizer=kd.training.sgd_momentum, schedule=kd.training.cosine,
    )  # fmt: skip
    for ours, plain in zip(arms[1][1].parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours, plain)
    for wrong in (losses[:3], []):
        with pytest.raises(ValueError, match="one objective a set"):
            smoothed_teachers.train_arms(
                "fc-4", wrong, [few] * 2, 0.1, epochs=1, batch_size=10
            )


def test_arms_of_several_rates_are_as_if_trained_alone(digits):
    """SGD: a loss times its share of the rate takes the steps of that rate."""
    few = digits.train.select(torch.arange(30))
    v = kd.teacher_logits(
        kd.build("fc-4", input_shape=(1, 8, 8), seed=5, dtype=torch.float64), digits.train
    )
    losses = [kd.hard_labels()] * 2 + [kd.distil(v, 4.0, alpha=1.0)] * 2
    shape = dict(epochs=3, batch_size=10)
    train = smoothed_teachers.train_arms
    together = train("fc-4", losses, [few] * 2, [0.1, 0.3], **shape)
    alone = [
        *train("fc-4", losses[:2], [few] * 2, 0.1, **shape),
        *train("fc-4", losses[2:], [few] * 2, 0.3, **shape),
    ]
    pairs = zip((*together[0], *together[1]), (*alone[0], *alone[1]), strict=True)
    for ours, plain in pairs:
        for a, b in zip(ours.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(a, b)
    for rates in ([0.1], [0.1, -1.0]):
        with pytest.raises(ValueError, match="rate must be"):
            train("fc-4", losses, [few] * 2, rates, **shape)


def test_leads_are_a_mean_over_teachers(digits):
    networks = [
        kd.build("fc-8", input_shape=(1, 8, 8), seed=s, dtype=torch.float64) for s in (0, 1)
    ]
    found = smoothed_teachers.mean_leads(networks, [digits] * 2)
    rows = torch.arange(len(digits.train))
    wanted = []
    for network in networks:
        v = network(digits.train.images).detach()
        right = v[rows, digits.train.labels]
        wanted.append((right - (v.sum(dim=1) - right) / 9).mean().item())
    assert found.lead == pytest.approx(sum(wanted) / 2)
    with pytest.raises(ValueError, match="as many"):
        smoothed_teachers.mean_leads(networks, [digits])


def test_smoothed_labels_are_as_soft_as_a_teacher(digits):
    labels = digits.train.labels
    v = normal(len(labels), 10) + 6 * torch.nn.functional.one_hot(labels, 10)
    share = (v / 4).softmax(dim=1)[torch.arange(len(v)), labels].mean().item()
    found = smoothed_teachers.as_soft_as(v, labels, 4.0)
    batch = kd.types.Batch(digits.train.images, labels, digits.train.index, 0)
    network = kd.build("fc-4", input_shape=(1, 8, 8), seed=0, dtype=torch.float64)
    epsilon = (1 - share) * 10 / 9
    wanted = torch.nn.functional.cross_entropy(
        network(digits.train.images), labels, label_smoothing=epsilon
    )
    assert found(network, batch).total.item() == pytest.approx(wanted.item())
    with pytest.raises(ValueError, match="temperature"):
        smoothed_teachers.as_soft_as(v, labels, 0.0)


class Asked(torch.nn.Module):
    """Answers with the first pixels."""

    def forward(self, images):
        return images.flatten(1)[:, :3]


def test_after_a_bias_by_hand():
    rows = torch.tensor([[0.5, 0.9, 0.0], [0.7, 0.0, 0.9], [0.0, 0.9, 0.1], [0.6, 0.9, 0]])
    images = torch.zeros(4, 1, 1, 3).double()
    images[:, 0, 0] = rows
    part = Split(images, torch.tensor([0, 0, 1, 1]), torch.arange(4))
    data = kd.types.ImageSet("three", part, part, part, ("a", "b", "c"), "-")
    found = smoothed_teachers.after_bias(Asked(), data, 0)
    # margins -0.4, -0.2 against -0.9, -0.3: three of four pairs; a bias of 0.2 to 0.3 or
    # of 0.4 to 0.9 leaves one error
    assert found.ranked == 75
    assert found.errors == 1
    assert found.recall in (50, 100)
    with pytest.raises(ValueError, match="number"):
        smoothed_teachers.after_bias(Asked(), data, 3)


def test_points_of_three_classes(digits):
    network = kd.build("fc-8", input_shape=(1, 8, 8), seed=0, dtype=torch.float64)
    points, labels = features_on.class_points(network, digits.valid, (3, 5, 8))
    some = digits.valid.select(torch.isin(digits.valid.labels, torch.tensor([3, 5, 8])))
    flat = some.images.flatten(1)
    hidden = torch.relu(flat @ network[1].weight.T + network[1].bias)
    wanted = on_plane(hidden.detach(), network[-1].weight.detach()[[3, 5, 8]])
    torch.testing.assert_close(points, wanted)
    assert torch.equal(labels, some.labels)
    with pytest.raises(ValueError, match="three"):
        features_on.class_points(network, digits.valid, (3, 5))
    with pytest.raises(ValueError, match="classes"):
        features_on.class_points(network, digits.valid, (3, 5, 10))
    with pytest.raises(TypeError, match="ends in an"):
        features_on.last_layer_inputs(network[:-1], digits.valid.images)
    with pytest.raises(TypeError, match="got Identity"):
        features_on.last_layer_inputs(torch.nn.Identity(), digits.valid.images)


def test_eleven_pairs_of_the_record():
    rows = smoothed_teachers.mnist_pairs()
    assert len(rows) == 11
    records = kd.results.load_records("mnist-smoothing")
    for smoothed, hard in rows.values():
        assert smoothed.seeds == hard.seeds == tuple(range(10))
    for place, epsilon in enumerate((0.1, None)):
        wanted = {
            r.seed: r.result["test_class_errors"][3]
            for r in records
            if r.config.get("omit") == [3]
            and r.config["teacher"].get("smoothing") == epsilon
        }
        assert dict(enumerate(rows["unseen 3s missed, T = 20"][place])) == wanted
        wanted = {
            r.seed: r.result["valid_bias_test_errors"]
            for r in records
            if r.config.get("omit") == [3]
            and r.config["teacher"].get("smoothing") == epsilon
        }
        assert dict(enumerate(rows["all errors, with a bias"][place])) == wanted


def test_errors_on_other_digits_of_the_record():
    """All errors less the missed 3s, read from the lines of the record."""
    found = smoothed_teachers.mnist_other_digits()
    records = kd.results.load_records("mnist-smoothing")
    for name, key in (("as it is", "test"), ("with a bias", "valid_bias_test")):
        for place, epsilon in enumerate((0.1, None)):
            wanted = {
                r.seed: r.result[f"{key}_errors"] - r.result[f"{key}_class_errors"][3]
                for r in records
                if r.config.get("omit") == [3]
                and r.config["teacher"].get("smoothing") == epsilon
            }
            assert found[name][place].seeds == tuple(range(10))
            assert dict(enumerate(found[name][place])) == wanted


def test_other_images_have_the_mean_of_the_pairs():
    """The interval by hand: a normal one, of the sum over all test images."""
    gap = smoothed_teachers.mnist_other_images(transfer=300, temperature=1.0)
    smoothed, hard = smoothed_teachers.mnist_pairs()["300 images, T = 1"]
    assert gap.mean == pytest.approx(smoothed.mean() - hard.mean())
    counts = np.zeros(10_000)
    for record in kd.results.load_records("mnist-smoothing"):
        config = record.config
        if config.get("transfer") == 300 and config.get("temperature") == 1.0:
            smooth = config["teacher"].get("smoothing") == 0.1
            counts[record.result["test_wrong"]] += 0.1 if smooth else -0.1
    half = 1.96 * counts.std(ddof=1) * 100  # 10,000 times, divided by the root of it
    assert (gap.low, gap.high) == pytest.approx(
        (gap.mean - half, gap.mean + half), rel=1e-3
    )
    with pytest.raises(LookupError):
        smoothed_teachers.mnist_other_images(transfer=5)


def test_the_best_temperatures_of_the_record():
    records = kd.results.load_records("mnist-smoothing")
    for images in (100, 300):
        found = smoothed_teachers.mnist_best_temperatures(images)
        for kind, epsilon in (("smoothed", 0.1), ("hard", None)):
            errors = {}
            for r in records:
                if (
                    r.config.get("transfer") == images
                    and "teacher" in r.config
                    and r.config["teacher"].get("smoothing") == epsilon
                ):
                    t = r.config["temperature"]
                    errors[t] = errors.get(t, 0) + r.result["valid_errors"]
            assert len(errors) == 3
            assert all(errors[found[kind]] <= other for other in errors.values())
    with pytest.raises(ValueError, match="one of"):
        smoothed_teachers.mnist_best_temperatures(200)
    with pytest.raises(TypeError, match="images"):
        smoothed_teachers.mnist_best_temperatures("300")
