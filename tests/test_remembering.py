"""A teacher that remembers what it has said."""

import copy

import pytest
import torch
from torch import nn

import kdteach as kd
from kdteach.data import compose, horizontal_flip, random_crop
from kdteach.models import remembering
from kdteach.seeding import generator


class Counting(nn.Module):
    """A linear network that counts the images it computes."""

    def __init__(self, classes=10, pixels=64):
        super().__init__()
        self.layer = nn.Linear(pixels, classes)
        self.computed = 0

    def forward(self, images):
        self.computed += len(images)
        return self.layer(images.flatten(1))


@pytest.fixture
def teacher():
    with kd.seeding.seeded(0, "init"):
        return Counting()


@pytest.fixture
def images():
    return torch.rand(40, 1, 8, 8, generator=generator(1, "order"))


def asked(model, images):
    model.eval()
    with torch.no_grad():
        return model(images)


def test_answers_are_the_networks_and_come_once(teacher, images):
    mine = remembering(teacher)
    for rows in (torch.arange(10), torch.arange(5, 25), torch.arange(39, -1, -1)):
        expected = asked(teacher, images[rows])
        before = teacher.computed
        torch.testing.assert_close(asked(mine, images[rows]), expected)
        assert teacher.computed - before <= len(rows)
    before = teacher.computed
    asked(mine, images)
    assert teacher.computed == before  # all known
    assert (mine.asked, mine.computed) == (10 + 20 + 40 + 40, 40)


def test_an_image_twice_in_a_batch(teacher, images):
    mine = remembering(teacher)
    rows = torch.tensor([3, 3, 4, 3])
    first = asked(mine, images[rows])
    torch.testing.assert_close(first, asked(teacher, images[rows]))
    torch.testing.assert_close(asked(mine, images[rows.flip(0)]), first.flip(0))


def test_one_pixel_makes_another_image(teacher, images):
    mine = remembering(teacher)
    asked(mine, images)
    for pixel in range(64):
        other = images[:1].clone()
        other.flatten(1)[0, pixel] += 1e-3
        torch.testing.assert_close(asked(mine, other), asked(teacher, other))


def test_large_images_differ_in_every_pixel():
    with kd.seeding.seeded(0, "init"):
        teacher = Counting(pixels=3 * 80 * 80)
    mine, image = remembering(teacher), torch.zeros(1, 3, 80, 80)
    asked(mine, image)
    for pixel in (0, 1, 2, 3, 9_999, 19_199):
        other = image.clone()
        other.flatten()[pixel] = 1.0
        torch.testing.assert_close(asked(mine, other), asked(teacher, other))
    assert mine.computed == 7


def test_the_shape_counts():
    class Rows(Counting):
        def forward(self, images):
            return super().forward(images[:, :, :2, :4])

    with kd.seeding.seeded(0, "init"):
        teacher = Rows(pixels=8)
    mine, flat = remembering(teacher), torch.arange(32.0)
    for shape in ((1, 1, 4, 8), (1, 1, 8, 4)):
        images = flat.reshape(shape)
        torch.testing.assert_close(asked(mine, images), asked(teacher, images))


@pytest.mark.parametrize("how", ["step", "load", "autocast", "dtype"])
def test_it_forgets_when_the_answer_would_be_another(teacher, images, how):
    mine = remembering(teacher)
    asked(mine, images)
    if how == "step":
        with torch.no_grad():
            teacher.layer.weight.add_(1.0)
    elif how == "load":
        teacher.load_state_dict({k: v + 1 for k, v in teacher.state_dict().items()})
    elif how == "dtype":
        mine, images = mine.double(), images.double()
    with torch.autocast("cpu", torch.bfloat16, enabled=how == "autocast"):
        found, expected = asked(mine, images), asked(teacher, images)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_nothing_is_remembered_in_train_mode_or_with_gradients(teacher, images):
    mine = remembering(teacher.train())
    assert mine.training
    mine(images)
    logits = mine.eval()(images)
    logits.sum().backward()
    assert teacher.layer.weight.grad is not None
    assert mine.asked == 0


def test_hooks_see_every_image(teacher, images):
    mine = remembering(teacher)
    asked(mine, images)
    with kd.tap(mine, ["network.layer"]) as features:
        asked(mine, images)
    assert features["network.layer"].shape == (40, 10)


def test_beyond_the_limit_it_computes(teacher, images):
    mine = remembering(teacher, most=10)
    for _ in range(3):
        torch.testing.assert_close(asked(mine, images), asked(teacher, images))
    assert mine.computed == 40 + 30 + 30


def test_a_copy_begins_anew(teacher, images):
    mine = remembering(teacher)
    asked(mine, images)
    other = copy.deepcopy(mine)
    assert other.asked == 0
    torch.testing.assert_close(asked(other, images), asked(mine, images))
    mine.forget()
    asked(mine, images)
    assert mine.computed == 80


def test_weights_keep_their_names(teacher):
    assert list(remembering(teacher).state_dict()) == [
        f"network.{name}" for name in teacher.state_dict()
    ]


def test_a_search_with_one_seed_asks_each_view_once(teacher, images):
    """Students of one seed see the same views: the second costs its teacher nothing."""
    labels = torch.arange(40) % 10
    augment = compose(random_crop(1), horizontal_flip())
    mine = remembering(teacher)
    found = {}
    for name, who in (("live", teacher), ("first", mine), ("second", mine)):
        student = kd.build("fc-32", seed=0, input_shape=(1, 8, 8))
        before = mine.computed
        history = kd.fit(
            student, (images, labels), kd.distil(who, temperature=4.0, alpha=0.5), epochs=5,
            batch_size=16, augment=augment,
        )  # fmt: skip
        found[name] = (history.loss, mine.computed - before)
    views = 3 * 3 * 2  # of an image
    assert (
        40 * 2 < found["first"][1] <= 40 * min(5, views) + 40
    )  # a first look: as they are
    assert found["second"][1] == 0
    for name in ("first", "second"):
        torch.testing.assert_close(
            torch.tensor(found[name][0]), torch.tensor(found["live"][0])
        )


def test_a_training_that_was_stopped_goes_on(teacher, images, tmp_path):
    labels = torch.arange(40) % 10
    losses = []
    for epochs in (2, 4):
        student = kd.build("fc-32", seed=0, input_shape=(1, 8, 8))
        history = kd.fit(
            student, (images, labels), kd.distil(remembering(teacher), 4.0, 0.5),
            epochs=epochs, augment=random_crop(1), checkpoint=tmp_path / "run.pt",
        )  # fmt: skip
        losses.append(history.loss)
    assert len(losses[1]) == 4
    assert losses[1][:2] == losses[0]


def test_bad_input(teacher):
    with pytest.raises(TypeError, match="model must be"):
        remembering("teacher")
    with pytest.raises(ValueError, match="most must be"):
        remembering(teacher, most=0)
    mine = remembering(teacher).eval()
    with torch.no_grad(), pytest.raises(TypeError, match="images must be"):
        mine([1.0])
