"""The tests themselves are tested: each planted fault must make one of them fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FAULTS = {
    "drop T squared": (
        "losses/divergence.py",
        "surplus.log1p().mul_(scale * scale)",
        "surplus.log1p()",
        "test_losses.py",
    ),
    "swap the arguments of KL": (
        "losses/response.py",
        "finished(divergence(z, v, temperature)",
        "finished(divergence(v, z, temperature)",
        "test_losses.py",
    ),
    "average over classes": (
        "losses/divergence.py",
        "torch.sub(grown, d, out=d).mul_(p) @ ones",
        "torch.sub(grown, d, out=d).mul_(p) @ (ones / len(ones))",
        "test_losses.py",
    ),
    "exchange alpha and 1 - alpha": (
        "losses/response.py",
        "return alpha * soft + (1 - alpha) * hard",
        "return (1 - alpha) * soft + alpha * hard",
        "test_losses.py",
    ),
    "forget the share that is seen": (
        "explain/masking.py",
        "values.reshape(-1, height, width) / share",
        "values.reshape(-1, height, width)",
        "test_explain.py",
    ),
    "clamp at the border of the masks": (
        "explain/masking.py",
        "at = (left.long() + offset).abs()",
        "at = (left.long() + offset).clamp(min=0)",
        "test_explain.py",
    ),
    "let gradients reach the teacher": (
        "losses/response.py",
        "exact(teacher_logits.detach())",
        "exact(teacher_logits)",
        "test_losses.py",
    ),
    "leave the teacher in train mode": (
        "models/modes.py",
        "        model.eval()\n",
        "        pass\n",
        "test_training.py",
    ),
    "pair logits with the wrong images": (
        "objectives/teacher.py",
        "return teacher[index.to(teacher.device)]",
        "return teacher[: len(index)]",
        "test_training.py",
    ),
    "let the teacher go on for an epoch": (
        "objectives/teacher.py",
        "batch.epoch < stop",
        "batch.epoch <= stop",
        "test_subclasses.py",
    ),
    "leave out the factor of the diversity": (
        "losses/subclass.py",
        "normal @ normal.mT / k - 1",
        "normal @ normal.mT - 1",
        "test_subclasses.py",
    ),
    "let frozen statistics drift": (
        "models/photographs.py",
        "part.eval()",
        "part.train()",
        "test_photographs.py",
    ),
    "give all students one order": (
        "training/loop.py",
        'orders = [generator(seed, "order") for seed in seeds]',
        'orders = [generator(seeds[0], "order") for seed in seeds]',
        "test_training.py",
    ),
    "mean of batch means": (
        "training/loop.py",
        "sums.add(terms, batch.labels.shape[-1],",
        "sums.add(terms, 1,",
        "test_training.py",
    ),
    "stop after the first epoch in eval mode": (
        "training/loop.py",
        "            learner.train_mode()\n",
        "            learner.train_mode() if epoch == 0 else learner.students[0].eval()\n",
        "test_training.py",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_breaks_a_test(fault, tmp_path):
    file, old, new, tests = FAULTS[fault]
    for folder in ("kdteach", "tests"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "kdteach" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} no longer holds the line that {fault!r} changes"
    path.write_text(text.replace(old, new), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            f"tests/{tests}",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr  # 1: tests ran, and one failed
    assert "1 failed" in done.stdout
