"""The benchmark of what does not fit in memory, on fewer images."""

import sys

import pytest

from bench import streaming


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="memory as Linux counts it"
)
def test_killed_resumed_and_far_below_the_size_of_the_images(tmp_path, monkeypatch):
    count, classes = 8000, 50
    monkeypatch.setattr(streaming, "PART", 400)
    found = streaming.run(tmp_path, count, classes)
    assert 0.3 * count <= found.stored < count
    in_memory = count * 3 * streaming.SIDE**2 * 4 / 1e6  # 393 MB
    assert found.megabytes < 0.9 * in_memory
    assert found.difference <= 1e-6
    assert found.size == 128 + count * classes * 2
