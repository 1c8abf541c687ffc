"""The figure of *A report's tables*: five stations, five mistakes, on both drawings."""

from xml.etree import ElementTree

import pytest
import torch

from kdteach.plots import clinic_report

TILE = torch.zeros(3, 8, 8, dtype=torch.uint8)
MISTAKES = ("1 not scaled", "2 drift", "3 old classes", "4 soft term", "5 test epoch")


def test_each_mistake_is_written_and_inside():
    made = clinic_report.where_mistakes_sit(TILE, caption="A finding.")
    assert made.caption == "A finding."
    for svg in (made.wide, made.narrow):
        root = ElementTree.fromstring(svg)
        width, height = (float(n) for n in root.get("viewBox").split()[2:])
        texts = [e for e in root.iter() if e.tag.endswith("text")]
        assert set(MISTAKES) <= {e.text for e in texts}
        for text in texts:
            assert 0 <= float(text.get("x")) <= width
            assert 0 < float(text.get("y")) <= height


@pytest.mark.parametrize("tile", [TILE[:1], TILE[0], TILE.double()])
def test_odd_tiles_are_refused(tile):
    with pytest.raises(ValueError, match="uint8"):
        clinic_report.where_mistakes_sit(tile, caption="")
