"""A cohort: several models in one loop; mutual learning by its formula."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import kdteach
from kdteach import data, models, objectives
from kdteach.objectives import hard_labels, mutual
from kdteach.training import TrainingDivergedError, cosine, fit_cohort, sgd_momentum
from kdteach.types import Batch, LossTerms

RECIPE = {"epochs": 3, "batch_size": 16, "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def few():
    whole = data.load("digits", dtype=torch.float64).train
    return whole.select(torch.arange(50))


def flat(seed=0, width=6):
    return models.build(
        f"fc-{width}", input_shape=(1, 8, 8), seed=seed, dtype=torch.float64
    )


def normed(seed=0, classes=10):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Flatten(),
            nn.Linear(108, classes),
        )  # fmt: skip
    return made.double()


def own(students, batch):
    """Each learns from the labels alone."""
    return [hard_labels()(student, batch).total for student in students]


def state(model):
    return copy.deepcopy(model.state_dict())


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": sgd_momentum, "schedule": cosine},
        {"augment": data.random_shift(1), "batch_size": 7, "drop_last": True},
        {"keep_best": True, "epochs": 4},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_models_that_do_not_look_at_each_other_learn_as_alone(few, options, general_way):
    """Bit for bit: three architectures, BatchNorm among them."""
    recipe = {**RECIPE, **options}
    made = [flat(0), normed(1), flat(2, width=9)]
    alone = copy.deepcopy(made)
    histories = fit_cohort(made, few, own, seed=5, validation=few, **recipe)
    for model, other, history in zip(made, alone, histories, strict=True):
        lonely = kdteach.fit(other, few, hard_labels(), seed=5, validation=few, **recipe)
        assert same(state(model), state(other))
        assert history.loss == lonely.loss
        assert history.accuracy == lonely.accuracy
        assert history.learning_rate == lonely.learning_rate
        assert model.training


def divergence(p, q):
    return (p * (p.log() - q.log())).sum(dim=1).mean()


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(("T", "alpha"), [(1.0, None), (3.0, None), (2.0, 0.25)])
def test_mutual_learning_by_its_formula(few, count, T, alpha):
    """Zhang et al. 2018, Eq. 10, the others' predictions detached."""
    made = [flat(seed, width=4 + seed) for seed in range(count)]
    batch = Batch(few.images[:9], few.labels[:9], few.index[:9])
    terms = mutual(T, alpha)(made, batch)
    logits = [model(batch.images) for model in made]
    chances = [F.softmax(z / T, dim=1) for z in logits]
    for k in range(count):
        hard = F.cross_entropy(logits[k], batch.labels)
        soft = T**2 * sum(
            divergence(chances[i].detach(), chances[k]) for i in range(count) if i != k
        ) / (count - 1)  # fmt: skip
        total = hard + soft if alpha is None else (1 - alpha) * hard + alpha * soft
        torch.testing.assert_close(terms[k].total, total, rtol=1e-10, atol=1e-14)
        torch.testing.assert_close(terms[k].parts["soft"], soft, rtol=1e-9, atol=1e-14)
        torch.testing.assert_close(terms[k].parts["hard"], hard)
        wanted = torch.autograd.grad(total, list(made[k].parameters()), retain_graph=True)
        got = torch.autograd.grad(terms[k].total, list(made[k].parameters()),
                                  retain_graph=True)  # fmt: skip
        for a, b in zip(got, wanted, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-12)
        others = [p for i, m in enumerate(made) if i != k for p in m.parameters()]
        none = torch.autograd.grad(terms[k].total, others, allow_unused=True,
                                   retain_graph=True)  # fmt: skip
        assert all(gradient is None for gradient in none)


def test_a_step_of_mutual_learning_by_hand(few):
    """All at once, each from the predictions before the step."""
    made, by_hand = ([flat(0), normed(1)] for _ in range(2))
    fit_cohort(made, few, mutual(), epochs=1, batch_size=50, learning_rate=0.1,
               optimizer=lambda p, lr: torch.optim.SGD(p, lr=lr))  # fmt: skip
    logits = [model(few.images) for model in by_hand]
    for k, model in enumerate(by_hand):
        q, p = logits[k].log_softmax(1), logits[1 - k].detach().softmax(1)
        loss = F.nll_loss(q, few.labels) + F.kl_div(q, p, reduction="batchmean")
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for weight, gradient in zip(model.parameters(), gradients, strict=True):
                weight -= 0.1 * gradient
    for a, b in zip(made, by_hand, strict=True):
        for ours, theirs in zip(a.parameters(), b.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_mutual_learning_draws_the_models_together(few):
    def disagreement(goal):
        made = [flat(0), flat(1, width=20)]
        fit_cohort(made, few, goal, epochs=20, batch_size=16, learning_rate=1e-2)
        with torch.no_grad():
            p, q = (model(few.images).softmax(1) for model in made)
        return float(divergence(p, q))

    assert disagreement(mutual()) < 0.5 * disagreement(own)


@pytest.mark.parametrize(
    "joint",
    [
        lambda ms, b: sum(own(ms, b)),
        lambda ms, b: LossTerms(sum(own(ms, b)), {"sum": sum(own(ms, b))}),
    ],
)
def test_one_loss_for_all_counts_once(few, joint):
    """And stands in the history of each."""
    made, alone = [flat(0), normed(1)], [flat(0), normed(1)]
    together = fit_cohort(made, few, joint, **RECIPE)
    apart = fit_cohort(alone, few, own, **RECIPE)
    for a, b in zip(made, alone, strict=True):
        for ours, theirs in zip(a.parameters(), b.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-9)
    summed = sum(history.loss[0] for history in apart)
    assert [h.loss[0] for h in together] == pytest.approx([summed, summed], rel=1e-9)


def test_terms_of_all_in_one_tensor(few):
    made, alone = [flat(0), flat(1)], [flat(0), flat(1)]
    a = fit_cohort(made, few, lambda m, b: torch.stack(own(m, b)), **RECIPE)
    b = fit_cohort(alone, few, own, **RECIPE)
    assert a == b


def test_a_model_has_no_parts_that_it_lacks(few):
    def goal(ms, b):
        first, second = own(ms, b)
        return [LossTerms(first, {"hard": first}), second]

    first, second = fit_cohort([flat(0), flat(1)], few, goal, **RECIPE)
    assert first.parts["hard"] == first.loss
    assert second.parts == {}


class Joint(nn.Module):
    """With a weight of its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, students, batch):
        return [
            F.cross_entropy(self.scale * s(batch.images), batch.labels) for s in students
        ]


def test_the_weights_of_a_joint_objective_are_trained(few):
    goal = Joint().eval()
    fit_cohort([flat(0), flat(1)], few, goal, **RECIPE)
    assert goal.scale != 1
    assert goal.scale.grad is None
    assert not goal.training


def test_the_callers_objects_are_left_as_they_were(few):
    made = [flat(0).eval(), normed(1)]
    made[1][1].eval()
    for model in made:
        for weight in model.parameters():
            weight.grad = torch.ones_like(weight)
    images = few.images.clone()
    before = torch.random.get_rng_state()
    fit_cohort(made, few, mutual(), **RECIPE)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(images, few.images)
    assert not made[0].training
    assert made[1].training
    assert not made[1][1].training
    for model in made:
        assert all((weight.grad == 1).all() for weight in model.parameters())
        assert not any(len(m._forward_pre_hooks) for m in model.modules())


class InPlace(nn.Module):
    def __init__(self, seed):
        super().__init__()
        self.network = flat(seed)

    def forward(self, images):
        return self.network(images.sub_(0.5))


def test_a_first_layer_that_works_in_place_spoils_nobodys_images(few):
    a = fit_cohort([InPlace(0), InPlace(1)], few, own, **RECIPE)
    b = fit_cohort([InPlace(1), InPlace(0)], few, own, **RECIPE)
    assert a == b[::-1]


def test_who_diverges_is_named_and_the_others_are_trained(few):
    def wild(ms, b):
        first, second, third = own(ms, b)
        return [first, second * math.inf, third]

    made, alone = [flat(0), flat(1), flat(2)], [flat(0), flat(2)]
    with pytest.raises(TrainingDivergedError, match=r"models\[1\].*epoch 1") as caught:
        fit_cohort(made, few, wild, **RECIPE)
    lonely = fit_cohort(alone, few, own, **RECIPE)
    assert caught.value.histories == (lonely[0], None, lonely[1])


def test_the_first_who_breaks_is_named_where_it_breaks_the_others(few):
    calls = []

    def infect(ms, b):
        calls.append(b)
        first, second = own(ms, b)
        first = first * (math.nan if len(calls) == 2 else 1)
        return [first, second + 0 * ms[0](b.images).sum()]

    with pytest.raises(
        TrainingDivergedError, match=r"^models\[0\]:.*it broke 1 other"
    ) as caught:
        fit_cohort([flat(0), flat(1)], few, infect, **RECIPE)
    assert caught.value.histories == (None, None)


def test_ctrl_c_keeps_what_was_learned(few):
    made, alone = [flat(0), normed(1)], [flat(0), normed(1)]

    def stop(epochs):
        if epochs == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_cohort(made, few, mutual(), on_epoch=stop, **RECIPE)
    fit_cohort(alone, few, mutual(), **{**RECIPE, "epochs": 2})
    assert all(same(state(a), state(b)) for a, b in zip(made, alone, strict=True))
    assert made[1].training


def test_a_cohort_may_have_one_model(few):
    (history,) = fit_cohort([flat(0)], few, own, **RECIPE)
    assert history.epochs == 3


def probabilities():
    return nn.Sequential(flat(0), nn.Softmax(1))


SHARED = nn.Linear(64, 10).double()


@pytest.mark.parametrize(
    ("made", "goal", "error", "says"),
    [
        ([], mutual(), ValueError, "models are empty"),
        ([flat(0)], mutual(), ValueError, "at least two models"),
        ([flat(0)] * 2, mutual(), ValueError, "same module twice"),
        (flat(0), mutual(), TypeError, "models must be a list"),
        ([flat(0), "fc-6"], mutual(), TypeError, r"models\[1\] must be"),
        ([nn.Sequential(nn.Flatten(), SHARED), nn.Sequential(nn.Flatten(), SHARED)],
         mutual(), ValueError, "share a weight"),
        ([flat(0), normed(1, classes=12)], mutual(), ValueError,
         r"models\[1\]: the model has 12 outputs"),
        ([flat(0), probabilities()], mutual(), ValueError, r"models\[1\]: .*probabilities"),
        ([flat(0), flat(1).float()], mutual(), TypeError, r"models\[1\]: images are"),
        ([flat(0), normed(1, classes=9)], own, ValueError, r"models\[1\]: labels"),
        ([flat(0), flat(1)], mutual, TypeError, "call it"),
        ([flat(0), flat(1)], None, TypeError, "objective must be a function"),
        ([flat(0), flat(1)], lambda m, b: own(m, b)[:1], ValueError, "2 models, got 1"),
        ([flat(0), flat(1)], lambda m, b: "loss", TypeError, "joint objective must"),
        ([flat(0), flat(1)], lambda m, b: torch.ones(3), ValueError, "each of the 2"),
        ([flat(0), flat(1)], lambda m, b: torch.ones(2), ValueError, "does not depend"),
        ([flat(0), flat(1)], lambda m, b: [torch.ones(2)] * 2, ValueError, "one number"),
    ],
)  # fmt: skip
def test_bad_cohorts(few, made, goal, error, says):
    with pytest.raises(error, match=says):
        fit_cohort(made, few, goal, **RECIPE)


def test_models_with_different_classes_cannot_teach_each_other(few):
    unknown = kdteach.types.Split(few.images, few.labels, few.index)  # how many classes
    with pytest.raises(ValueError, match="10, 12 classes"):
        fit_cohort([flat(0), normed(1, classes=12)], unknown, mutual(), **RECIPE)


def test_a_batch_of_one_is_refused_for_the_model_that_cannot(few):
    other = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 10)).double()
    with pytest.raises(ValueError, match=r"models\[1\]: the last batch holds a single"):
        fit_cohort([flat(0), other], few, own, epochs=1, batch_size=49)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [((0.0,), ValueError, "temperature"), (("1",), TypeError, "temperature"),
     ((1.0, 1.5), ValueError, "alpha"), ((1.0, True), TypeError, "alpha")],
)  # fmt: skip
def test_bad_mutual(arguments, error, says):
    with pytest.raises(error, match=says):
        mutual(*arguments)


def test_bad_options_are_those_of_fit(few):
    for change in ({"epochs": 0}, {"seed": -1}, {"validation": data}):
        with pytest.raises((ValueError, TypeError)):
            fit_cohort([flat(0), flat(1)], few, mutual(), **{**RECIPE, **change})
    assert objectives.mutual is mutual
