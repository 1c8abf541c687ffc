"""Sparse gradients, optimisers that ask for the loss, complex losses: trained or named."""

import pytest
import torch
from torch import nn, optim
from torch.nn import functional

import kdteach as kd
from kdteach import training
from kdteach.types import LossTerms

pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")


class Words(nn.Module):
    """Looks its pixels up in a table, and may have a dense layer behind it."""

    def __init__(self, sparse=True, dense=True, seed=0, functional_=False):
        super().__init__()
        torch.manual_seed(seed)
        self.table = nn.Embedding(5, 10, sparse=sparse)
        self.last = nn.Linear(10, 10) if dense else nn.Identity()
        self.by_function = functional_

    def forward(self, x):
        words = (x * 1.5).long().flatten(1)  # the last of five words is in no image
        if self.by_function:
            found = functional.embedding(words, self.table.weight, sparse=True)
        else:
            found = self.table(words)
        return self.last(found.mean(dim=1))


@pytest.fixture(scope="module")
def few():
    return kd.load("digits").train.select(torch.arange(32))


def trained(model, split, **options):
    options = {"epochs": 3, "batch_size": 8, "learning_rate": 0.1} | options
    objective = options.pop("objective", kd.hard_labels())
    kd.fit(model, split, objective, **options)
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


OPTIMISERS = {
    "adam": training.adam,
    "adamw": training.adamw(0.1),
    "momentum": training.sgd_momentum,
    "sgd": training.sgd(0.0),
    "torch's Adam": lambda w, rate: optim.Adam(w, lr=rate),
    "torch's Rprop": lambda w, rate: optim.Rprop(w, lr=rate),
    "torch's Adagrad": lambda w, rate: optim.Adagrad(w, lr=rate),
}


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("more", [{}, {"clip_norm": 0.05}], ids=["", "clipped"])
def test_a_sparse_embedding_is_trained_as_a_dense_one(few, name, more):
    options = {"optimizer": OPTIMISERS[name], **more}
    for dense in (True, False):
        sparse = trained(Words(True, dense), few, **options)
        assert torch.equal(sparse, trained(Words(False, dense), few, **options))
        by_function = Words(False, dense, functional_=True)
        assert torch.equal(sparse, trained(by_function, few, **options))


def test_the_loop_of_torch_gives_the_same(few):
    """One step of Adam on the dense gradient of all images."""
    mine = Words(True, dense=False)
    trained(mine, few, epochs=1, batch_size=32, optimizer=OPTIMISERS["torch's Adam"])
    theirs = Words(False, dense=False)
    steps = optim.Adam(theirs.parameters(), lr=0.1)
    functional.cross_entropy(theirs(few.images), few.labels).backward()
    steps.step()
    torch.testing.assert_close(mine.table.weight, theirs.table.weight, rtol=0, atol=1e-6)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_sparse_gradients_in_half_precision(few, precision):
    found = [trained(Words(s), few, precision=precision) for s in (True, False)]
    assert torch.equal(*found)


def test_many_with_sparse_embeddings(few):
    models = [Words(True, seed=s) for s in range(3)]
    kd.fit_many(models, few, [kd.hard_labels()] * 3, epochs=3, batch_size=8,
                learning_rate=0.1)  # fmt: skip
    for seed, model in enumerate(models):
        alone = trained(Words(False, seed=seed), few, seed=seed)
        mine = torch.cat([weight.detach().flatten() for weight in model.parameters()])
        torch.testing.assert_close(mine, alone, rtol=0, atol=1e-5)


def test_a_checkpoint_of_sparse_embeddings_goes_on(few, tmp_path):
    path = tmp_path / "run.pt"
    whole = trained(Words(), few)
    trained(Words(), few, epochs=1, checkpoint=path)
    assert torch.equal(trained(Words(), few, checkpoint=path), whole)


def sparse_adam(weights, rate):
    return optim.SparseAdam(weights, lr=rate)


def test_sparse_adam_for_embeddings_alone(few):
    before = Words(True, dense=False).table.weight.detach().clone()
    model = Words(True, dense=False)
    trained(model, few, optimizer=sparse_adam)
    moved = (model.table.weight != before).any(dim=1)
    assert moved.any()
    behind = Words(True)
    behind.last.requires_grad_(False)
    trained(behind, few, optimizer=sparse_adam)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (lambda: Words(True), "last.weight is dense"),
        (lambda: Words(False, dense=False), "table.weight is dense"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "1.weight is dense"),
    ],
)
def test_sparse_adam_for_other_layers_is_named_before_the_training(few, model, named):
    model = model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    steps = []
    with pytest.raises(ValueError, match=f"SparseAdam takes the gradients.*{named}"):
        trained(model, few, optimizer=sparse_adam, on_epoch=steps.append)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert not steps


class Own(nn.Module):
    """A weight of its own, which may or may not have sparse gradients: nobody knows."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(64, 10))

    def forward(self, x):
        return x.flatten(1) @ self.weight


def test_sparse_adam_for_a_layer_of_ones_own_is_named_at_the_first_step(few):
    with pytest.raises(ValueError, match="SparseAdam cannot train these layers"):
        trained(Own(), few, optimizer=sparse_adam)


class Asking(optim.SGD):
    """As optimisers outside torch have it: the closure is optional in name alone."""

    def step(self, closure=None):
        assert closure is not None, "a closure is needed"


class Insisting(optim.SGD):
    def step(self, closure):
        closure()


@pytest.mark.parametrize("kind", [optim.LBFGS, Insisting, Asking])
def test_optimisers_that_compute_the_loss_are_named(few, kind):
    def factory(weights, rate):
        return kind(weights, lr=rate)

    model = Own()
    says = f"optimizer: {kind.__name__} computes the loss several times in a step"
    with pytest.raises(TypeError, match=says):
        trained(model, few, optimizer=factory)
    assert torch.equal(model.weight, torch.ones(64, 10))
    with pytest.raises(TypeError, match=says):
        kd.fit_many([Own(), Own()], few, [kd.hard_labels()] * 2, epochs=1,
                    optimizer=factory)  # fmt: skip
    with pytest.raises(TypeError, match=says):
        training.fit_cohort([Own(), Own()], few, kd.objectives.mutual(), epochs=1,
                            optimizer=factory)  # fmt: skip


@pytest.mark.parametrize(
    ("objective", "name"),
    [
        (lambda z, y: functional.cross_entropy(z, y) * (1 + 0j), "total"),
        (lambda z, y: LossTerms(functional.cross_entropy(z, y) * 1j, {}), "total"),
        (
            lambda z, y: LossTerms(functional.cross_entropy(z, y), {"a": torch.tensor(1j)}),
            "a",
        ),
    ],
)
def test_a_complex_loss_is_named(few, objective, name):
    def asked(student, batch):
        return objective(student(batch.images), batch.labels)

    model = Own()
    with pytest.raises(TypeError, match=f"'{name}' must be a real number, got torch.comp"):
        trained(model, few, objective=asked)
    both = kd.weighted((0.5, kd.hard_labels()), (0.5, asked))
    with pytest.raises(TypeError, match=f"'{name}' must be a real number, got torch.comp"):
        trained(model, few, objective=both)
    assert torch.equal(model.weight, torch.ones(64, 10))
