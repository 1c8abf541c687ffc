"""Losses of features and relations: public values, formulas in NumPy, and the edges."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from kdteach.losses import (
    attention_loss,
    fsp_loss,
    hint_loss,
    relational_angle_loss,
    relational_distance_loss,
    similarity_loss,
)

ORACLES = Path(__file__).parent / "oracles"
PAIRS = [
    hint_loss, attention_loss, similarity_loss, relational_distance_loss,
    relational_angle_loss,
]  # fmt: skip
RELATIONS = [similarity_loss, relational_distance_loss, relational_angle_loss]


def public(name):
    with np.load(ORACLES / "oracles.npz") as values:
        return torch.from_numpy(values[name])


@pytest.mark.parametrize(
    ("name", "loss", "inputs", "gradients"),
    [
        ("hint/mse", hint_loss, ["feat/s", "feat/t"], ["grad_s"]),
        ("at/p2", attention_loss, ["feat/s", "feat/t12"], ["grad_s"]),
        ("sp/l2rows", similarity_loss, ["feat/s", "feat/t12"], ["grad_s"]),
        ("rkd/distance", relational_distance_loss, ["emb/s", "emb/t"], ["grad_s"]),
        ("fsp/mse", fsp_loss, ["fsp/s_bot", "fsp/s_top", "fsp/t_bot", "fsp/t_top"],
         ["grad_s_bot", "grad_s_top"]),
    ],
)  # fmt: skip
def test_public_values_and_gradients(name, loss, inputs, gradients):
    """Computed by mdistiller and RepDistiller on these inputs."""
    given = [public(key).requires_grad_() for key in inputs]
    value = loss(*given)
    value.backward()
    torch.testing.assert_close(value, public(f"{name}/value"), rtol=1e-9, atol=0)
    for tensor, gradient in zip(given, gradients, strict=False):
        wanted = public(f"{name}/{gradient}")
        size = float(wanted.abs().max())
        torch.testing.assert_close(tensor.grad, wanted, rtol=1e-9, atol=1e-9 * size)
    assert all(tensor.grad is None for tensor in given[len(gradients) :])


# the formulas again, in NumPy, sample by sample


def drawn(*shape, seed=0, size=1.0):
    return np.random.default_rng(seed).normal(0, size, shape)


def t(array):
    return torch.from_numpy(np.ascontiguousarray(array))


def hint_formula(s, v):
    return sum(np.sum((a - b) ** 2) for a, b in zip(s, v)) / s.size  # noqa: B905


def attention_formula(s, v):
    def row(maps):
        energy = np.array([[np.mean(maps[:, i, j] ** 2) for j in range(maps.shape[2])]
                           for i in range(maps.shape[1])]).ravel()  # fmt: skip
        return energy / max(np.sqrt(np.sum(energy**2)), 1e-12)

    rows = [np.sum((row(a) - row(b)) ** 2) for a, b in zip(s, v)]  # noqa: B905
    return sum(rows) / (len(s) * s.shape[2] * s.shape[3])


def similarity_formula(s, v):
    def rows(features):
        flat = [f.ravel() for f in features]
        gram = np.array([[np.dot(a, b) for b in flat] for a in flat])
        lengths = np.sqrt((gram**2).sum(axis=1))
        return np.array([g / n if n > 0 else g for g, n in zip(gram, lengths)])  # noqa: B905

    return np.sum((rows(s) - rows(v)) ** 2) / len(s) ** 2


def huber(x):
    return 0.5 * x**2 if abs(x) < 1 else abs(x) - 0.5


def distance_formula(s, v):
    def relative(e):
        d = np.array([[np.sqrt(np.sum((a - b) ** 2)) for b in e] for a in e])
        return d / d[d > 0].mean() if (d > 0).any() else d

    difference = relative(s) - relative(v)
    return sum(huber(x) for x in difference.ravel()) / len(s) ** 2


def angle_formula(s, v):
    s, v = s.reshape(len(s), -1), v.reshape(len(v), -1)

    def cosine(e, i, j, k):
        a, b = e[j] - e[i], e[k] - e[i]
        length = np.linalg.norm(a) * np.linalg.norm(b)
        return np.dot(a, b) / length if length > 0 else 0.0

    n = range(len(s))
    terms = [
        huber(cosine(s, i, j, k) - cosine(v, i, j, k)) for i in n for j in n for k in n
    ]
    return sum(terms) / len(s) ** 3


def fsp_formula(sb, st, tb, tt):
    total = 0.0
    for a, b, c, d in zip(sb, st, tb, tt):  # noqa: B905
        for i in range(a.shape[0]):
            for j in range(b.shape[0]):
                total += (np.mean(a[i] * b[j]) - np.mean(c[i] * d[j])) ** 2
    return total / (len(sb) * sb.shape[1] * st.shape[1])


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("loss", "formula", "student", "teacher"),
    [
        (hint_loss, hint_formula, (3, 4, 2, 5), (3, 4, 2, 5)),
        (hint_loss, hint_formula, (3, 4), (3, 4)),
        (attention_loss, attention_formula, (3, 4, 2, 5), (3, 7, 2, 5)),
        (attention_loss, attention_formula, (1, 1, 3, 3), (1, 2, 3, 3)),
        (similarity_loss, similarity_formula, (5, 4, 2, 3), (5, 11)),
        (similarity_loss, similarity_formula, (1, 4), (1, 3)),
        (relational_distance_loss, distance_formula, (5, 4), (5, 9)),
        (relational_distance_loss, distance_formula, (2, 4), (2, 9)),
        (relational_angle_loss, angle_formula, (5, 4), (5, 9)),
        (relational_angle_loss, angle_formula, (4, 2, 3, 3), (4, 9)),
    ],
)
def test_against_numpy(loss, formula, student, teacher, seed, size):
    s, v = drawn(*student, seed=seed, size=size), drawn(*teacher, seed=seed + 10)
    if loss is hint_loss:
        v = v * size
    wanted = formula(s, v)
    assert float(loss(t(s), t(v))) == pytest.approx(wanted, rel=1e-9, abs=1e-15)
    single = loss(t(s).float(), t(v).float())
    assert single.dtype == torch.float32
    assert float(single) == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_fsp_against_numpy(seed):
    shapes = (3, 2, 4, 5), (3, 6, 4, 5), (3, 2, 3, 3), (3, 6, 3, 3)
    given = [drawn(*shape, seed=seed + i) for i, shape in enumerate(shapes)]
    assert float(fsp_loss(*map(t, given))) == pytest.approx(fsp_formula(*given), rel=1e-9)


@pytest.mark.parametrize("loss", PAIRS)
def test_gradients_by_differences(loss):
    s, v = t(drawn(4, 3, 2, 2)).requires_grad_(), t(drawn(4, 3, 2, 2, seed=1))
    assert torch.autograd.gradcheck(lambda x: loss(x, v), s)


def test_gradients_of_fsp_by_differences():
    bottom, top = t(drawn(2, 3, 4, 4)), t(drawn(2, 2, 2, 2, seed=1))
    given = bottom.requires_grad_(), top.requires_grad_()
    others = t(drawn(2, 3, 3, 3, seed=2)), t(drawn(2, 2, 3, 3, seed=3))
    assert torch.autograd.gradcheck(lambda b, u: fsp_loss(b, u, *others), given)


@pytest.mark.parametrize("loss", PAIRS)
def test_the_order_of_the_batch_does_not_matter(loss):
    s, v = t(drawn(5, 3, 2, 2)), t(drawn(5, 3, 2, 2, seed=1))
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(loss(s[order], v[order]), loss(s, v), rtol=1e-12, atol=0)
    assert float(loss(s[order], v)) != pytest.approx(float(loss(s, v)), rel=1e-3)


@pytest.mark.parametrize("loss", PAIRS)
def test_equal_features_have_no_loss_and_no_gradient(loss):
    s = t(drawn(4, 3, 2, 2)).requires_grad_()
    value = loss(s, s.detach().clone())
    value.backward()
    assert value.item() == 0
    assert float(s.grad.abs().max()) < 1e-12


@pytest.mark.parametrize("loss", PAIRS)
def test_the_teacher_gets_no_gradient(loss):
    v = t(drawn(4, 3, 2, 2, seed=1)).requires_grad_()
    s = t(drawn(4, 3, 2, 2)).requires_grad_()
    loss(s, v).backward()
    assert v.grad is None
    assert s.grad is not None


@pytest.mark.parametrize(
    "scale", [attention_loss, similarity_loss, relational_distance_loss,
              relational_angle_loss],
)  # fmt: skip
def test_no_unit(scale):
    """Ten times the features: the same maps, similarities, ratios and angles."""
    s, v = t(drawn(4, 3, 2, 2)), t(drawn(4, 3, 2, 2, seed=1))
    torch.testing.assert_close(scale(10 * s, v), scale(s, v), rtol=1e-12, atol=0)
    torch.testing.assert_close(scale(s, 0.1 * v), scale(s, v), rtol=1e-12, atol=0)


def test_distances_and_angles_know_no_place():
    s, v = t(drawn(5, 3)), t(drawn(5, 4, seed=1))
    turn = torch.linalg.qr(t(drawn(3, 3, seed=2)))[0]
    for loss in (relational_distance_loss, relational_angle_loss):
        torch.testing.assert_close(loss(s @ turn + 7, v), loss(s, v), rtol=1e-10, atol=0)


# the edges


@pytest.mark.parametrize("loss", PAIRS)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s[[0, 0, 1, 1]],  # equal samples: distances of 0
        lambda s: s[[0, 0, 0, 0]],
        lambda s: s * 0,
        lambda s: s * 0 + 3,
        lambda s: torch.cat([s[:3], s[3:] * 0]),  # a sample without activity
        lambda s: s * 1e-150,
        lambda s: s[0] + s * 1e-13,
    ],
)
@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.float16])
def test_gradients_are_numbers_where_nothing_can_be_divided(loss, spoil, kind):
    s = spoil(t(drawn(4, 3, 2, 2))).to(kind).requires_grad_()
    v = t(drawn(4, 3, 2, 2, seed=1)).to(kind)
    value = loss(s, v)
    value.backward()
    assert value.dtype == (torch.float64 if kind == torch.float64 else torch.float32)
    assert torch.isfinite(value)
    assert torch.isfinite(s.grad).all()
    assert torch.isfinite(loss(v, s.detach()))


@pytest.mark.parametrize("loss", RELATIONS)
def test_a_sample_without_activity_gets_no_gradient_from_its_own_row(loss):
    """Not the 1e12 of a division by the least length."""
    s = torch.cat([t(drawn(3, 6)), torch.zeros(1, 6, dtype=torch.float64)])
    s.requires_grad_()
    loss(s, t(drawn(4, 5, seed=1))).backward()
    assert float(s.grad.abs().max()) < 1e3


def test_equal_samples_are_no_nearer_than_zero():
    s, v = drawn(4, 3)[[0, 0, 1, 2]], drawn(4, 5, seed=1)
    got = float(relational_distance_loss(t(s), t(v)))
    assert got == pytest.approx(distance_formula(s, v), rel=1e-12)
    got = float(relational_angle_loss(t(s), t(v)))
    assert got == pytest.approx(angle_formula(s, v), rel=1e-12)


def test_maps_of_two_sizes_are_averaged_before_they_are_squared():
    s, v = t(drawn(2, 3, 10, 10)), t(drawn(2, 5, 5, 5, seed=1))
    smaller = functional.adaptive_avg_pool2d(s, 5)
    assert float(attention_loss(s, v)) == pytest.approx(float(attention_loss(smaller, v)))
    assert float(attention_loss(v, s)) == pytest.approx(float(attention_loss(v, smaller)))
    wide = t(drawn(2, 3, 4, 6)), t(drawn(2, 3, 6, 4, seed=1))
    both = [functional.adaptive_avg_pool2d(x, 4) for x in wide]
    assert float(attention_loss(*wide)) == pytest.approx(float(attention_loss(*both)))


def test_fsp_of_two_sizes_takes_the_mean():
    bottom, top = drawn(2, 3, 12, 12), drawn(2, 4, 6, 6, seed=1)
    smaller = bottom.reshape(2, 3, 6, 2, 6, 2).mean(axis=(3, 5))
    others = drawn(2, 3, 6, 6, seed=2), drawn(2, 4, 6, 6, seed=3)
    wanted = fsp_formula(smaller, top, *others)
    assert float(fsp_loss(*map(t, (bottom, top, *others)))) == pytest.approx(wanted)


@pytest.mark.parametrize("loss", [relational_distance_loss, relational_angle_loss])
def test_a_batch_of_one_has_no_relations(loss):
    with pytest.raises(ValueError, match="batch of one"):
        loss(torch.ones(1, 3), torch.ones(1, 3))


def test_a_batch_of_one_is_like_itself():
    s = torch.ones(1, 3, requires_grad=True)
    value = similarity_loss(s, 2 * torch.ones(1, 4))
    value.backward()
    assert value.item() == 0
    assert float(s.grad.abs().max()) == 0


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("loss", PAIRS)
def test_half_precision_is_computed_in_single(loss, kind):
    """Also where the squares of half precision would be infinite."""
    s, v = (t(drawn(4, 3, 2, 2, seed=i)) * 300 for i in range(2))
    s, v = s.to(kind), v.to(kind)
    value = loss(s, v)
    assert value.dtype == torch.float32
    assert float(value) == pytest.approx(float(loss(s.double(), v.double())), rel=1e-4)


@pytest.mark.parametrize("loss", PAIRS)
def test_under_autocast_as_without(loss):
    s, v = t(drawn(4, 3, 2, 2)).float(), t(drawn(4, 3, 2, 2, seed=1)).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(s, v)
    torch.testing.assert_close(value, loss(s, v), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("loss", PAIRS)
@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda s: s[:3], ValueError, "batches of 4 and 3"),
        (lambda s: s.float(), TypeError, "same dtype"),
        (lambda s: s * np.nan, ValueError, "row 0 holds NaN"),
        (lambda s: s.long(), TypeError, "floating point"),
        (lambda s: s[:, 0, 0, 0], ValueError, "must have shape"),
        (lambda s: s[:0], ValueError, "none of them 0"),
        (lambda s: s.numpy(), TypeError, "from_numpy"),
    ],
)
def test_bad_features_are_named(loss, change, error, says):
    s = t(drawn(4, 3, 2, 2))
    with pytest.raises(error, match=f"teacher_(features|embeddings).*{says}"):
        loss(s, change(s))


def test_what_does_not_fit_says_how_to_mend_it():
    with pytest.raises(ValueError, match="a regressor makes one of the other"):
        hint_loss(torch.ones(2, 3), torch.ones(2, 4))
    with pytest.raises(ValueError, match=r"\(N, C, H, W\)"):
        attention_loss(torch.ones(2, 3), torch.ones(2, 3))
    maps = torch.ones(2, 3, 2, 2)
    with pytest.raises(ValueError, match=r"student_top and teacher_top .* 3 and 4"):
        fsp_loss(maps, maps, maps, torch.ones(2, 4, 2, 2))
    with pytest.raises(ValueError, match="batches of 2 and 3"):
        fsp_loss(maps, maps, torch.ones(3, 3, 2, 2), maps)


@pytest.mark.parametrize("loss", [hint_loss, attention_loss])
def test_what_is_too_large_is_refused(loss):
    maps = torch.full((2, 3, 2, 2), 1e30) * torch.rand(2, 3, 2, 2)
    with pytest.raises(ValueError, match=r"too large for torch\.float32"):
        loss(maps, torch.rand(2, 3, 2, 2))
    with pytest.raises(ValueError, match=r"student_bottom .* too large"):
        fsp_loss(maps, maps, maps * 0, maps)


@pytest.mark.parametrize("loss", RELATIONS)
@pytest.mark.parametrize("size", [1e30, 1e-30, 1e-6])
def test_relations_have_no_range(loss, size):
    """Squares and products of such numbers are none of float32."""
    s, v = t(drawn(4, 6)).float(), t(drawn(4, 5, seed=1)).float()
    scaled = (s * size).requires_grad_()
    value = loss(scaled, v)
    torch.testing.assert_close(value, loss(s, v), rtol=1e-4, atol=1e-7)
    value.backward()
    assert torch.isfinite(scaled.grad).all()
