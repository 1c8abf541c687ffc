"""Transforms of torchvision as augmentation, mirror images, crops, and several at once."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.transforms import v2

import kdteach
from kdteach import data, objectives
from kdteach.types import Split

HARD = objectives.hard_labels()
ALL = v2.Compose(
    [
        v2.RandomHorizontalFlip(),
        v2.RandomCrop(8, padding=2),
        v2.ColorJitter(brightness=0.3),
        v2.RandomErasing(p=0.5),
    ]
)


def images(count=24, dtype=torch.float32, channels=3):
    random = torch.Generator().manual_seed(0)
    shown = torch.rand(count, channels, 8, 8, generator=random)
    shown = (255 * shown).to(dtype) if dtype == torch.uint8 else shown.to(dtype)
    return Split(shown, torch.randint(3, (count,), generator=random), torch.arange(count))


def network(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(192, 3))


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_each_image_is_changed_by_itself():
    same = torch.arange(192.0).reshape(1, 3, 8, 8).expand(40, -1, -1, -1)
    seen = data.transform(v2.RandomHorizontalFlip())(same, stream())
    flipped = (seen == same.flip(-1)).flatten(1).all(dim=1)
    upright = (seen == same).flatten(1).all(dim=1)
    assert bool((flipped | upright).all())
    assert 8 < int(flipped.sum()) < 32
    whole = data.transform(v2.RandomHorizontalFlip(), per_image=False)
    ways = {bool((whole(same, g) == same).all()) for g in map(stream, range(12))}
    assert ways == {True, False}  # all of a batch or none
    seen = whole(same, stream())
    assert bool((seen == seen[:1]).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_the_same_stream_gives_the_same_view(dtype):
    shown = images(dtype=dtype).images
    before = shown.clone()
    change = data.transform(ALL)
    first, again, other = (change(shown, stream(s)) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.dtype == dtype
    assert torch.equal(shown, before)
    generator = stream()
    assert not torch.equal(change(shown, generator), change(shown, generator))


def test_global_generators_are_left_alone():
    def noisy(image):
        drawn = float(np.random.rand())  # noqa: NPY002 - some transforms do
        return image + torch.rand(()) + random.random() + drawn

    def seed():
        random.seed(5)
        torch.manual_seed(5)
        np.random.seed(5)  # noqa: NPY002

    def drawn():
        return random.random(), torch.rand(3).tolist(), float(np.random.rand())  # noqa: NPY002

    change = data.transform(noisy)
    seed()
    wanted = drawn()
    seed()
    first = change(images().images, stream())
    assert drawn() == wanted
    assert torch.equal(change(images().images, stream()), first)  # whatever came between


@pytest.mark.parametrize("wrap", [lambda t: t, data.transform, lambda t: data.compose(t)])
def test_fit_takes_a_transform(wrap):
    """By hand: the seed's stream, batch by batch; labels stay."""
    part, seen = images(), []

    def goal(student, batch):
        seen.append((batch.images.clone(), batch.labels, batch.index))
        return F.cross_entropy(student(batch.images), batch.labels)

    kdteach.fit(network(), part, goal, epochs=1, batch_size=10, augment=wrap(ALL))
    from kdteach.seeding import generator

    views, change = generator(0, "augment"), data.transform(ALL)
    for shown, labels, index in seen:
        assert torch.equal(labels, part.labels[index])
        assert torch.equal(shown, change(part.images[index], views))
    assert [len(index) for _, _, index in seen] == [10, 10, 4]


def test_a_live_teacher_sees_the_students_view():
    seen = {"student": [], "teacher": []}

    def noting(who, net):
        net.register_forward_pre_hook(lambda _, given: seen[who].append(given[0].clone()))
        return net

    student, teacher = noting("student", network()), noting("teacher", network(1))
    goal = objectives.distil(teacher, 4.0, 0.5)
    kdteach.fit(student, images(), goal, epochs=2, batch_size=10, augment=ALL)
    steps = 6
    for one, other in zip(seen["student"][-steps:], seen["teacher"][-steps:], strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(seen["student"][-1], seen["student"][-4])


def test_many_get_views_of_their_own_as_alone():
    nets = [network(s) for s in (0, 1)]
    setting = {"epochs": 2, "batch_size": 10, "augment": ALL}
    kdteach.fit_many(nets, images(), [HARD] * 2, **setting)
    for seed, net in enumerate(nets):
        alone = network(seed)
        kdteach.fit(alone, images(), HARD, seed=seed, **setting)
        assert torch.allclose(weights(alone), weights(net), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (v2.Resize(4), ValueError, r"leave shape and dtype .* Resize, normalise and"),
        (v2.ToDtype(torch.float64), ValueError, "leave shape and dtype"),
        (v2.MixUp(num_classes=3), ValueError, "transform failed at images .*MixUp"),
        (nn.Flatten(0), ValueError, "leave shape and dtype"),
    ],
)
def test_what_is_no_augmentation_is_named(change, error, says):
    with pytest.raises(error, match=says):
        kdteach.fit(network(), images(), HARD, epochs=1, augment=change)


def test_a_transform_says_what_is_wrong():
    with pytest.raises(TypeError, match="change must be a function such as torchvision"):
        data.transform(3)
    with pytest.raises(TypeError, match="per_image"):
        data.transform(ALL, per_image="yes")
    with pytest.raises(TypeError, match=r"augment: .* must return the image, got \('"):
        data.transform(lambda image: ("image", image))(images().images, stream())
    with pytest.raises(TypeError, match=r"generator must be a torch\.Generator"):
        data.transform(ALL)(images().images, 3)
    with pytest.raises(ValueError, match="images must be"):
        data.transform(ALL)(torch.ones(3, 8, 8), stream())


def test_a_module_that_takes_a_generator_is_left_as_it_is():
    class Shift(nn.Module):
        def forward(self, images, generator):
            return images + torch.rand((), generator=generator)

    change = Shift()
    kdteach.fit(network(), images(), HARD, epochs=1, augment=change)


# on whole batches


def test_mirror_images_leave_photographs_upright():
    same = torch.arange(64.0).reshape(1, 1, 8, 8).expand(400, -1, -1, -1)
    for change in (data.horizontal_flip(), data.flips(vertical=False)):
        seen = change(same, stream())
        flipped = (seen == same.flip(-1)).flatten(1).all(dim=1)
        upright = (seen == same).flatten(1).all(dim=1)
        assert bool((flipped ^ upright).all())
        assert 150 < int(flipped.sum()) < 250
    four = data.flips()(same, stream())
    ways = [same, same.flip(-1), same.flip(-2), same.flip(-1, -2)]
    counts = [int((four == way).flatten(1).all(dim=1).sum()) for way in ways]
    assert sum(counts) == 400
    assert all(60 < count < 140 for count in counts)
    assert data.horizontal_flip() == data.flips(vertical=False) != data.flips()
    with pytest.raises(TypeError, match="vertical"):
        data.flips(vertical=1)


@pytest.mark.parametrize("fill", ["zeros", "reflect"])
def test_a_crop_is_a_piece_of_the_padded_image(fill):
    shown = images(300, dtype=torch.float64).images
    seen = data.random_crop(2, fill)(shown, stream())
    mode = {"zeros": "constant", "reflect": "reflect"}[fill]
    padded = F.pad(shown, [2] * 4, mode=mode)
    places = []
    for number in range(300):
        found = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if torch.equal(seen[number], padded[number, :, y : y + 8, x : x + 8])
        ]
        assert len(found) == 1
        places += found
    assert len(set(places)) == 25
    assert max(places.count(place) for place in set(places)) < 40
    for wrong in (0, 1.5, True):
        with pytest.raises((TypeError, ValueError), match="padding"):
            data.random_crop(wrong)
    with pytest.raises(ValueError, match="fill"):
        data.random_crop(2, "mirror")
    with pytest.raises(ValueError, match="less than the side"):
        data.random_crop(8)(shown, stream())


def test_composed_augmentations_draw_one_after_the_other():
    shown = images().images
    change = data.compose(data.random_crop(2), data.horizontal_flip(), v2.RandomInvert(1.0))
    one = stream()
    wanted = data.random_crop(2)(shown, one)
    wanted = 1 - data.horizontal_flip()(wanted, one)
    assert torch.allclose(change(shown, stream()), wanted)
    with pytest.raises(ValueError, match="at least one"):
        data.compose()
    with pytest.raises(TypeError, match=r"changes\[1\] must be a function such as"):
        data.compose(data.flips(), 3)
