"""Directions, correlations, neighbours, contrast: public values and formulas."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from kdteach.losses import (
    ContrastiveLoss,
    correlation_congruence_loss,
    correlation_loss,
    decoupled_kd_loss,
    distillation_loss,
    jensen_shannon_loss,
    kd_loss,
    label_smoothing_loss,
    logit_standardised,
    neuron_selectivity_loss,
    pkt_loss,
    reverse_kl_loss,
    teacher_free_loss,
)

ORACLES = Path(__file__).parent / "oracles" / "oracles.npz"
OF_LOGITS = [reverse_kl_loss, jensen_shannon_loss, correlation_loss]


def public(name):
    with np.load(ORACLES) as values:
        return torch.from_numpy(values[name])


def drawn(*shape, seed=0, size=1.0):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, size, shape))


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def by_differences(loss, tensor, step=1e-6):
    """Central differences of a loss of one tensor."""
    found = torch.zeros_like(tensor)
    for place in range(tensor.numel()):
        moved = []
        for sign in (1, -1):
            other = tensor.detach().clone()
            other.view(-1)[place] += sign * step
            moved.append(float(loss(other)))
        found.view(-1)[place] = (moved[0] - moved[1]) / (2 * step)
    return found


# the two directions, and between


def reverse_formula(z, v, T):
    q, p = softmax(z / T), softmax(v / T)
    return T**2 * np.mean(np.sum(q * np.log(q / p), axis=1))


def jensen_formula(z, v, T, beta=0.5):
    q, p = softmax(z / T), softmax(v / T)
    m = beta * p + (1 - beta) * q
    each = beta * np.sum(p * np.log(p / m), axis=1)
    return T**2 * np.mean(each + (1 - beta) * np.sum(q * np.log(q / m), axis=1))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("size", [0.01, 1.0, 5.0])
def test_directions_against_numpy(temperature, size):
    z, v = drawn(7, 10, size=size), drawn(7, 10, seed=1, size=size)
    arrays = z.numpy(), v.numpy(), temperature
    for value, wanted in (
        (reverse_kl_loss(z, v, temperature), reverse_formula(*arrays)),
        (jensen_shannon_loss(z, v, temperature), jensen_formula(*arrays)),
        (jensen_shannon_loss(z, v, temperature, 0.2), jensen_formula(*arrays, 0.2)),
    ):
        # the formula itself loses digits of numbers that are nearly equal
        assert float(value) == pytest.approx(wanted, rel=1e-9, abs=1e-12 * temperature**2)


@pytest.mark.parametrize("loss", OF_LOGITS)
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_gradients_by_differences(loss, temperature):
    z, v = drawn(5, 6, size=2).requires_grad_(), drawn(5, 6, seed=1, size=2)
    loss(z, v, temperature).backward()
    wanted = by_differences(lambda x: loss(x, v, temperature), z)
    torch.testing.assert_close(z.grad, wanted, rtol=1e-6, atol=1e-7)


def test_which_way_round():
    """Two bumps and a student with one: who pays for what."""
    two = torch.tensor([[0.495, 0.01, 0.495]], dtype=torch.float64).log()
    one = torch.tensor([[0.98, 0.01, 0.01]], dtype=torch.float64).log()
    flat = torch.zeros(1, 3, dtype=torch.float64)
    forward = [float(distillation_loss(x, two, 1.0)) for x in (one, flat)]
    reverse = [float(reverse_kl_loss(x, two, 1.0)) for x in (one, flat)]
    assert forward[0] > forward[1], "the forward direction rather covers both"
    assert reverse[0] < reverse[1], "the reverse one rather takes one of them"
    p, q = two.exp()[0].numpy(), one.exp()[0].numpy()
    assert forward[0] == pytest.approx(np.sum(p * np.log(p / q)), rel=1e-12)
    assert reverse[0] == pytest.approx(np.sum(q * np.log(q / p)), rel=1e-12)


def test_torch_with_exchanged_arguments_is_the_reverse():
    z, v = drawn(6, 5), drawn(6, 5, seed=1)
    exchanged = F.kl_div(
        F.log_softmax(v, dim=1), F.log_softmax(z, dim=1),
        reduction="batchmean", log_target=True,
    )  # fmt: skip
    torch.testing.assert_close(reverse_kl_loss(z, v, 1.0), exchanged, rtol=1e-12, atol=0)


@pytest.mark.parametrize("ends", [(1e-5, distillation_loss), (1 - 1e-5, reverse_kl_loss)])
def test_jensen_shannon_lies_between_the_two_directions(ends):
    beta, direction = ends
    z, v = drawn(6, 5), drawn(6, 5, seed=1)
    scaled = jensen_shannon_loss(z, v, 2.0, beta) / (beta * (1 - beta))
    torch.testing.assert_close(scaled, direction(z, v, 2.0), rtol=1e-4, atol=0)


def test_jensen_shannon_is_bounded_and_knows_no_direction():
    z, v = drawn(6, 5, size=300), drawn(6, 5, seed=1, size=300)
    assert float(jensen_shannon_loss(z, v, 1.0)) <= np.log(2)
    z, v = drawn(6, 5), drawn(6, 5, seed=1)
    torch.testing.assert_close(
        jensen_shannon_loss(z, v, 3.0), jensen_shannon_loss(v, z, 3.0), rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("temperature", [1e4, 1e8, 1e20])
def test_at_high_temperatures_all_directions_are_half_a_squared_difference(temperature):
    """T^2 KL tends to half the variance of z - v over classes, JSD to a quarter of that."""
    z, v = drawn(6, 5), drawn(6, 5, seed=1)
    apart = (z - v) - (z - v).mean(dim=1, keepdim=True)
    limit = apart.square().mean(dim=1).mean() / 2
    for loss, share in ((reverse_kl_loss, 1.0), (jensen_shannon_loss, 0.25)):
        value = loss(z, v, temperature)
        torch.testing.assert_close(value, share * limit, rtol=2 / temperature, atol=1e-14)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("loss", OF_LOGITS)
def test_margins_of_a_thousand(loss, kind):
    z = torch.tensor([[1000.0, 0, 0], [0, -1000, 1000], [0, 0, 0]], dtype=kind)
    v = torch.tensor([[0, 1000.0, 0], [0, -1000, 1000], [1000, 0, 0]], dtype=kind)
    z.requires_grad_()
    value = loss(z, v, 1.0)
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()


@pytest.mark.parametrize("loss", OF_LOGITS)
def test_nothing_reaches_the_teacher_and_equals_have_no_loss(loss):
    z, v = drawn(6, 5).requires_grad_(), drawn(6, 5, seed=1).requires_grad_()
    loss(z, v, 2.0).backward()
    assert v.grad is None
    same = drawn(6, 5).requires_grad_()
    value = loss(same, same.detach(), 2.0)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-14)
    torch.testing.assert_close(same.grad, torch.zeros(6, 5).double(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 1.0, -0.1, 2])
def test_the_share_lies_between(beta):
    with pytest.raises(ValueError, match="distillation_loss and reverse_kl_loss"):
        jensen_shannon_loss(drawn(2, 3), drawn(2, 3), 1.0, beta)


# correlations of predictions


def correlation_formula(z, v, T, beta=1.0, gamma=1.0):
    q, p = softmax(z / T), softmax(v / T)
    within = np.mean([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(q, p, strict=True)])
    across = np.mean([1 - np.corrcoef(a, b)[0, 1] for a, b in zip(q.T, p.T, strict=True)])
    return T**2 * (beta * within + gamma * across)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_correlations_against_numpy(temperature):
    z, v = drawn(8, 10), drawn(8, 10, seed=1)
    value = correlation_loss(z, v, temperature, 2.0, 0.5)
    wanted = correlation_formula(z.numpy(), v.numpy(), temperature, 2.0, 0.5)
    assert float(value) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1)])
def test_a_correlation_needs_two(shape):
    with pytest.raises(ValueError, match="at least two images and two classes"):
        correlation_loss(drawn(*shape), drawn(*shape), 1.0)


def test_a_correlation_with_a_constant_is_zero():
    z = drawn(4, 3).requires_grad_()
    value = correlation_loss(z, torch.zeros(4, 3).double(), 1.0)
    value.backward()
    assert value.item() == pytest.approx(2.0, abs=1e-12)
    assert torch.isfinite(z.grad).all()


# logits in units of their spread


def test_standardised_logits_know_no_shift_and_no_scale():
    v, z = drawn(5, 10), drawn(5, 10, seed=1)
    torch.testing.assert_close(
        logit_standardised(3 * v + 5), logit_standardised(v), rtol=0, atol=1e-6
    )
    unit = logit_standardised(z)
    first = distillation_loss(unit, logit_standardised(v), 2.0)
    again = distillation_loss(unit, logit_standardised(3 * v + 5), 2.0)
    assert float(first) == pytest.approx(float(again), abs=1e-6)
    array = v.numpy()
    wanted = (array - array.mean(1, keepdims=True)) / array.std(1, keepdims=True)
    np.testing.assert_allclose(logit_standardised(v).numpy(), wanted, rtol=1e-12)


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_standardised_logits_of_every_size(size):
    v = drawn(5, 10)
    torch.testing.assert_close(
        logit_standardised(v * size), logit_standardised(v), rtol=1e-9, atol=1e-12
    )


def test_equal_logits_have_no_spread_and_no_gradient():
    flat = torch.full((2, 3), 0.1, requires_grad=True)
    made = logit_standardised(flat)
    made.sum().backward()
    assert (made == 0).all()
    assert (flat.grad == 0).all()


# a made-up teacher


def test_teacher_free_against_numpy():
    z, y = drawn(6, 5), torch.tensor([0, 1, 2, 3, 4, 0])
    T, alpha, a = 3.0, 0.3, 0.9
    made = np.full((6, 5), (1 - a) / 4)
    made[np.arange(6), y] = a
    p, q = softmax(np.log(made) / T), softmax(z.numpy() / T)
    soft = T**2 * np.mean(np.sum(p * np.log(p / q), axis=1))
    hard = -np.mean(np.log(softmax(z.numpy())[np.arange(6), y]))
    value = teacher_free_loss(z, y, T, alpha, a)
    assert float(value) == pytest.approx(alpha * soft + (1 - alpha) * hard, rel=1e-9)


def test_at_temperature_one_a_made_up_teacher_smooths_labels():
    z, y = drawn(6, 5).requires_grad_(), torch.tensor([0, 1, 2, 3, 4, 0])
    teacher_free_loss(z, y, 1.0, 0.4, 0.9).backward()
    other = drawn(6, 5).requires_grad_()
    label_smoothing_loss(other, y, 0.4 * 0.1 * 5 / 4).backward()
    torch.testing.assert_close(z.grad, other.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("correct", [0.2, 1.0, 0.1, 1.5])
def test_a_made_up_teacher_prefers_the_label(correct):
    with pytest.raises(ValueError, match="prefers the label"):
        teacher_free_loss(drawn(2, 5), torch.tensor([0, 1]), 1.0, 0.5, correct)


# decoupled distillation is distillation again


def test_decoupled_with_the_teachers_doubt_is_distillation():
    z, v = drawn(5, 6), drawn(1, 6, seed=1).repeat(5, 1)
    y, T = torch.full((5,), 2), 4.0
    doubt = 1 - float(F.softmax(v / T, dim=1)[0, 2])
    value = decoupled_kd_loss(z, v, y, T, 1.0, doubt)
    torch.testing.assert_close(value, distillation_loss(z, v, T), rtol=0, atol=1e-6)
    torch.testing.assert_close(value, kd_loss(z, v, y, T, 1.0), rtol=0, atol=1e-6)


# neighbours, channels, and the differences of neighbours


def pkt_formula(s, t, eps=1e-7):
    found = []
    for e in (s, t):
        unit = e / (np.sqrt((e**2).sum(1, keepdims=True)) + eps)
        close = (unit @ unit.T + 1) / 2
        found.append(close / close.sum(1, keepdims=True))
    q, p = found
    return np.mean(p * np.log((p + eps) / (q + eps)))


def nst_formula(s, t):
    total = 0.0
    for a, b in zip(s, t, strict=True):
        rows = [m.reshape(len(m), -1) for m in (a, b)]
        rows = [m / np.sqrt((m**2).sum(1, keepdims=True)) for m in rows]
        mine, its = rows
        total += np.mean((its @ its.T) ** 2) + np.mean((mine @ mine.T) ** 2)
        total -= 2 * np.mean((mine @ its.T) ** 2)
    return total / len(s)


def test_neighbours_channels_and_congruence_against_numpy():
    s, t = drawn(6, 8), drawn(6, 12, seed=1)
    assert float(pkt_loss(s, t)) == pytest.approx(pkt_formula(s.numpy(), t.numpy()), 1e-9)
    maps = drawn(3, 4, 5, 5), drawn(3, 7, 5, 5, seed=1)
    wanted = nst_formula(*(m.numpy() for m in maps))
    assert float(neuron_selectivity_loss(*maps)) == pytest.approx(wanted, rel=1e-9)
    t = drawn(6, 8, seed=2)
    d = np.abs(s.numpy() - t.numpy())
    wanted = np.mean([np.sum(d[i] * d[i + 1]) for i in range(5)])
    assert float(correlation_congruence_loss(s, t)) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    ("loss", "shape"),
    [(pkt_loss, (5, 4)), (correlation_congruence_loss, (5, 4)),
     (neuron_selectivity_loss, (3, 2, 3, 3))],
)  # fmt: skip
def test_gradients_of_features_by_differences(loss, shape):
    s, t = drawn(*shape).requires_grad_(), drawn(*shape, seed=1).requires_grad_()
    loss(s, t).backward()
    wanted = by_differences(lambda x: loss(x, t), s)
    torch.testing.assert_close(s.grad, wanted, rtol=1e-5, atol=1e-9)
    assert t.grad is None


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("loss", "shape"),
    [(pkt_loss, (4, 8)), (correlation_congruence_loss, (4, 8)),
     (neuron_selectivity_loss, (4, 2, 2, 2))],
)  # fmt: skip
def test_samples_without_activity_and_equal_ones(loss, shape, kind):
    s, t = drawn(*shape).to(kind), drawn(*shape, seed=1).to(kind)
    s[0], s[1], s[2] = 0, s[3], s[3]
    t[1] = 0
    s.requires_grad_()
    value = loss(s, t)
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert torch.isfinite(s.grad).all()


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e18])
def test_neighbours_have_hardly_a_unit(size):
    s, t = drawn(5, 4).float(), drawn(5, 4, seed=1).float()
    torch.testing.assert_close(pkt_loss(s * size, t), pkt_loss(s, t), rtol=0.5, atol=1e-6)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="no neighbours in a batch of one"):
        pkt_loss(drawn(1, 4), drawn(1, 4))
    with pytest.raises(ValueError, match="no neighbours in a batch of one"):
        correlation_congruence_loss(drawn(1, 4), drawn(1, 4))
    with pytest.raises(ValueError, match="a linear layer on each"):
        correlation_congruence_loss(drawn(3, 4), drawn(3, 5))
    with pytest.raises(ValueError, match=r"\(N, C, H, W\)"):
        neuron_selectivity_loss(drawn(3, 4), drawn(3, 4))


# the contrastive loss


def of_the_oracle():
    loss = ContrastiveLoss(
        16, 24, 20, width=8, negatives=7, temperature=1 / 16, momentum=0.5
    ).double()
    with torch.no_grad():
        for place, name in (
            (loss.student_head.weight, "Ws"), (loss.student_head.bias, "bs"),
            (loss.teacher_head.weight, "Wt"), (loss.teacher_head.bias, "bt"),
            (loss.student_memory, "mem_v1"), (loss.teacher_memory, "mem_v2"),
        ):  # fmt: skip
            place.copy_(public(f"crd/{name}"))
    chosen = public("crd/contrast_idx").long()
    assert (chosen[:, 0] == public("crd/idx")).all()
    return loss, public("crd/idx").long(), chosen[:, 1:]


def test_contrast_as_repdistiller_computes_it():
    loss, index, others = of_the_oracle()
    features = public("crd/f_s").requires_grad_()
    value = loss(features, public("crd/f_t"), index, others)
    value.backward()
    found = {
        "value": value, "grad_f_s": features.grad, "Z": loss.log_constants.exp(),
        "grad_Ws": loss.student_head.weight.grad, "grad_bs": loss.student_head.bias.grad,
        "grad_Wt": loss.teacher_head.weight.grad, "grad_bt": loss.teacher_head.bias.grad,
        "mem_v1_after": loss.student_memory, "mem_v2_after": loss.teacher_memory,
    }  # fmt: skip
    for name, tensor in found.items():
        wanted = public(f"crd/first_batch/{name}")
        torch.testing.assert_close(tensor.detach(), wanted, rtol=1e-9, atol=1e-12)


def test_the_constants_stay_and_eval_mode_changes_nothing():
    loss, index, others = of_the_oracle()
    loss.eval()
    before = {name: value.clone() for name, value in loss.state_dict().items()}
    first = loss(public("crd/f_s"), public("crd/f_t"), index, others)
    for name, value in loss.state_dict().items():
        torch.testing.assert_close(value, before[name], equal_nan=True, rtol=0, atol=0)
    loss.train()
    again = loss(public("crd/f_s"), public("crd/f_t"), index, others)
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    constants = loss.log_constants.clone()
    loss(2 * public("crd/f_s") + 1, public("crd/f_t"), index, others)
    torch.testing.assert_close(loss.log_constants, constants, rtol=0, atol=0)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_feature_of_length_zero_and_a_small_tau(kind):
    loss = ContrastiveLoss(4, 6, 12, width=3, negatives=5, temperature=1e-3)
    torch.nn.init.zeros_(loss.student_head.bias)
    features = torch.zeros(2, 4, dtype=kind, requires_grad=True)
    for _ in range(3):
        value = loss(features, torch.zeros(2, 6, dtype=kind), torch.tensor([0, 7]))
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(features.grad).all()
        for weight in loss.parameters():
            assert torch.isfinite(weight.grad).all()


def test_others_are_never_oneself_and_the_same_for_a_seed():
    drawn_ = [
        ContrastiveLoss(4, 4, 5, width=3, negatives=200, seed=seed) for seed in (1, 1, 2)
    ]
    index = torch.arange(5)
    tables = [loss._draw(index) for loss in drawn_]
    assert not (tables[0] == index[:, None]).any()
    assert all(set(row.tolist()) == set(range(5)) - {i} for i, row in enumerate(tables[0]))
    assert torch.equal(tables[0], tables[1])
    assert not torch.equal(tables[0], tables[2])
    state = torch.random.get_rng_state()
    ContrastiveLoss(4, 4, 5)(drawn(5, 4).float(), drawn(5, 4).float(), index)
    assert torch.equal(state, torch.random.get_rng_state()), "the caller's random state"


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"index": torch.tensor([0, 20])}, ValueError, "sample index 20.*from 0 to 19"),
        ({"index": torch.tensor([0, -1])}, ValueError, "sample index -1"),
        ({"index": torch.tensor([0.0, 1.0])}, TypeError, "int64"),
        ({"index": torch.tensor([0])}, ValueError, r"shape \(2\)"),
        ({"negatives": torch.full((2, 3), 99)}, ValueError, "negatives holds.* 99"),
        ({"negatives": torch.tensor([1, 2])}, ValueError, r"shape \(2, K\)"),
        ({"student_features": torch.zeros(2, 5)}, ValueError, "student_width=4"),
        ({"teacher_features": torch.zeros(2, 5)}, ValueError, "teacher_width=6"),
        ({"student_features": torch.full((2, 4), float("nan"))}, ValueError, "finite"),
    ],
)
def test_what_the_memory_does_not_hold_is_refused(given, error, says):
    loss = ContrastiveLoss(4, 6, 20, width=3, negatives=5)
    before = loss.student_memory.clone()
    arguments = {
        "student_features": torch.ones(2, 4), "teacher_features": torch.ones(2, 6),
        "index": torch.tensor([0, 1]),
    }  # fmt: skip
    with pytest.raises(error, match=says):
        loss(**{**arguments, **given})
    assert torch.equal(before, loss.student_memory)


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 0), ("momentum", 1.0), ("momentum", -0.1), ("negatives", 0),
     ("width", 0), ("num_samples", 1)],
)  # fmt: skip
def test_settings_out_of_range(name, value):
    arguments = {"student_width": 4, "teacher_width": 4, "num_samples": 9, name: value}
    with pytest.raises(ValueError, match=name):
        ContrastiveLoss(**arguments)
