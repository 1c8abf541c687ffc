"""What the README shows runs, on pictures that are made here, for an epoch."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
NETWORKS, TEN_LINES, STORED = "import timm", "In ten lines", "store="


def block(word):
    (found,) = [text for text in BLOCKS if word in text]
    return found


def short(text):
    """An epoch will do."""
    changed, count = re.subn(r"epochs=\d+", "epochs=1", text)
    assert count
    return changed


def test_ten_lines(capsys):
    exec(short(block("trained_teacher")), {})
    assert 0 < float(capsys.readouterr().out) <= 1


def test_own_networks_and_pictures(tmp_path, monkeypatch, capsys):
    pytest.importorskip("timm")
    text = block(NETWORKS)
    assert len([line for line in text.splitlines() if line.strip()]) <= 12
    random = np.random.default_rng(0)
    for label in ("dark skies", "bright skies"):
        folder = tmp_path / "path" / "to" / "pictures" / label
        folder.mkdir(parents=True)
        for number in range(12):
            pixels = random.integers(0, 120, (70, 80, 3)) + 130 * (label[0] == "b")
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.jpg")
    monkeypatch.chdir(tmp_path)
    before = torch.get_rng_state()
    names = {}
    exec(short(text), names)
    torch.set_rng_state(before)  # of the networks that are built there
    said = [float(line) for line in capsys.readouterr().out.split()]
    assert len(said) == 2
    assert all(0 <= accuracy <= 1 for accuracy in said)
    assert names["data"].classes == ("bright skies", "dark skies")
    # and what follows it
    train = names["data"].train
    names |= {"torch": torch, "dataset": TensorDataset(train.images, train.labels)}
    exec(short(block(STORED)), names)
    assert names["logits"].shape == (len(train), 2)
    assert (tmp_path / "teacher" / "logits.npy").exists()
