"""The first weights of a seed are the same numbers on every processor."""

import hashlib
import os
import subprocess
import sys

import pytest
import torch
from torch import nn

import kdteach as kd
from kdteach.seeding import RoundedOnce

PRINTED = """
import hashlib, torch
import kdteach as kd
from torch import nn
names = "fc-64", "cnn-1k", "cnn-digits"
nets = [kd.build(name, seed=3) for name in names]
_, spoiled = list(kd.explain.cascade(nets[1], seed=0))[-1]
for net in [*nets, spoiled]:
    weights = nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    print(hashlib.sha256(weights.tobytes()).hexdigest())
torch.manual_seed(0)
print(torch.equal(torch.empty(1000).uniform_(-0.31, 0.31), torch.load("plain.pt")))
"""


def test_first_weights_do_not_hang_on_the_processor(tmp_path):
    """Torch's own draws do: its code without a fused multiply-add gives other ones."""
    torch.manual_seed(0)
    torch.save(torch.empty(1000).uniform_(-0.31, 0.31), tmp_path / "plain.pt")
    said = {}
    for capability in ("avx2", "default"):
        done = subprocess.run(
            [sys.executable, "-c", PRINTED],
            env=os.environ | {"ATEN_CPU_CAPABILITY": capability},
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        said[capability] = done.stdout.split()
    assert said["avx2"][:-1] == said["default"][:-1]
    weights = nn.utils.parameters_to_vector(kd.build("fc-64", seed=3).parameters())
    here = hashlib.sha256(weights.detach().numpy().tobytes()).hexdigest()
    assert here == said["default"][0]
    if "AVX" in torch.backends.cpu.get_cpu_capability():  # else nothing differs
        assert said["avx2"][-1] == "True"
        assert said["default"][-1] == "False"


@pytest.mark.skipif(
    "AVX" not in torch.backends.cpu.get_cpu_capability(), reason="no fused multiply-add"
)
@pytest.mark.parametrize(("low", "high"), [(-0.25, 0.25), (-1e-3, 3.0), (0.0, 1.0), (5, 5)])
def test_they_are_the_numbers_that_torch_draws(low, high):
    torch.manual_seed(1)
    plain = torch.empty(100_000).uniform_(low, high)
    torch.manual_seed(1)
    with RoundedOnce():
        ours = torch.empty(100_000).uniform_(low, high)
    assert torch.equal(ours, plain)


def test_other_draws_and_the_random_state_are_torchs_own():
    torch.manual_seed(2)
    expected = torch.empty(9, dtype=torch.float64).uniform_(-2, 3), torch.randn(5)
    after = torch.get_rng_state()
    torch.manual_seed(2)
    with RoundedOnce():
        found = torch.empty(9, dtype=torch.float64).uniform_(-2, 3), torch.randn(5)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert torch.equal(torch.get_rng_state(), after)


def test_its_errors_are_torchs_own():
    with RoundedOnce(), pytest.raises(RuntimeError, match="uniform_"):
        torch.empty(3).uniform_(1.0, 0.0)
