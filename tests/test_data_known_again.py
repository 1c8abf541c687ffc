"""A checkpoint knows again data that do not fit in memory, also where they begin alike."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

import kdteach as kd
from kdteach import training
from kdteach.data import Stream

COUNT = 400


def pictures():
    draw = torch.Generator().manual_seed(0)
    return torch.rand(COUNT, 1, 4, 4, generator=draw), torch.arange(COUNT) % 3


class Reading(Dataset):
    """Counts the samples that are read."""

    def __init__(self, images, labels, targets=None):
        self.images, self.labels, self.read = images, labels, 0
        if targets is not None:
            self.targets = targets

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        self.read += 1
        return self.images[i], int(self.labels[i])


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


def run(path, data, **options):
    kd.fit(network(), data, kd.hard_labels(), epochs=1, checkpoint=path, **options)


def from_the_middle(change):
    images, labels = pictures()
    change(images, labels)
    return Reading(images, labels)


def other_images(images, labels):
    images[64:-1] += 0.25


def other_labels(images, labels):
    labels[64:-1] = (labels[64:-1] + 1) % 3


def other_order(images, labels):
    rows = 64 + torch.randperm(COUNT - 65, generator=torch.Generator().manual_seed(1))
    images[64:-1], labels[64:-1] = images[rows].clone(), labels[rows].clone()


@pytest.mark.parametrize("change", [other_images, other_labels, other_order])
def test_what_begins_alike_is_other_data_all_the_same(change, tmp_path):
    path = tmp_path / "run.pt"
    run(path, Reading(*pictures()))
    run(path, Reading(*pictures()))  # the same data go on
    with pytest.raises(training.CheckpointError, match="belongs to another run: data"):
        run(path, from_the_middle(change))


@pytest.mark.parametrize(
    "form", [lambda x: x, list, np.asarray, tuple], ids=["tensor", "list", "array", "tuple"]
)
def test_one_label_of_a_list_is_noticed(form, tmp_path):
    """torchvision's data sets list them: then all count, and none is read for it."""
    images, labels = pictures()
    path = tmp_path / "run.pt"
    run(path, Reading(images, labels, form(labels)))
    run(path, Reading(images, labels, form(labels)))
    other = labels.clone()
    other[333] = (other[333] + 1) % 3
    with pytest.raises(training.CheckpointError, match="data, a spread"):
        run(path, Reading(images, other, form(other)))


def test_a_selection_is_known_by_its_sample_indices(tmp_path):
    whole = Reading(*pictures())
    rows = list(range(0, COUNT, 2))
    path = tmp_path / "run.pt"
    run(path, Subset(whole, rows))
    rows[150] += 1
    with pytest.raises(training.CheckpointError, match="data, a spread"):
        run(path, Subset(whole, rows))


def test_validation_is_known_as_well(tmp_path):
    path = tmp_path / "run.pt"
    whole = Reading(*pictures())
    run(path, whole, validation=Reading(*pictures()))
    with pytest.raises(training.CheckpointError, match="validation, a spread"):
        run(path, whole, validation=from_the_middle(other_images))


def test_what_lists_something_else_as_targets_is_no_fault(tmp_path):
    for number, targets in enumerate((["a", "b"], [[1], [2, 3]], "labels", 3, None, [])):
        path = tmp_path / f"{number}.pt"
        run(path, Reading(*pictures(), targets))
        run(path, Reading(*pictures(), targets))


def test_a_few_samples_are_read_for_it(tmp_path):
    plain, stored = Reading(*pictures()), Reading(*pictures())
    kd.fit(network(), plain, kd.hard_labels(), epochs=1)
    run(tmp_path / "run.pt", stored)
    assert stored.read - plain.read == 64
    small = Stream(TensorDataset(torch.rand(5, 1, 4, 4), torch.arange(5) % 3))
    assert len(small.known()[-1]) == 5


def test_a_checkpoint_of_an_earlier_version_goes_on(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    with monkeypatch.context() as earlier:
        earlier.setattr(Stream, "known", lambda self: [])
        run(path, Reading(*pictures()))
    run(path, Reading(*pictures()))
    with pytest.raises(training.CheckpointError, match="data"):
        run(path, Reading(*(part[:-1] for part in pictures())))


def test_a_loader_with_an_order_of_its_own_is_known_by_its_first_batch(tmp_path):
    class Numbered(Reading):
        def __getitem__(self, i):
            return *super().__getitem__(i), i

    def loader(images, labels):
        order = list(range(COUNT))
        return DataLoader(Numbered(images, labels), 50, sampler=order)

    path = tmp_path / "run.pt"
    run(path, loader(*pictures()))
    run(path, loader(*pictures()))
    images, labels = pictures()
    with pytest.raises(training.CheckpointError, match="data"):
        run(path, loader(images + 0.5, labels))
