"""Causal intervention and extractive distillation: formulas, slopes, what they refuse."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from kdteach.losses import (
    class_contexts,
    class_similarity_loss,
    distillation_loss,
    extracted_targets,
    extractive_loss,
    hint_loss,
    normalised_hint_loss,
    similarity_loss,
    soft_targets,
)


def drawn(*shape, seed=0, size=1.0):
    return torch.from_numpy(np.random.default_rng(seed).normal(0, size, shape))


LABELS = torch.tensor([0, 1, 0, 4, 1, 0, 2])


def cosines(x):
    x = x / np.sqrt((x**2).sum(axis=1, keepdims=True))
    return x @ x.T


def within_classes(s, t, y):
    each = []
    for k in set(y.tolist()):
        rows = y == k
        if rows.sum() >= 2:
            each.append(((cosines(s[rows]) - cosines(t[rows])) ** 2).mean())
    return np.mean(each)


def rest(v, T):
    p = np.exp(v / T) / np.exp(v / T).sum(axis=1, keepdims=True)
    m = p.min(axis=1, keepdims=True)
    return (p - m) / (1 - p.shape[1] * m)


def test_features_of_intervention_against_numpy():
    s, t, u = drawn(7, 5), drawn(7, 5, seed=1), drawn(7, 9, seed=2)
    a, b = s.numpy(), t.numpy()
    wanted = np.mean(((a - b) ** 2).sum(1) / (b**2).sum(1))
    assert float(normalised_hint_loss(s, t)) == pytest.approx(wanted, rel=1e-12)
    wanted = within_classes(a, u.numpy(), LABELS.numpy())
    assert float(class_similarity_loss(s, u, LABELS)) == pytest.approx(wanted, rel=1e-12)
    maps = s[:, :4].reshape(7, 1, 2, 2)
    flat = class_similarity_loss(s[:, :4], u, LABELS)
    assert float(class_similarity_loss(maps, u, LABELS)) == float(flat)


def test_units_of_the_teacher_and_pairs_of_a_class():
    s, t = drawn(7, 5), drawn(7, 5, seed=1)
    scale = torch.tensor([1e-9, 3, 1e9, 1, 2, 1e3, 7.0], dtype=torch.float64)[:, None]
    scaled = normalised_hint_loss(scale * s, scale * t)
    torch.testing.assert_close(scaled, normalised_hint_loss(s, t))
    unit = F.normalize(t)
    assert float(normalised_hint_loss(s, unit)) == pytest.approx(
        5 * float(hint_loss(s, unit))
    )
    moved = t.clone()
    moved[3] = 17  # the only image of its class
    one = class_similarity_loss(s, t, LABELS)
    assert float(one) == float(class_similarity_loss(s, moved, LABELS))
    assert float(similarity_loss(s, t)) != float(similarity_loss(s, moved))
    assert float(class_similarity_loss(s, t, torch.arange(7))) == 0


def test_nothing_to_measure_counts_as_0_and_has_finite_slopes():
    s, t = drawn(4, 3).requires_grad_(), drawn(4, 3, seed=1)
    t[1] = 0
    value = normalised_hint_loss(s, t)
    value.backward()
    others = [0, 2, 3]
    wanted = normalised_hint_loss(s.detach()[others], t[others]) * 3 / 4
    torch.testing.assert_close(value.detach(), wanted)
    assert s.grad[1].abs().sum() == 0
    assert torch.isfinite(s.grad).all()
    silent = drawn(4, 3)
    silent[0] = 0
    silent.requires_grad_()
    class_similarity_loss(silent, t, torch.tensor([0, 0, 0, 1])).backward()
    assert torch.isfinite(silent.grad).all()


def test_contexts_are_weighted_means_that_add_up():
    f, v = drawn(7, 3), 3 * drawn(7, 6, seed=1)
    p = soft_targets(v, 4.0)
    found = class_contexts(f, v, LABELS, 4.0)
    assert found.shape == (6, 3)
    weights = p[[0, 2, 5], 0]
    wanted = (weights[:, None] * f[[0, 2, 5]]).sum(0) / weights.sum()
    torch.testing.assert_close(found[0], wanted)
    torch.testing.assert_close(found[4], f[3])
    assert found[[3, 5]].abs().sum() == 0


def test_extracted_targets_against_numpy():
    v = 3 * drawn(6, 5)
    for T in (1.0, 4.0, 20.0):
        found = extracted_targets(v, T)
        np.testing.assert_allclose(found.numpy(), rest(v.numpy(), T), rtol=1e-9, atol=1e-12)
        assert (found.amin(dim=1) == 0).all()
        p = soft_targets(v, T)
        share = 5 * p.amin(dim=1, keepdim=True)
        torch.testing.assert_close(share / 5 + (1 - share) * found, p)
    heights = v - v.amin(dim=1, keepdim=True)
    far = heights / heights.sum(dim=1, keepdim=True)
    torch.testing.assert_close(extracted_targets(v, 1e12), far)


def test_extractive_loss_against_numpy_and_its_slope():
    z, v = drawn(6, 5).requires_grad_(), 3 * drawn(6, 5, seed=1)
    v.requires_grad_()
    for T in (1.0, 4.0):
        z.grad = None
        loss = extractive_loss(z, v, T)
        loss.backward()
        p, q = rest(v.detach().numpy(), T), soft_targets(z.detach(), T).numpy()
        logs = np.log(np.where(p > 1e-15, p, 1.0))
        wanted = T**2 * (np.where(p > 1e-15, p, 0) * (logs - np.log(q))).sum(1).mean()
        assert loss.item() == pytest.approx(wanted, rel=1e-9)
        np.testing.assert_allclose(z.grad.numpy(), T * (q - p) / 6, atol=1e-12)
        assert v.grad is None


def test_losses_have_the_slopes_that_differences_have():
    s, t, v = drawn(5, 4), drawn(5, 4, seed=1), 2 * drawn(5, 4, seed=2)
    y = torch.tensor([0, 0, 1, 1, 1])
    for loss in (
        lambda x: normalised_hint_loss(x, t),
        lambda x: class_similarity_loss(x, t, y),
        lambda x: extractive_loss(x, v, 3.0),
    ):
        assert torch.autograd.gradcheck(loss, s.clone().requires_grad_())


def test_a_teacher_without_opinion_has_nothing_to_extract():
    z, v = drawn(2, 3), torch.tensor([[1.0, 1, 1], [0, 1, 5]], dtype=torch.float64)
    assert extracted_targets(v)[0].tolist() == pytest.approx([1 / 3] * 3)
    assert float(extractive_loss(z[:1], v[:1], 2.0)) == 0
    half = float(extractive_loss(z[1:], v[1:], 2.0)) / 2
    assert float(extractive_loss(z, v, 2.0)) == pytest.approx(half)
    assert half * 2 > float(distillation_loss(v[1:], v[1:], 2.0)) == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: normalised_hint_loss(drawn(3, 4), drawn(3, 5)), "same shape"),
        (lambda: normalised_hint_loss(drawn(3), drawn(3)), r"shape \(N, D\)"),
        (lambda: class_similarity_loss(drawn(3, 4), drawn(2, 4), LABELS[:3]), "batches"),
        (lambda: class_similarity_loss(drawn(3, 4), drawn(3, 4), LABELS), "labels must"),
        (lambda: class_similarity_loss(drawn(3, 4), drawn(3, 4), LABELS[:3] - 1),
         "labels must lie"),
        (lambda: class_contexts(drawn(3, 4), drawn(3, 2), torch.tensor([0, 1, 2]), 4.0),
         r"labels must lie in \[0, 2\)"),
        (lambda: class_contexts(drawn(3, 4, 2), drawn(3, 2), LABELS[:3], 4.0),
         "features must have shape"),
        (lambda: class_contexts(drawn(2, 4), drawn(3, 2), LABELS[:3], 4.0),
         "features and teacher_logits"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
