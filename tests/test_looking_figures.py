"""Figures of *Saliency* and *LIME*: what is drawn is what was given."""

import base64
import re
import struct
import xml.etree.ElementTree as ElementTree
import zlib

import pytest
import torch

from kdteach.diagrams._ink import ABOVE, BELOW, signed_uri
from kdteach.diagrams.heat import edges
from kdteach.plots.lime import how_lime_works, network_over_surrogate
from kdteach.plots.rise import hits_and_misses, how_rise_works, pixel_curves
from kdteach.plots.saliency import images_and_maps

ALT = "Two images and beside each of them two maps of it"


def read(uri):
    """Rows of (red, green, blue, alpha) of a picture that is stored and not compressed."""
    data = base64.b64decode(uri.split(",")[1])
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT")
    size = struct.unpack(">I", data[start - 4 : start])[0]
    lines = zlib.decompress(data[start + 4 : start + 4 + size])
    step = 1 + 4 * width
    return [
        [tuple(lines[r * step + 1 + 4 * c :][:4]) for c in range(width)]
        for r in range(height)
    ]


def test_colours_carry_sign_and_size():
    rows = read(signed_uri([[1.0, -0.5, 0.0], [-3.0, 0.25, 2.0]], 1.0))
    assert rows[0] == [(*ABOVE, 255), (*BELOW, 128), (*ABOVE, 0)]
    assert rows[1] == [(*BELOW, 255), (*ABOVE, 64), (*ABOVE, 255)]
    assert {place[3] for row in read(signed_uri([[0.0, 0.0]], 0.0)) for place in row} == {0}


def test_edges_lie_between_what_is_inside_and_what_is_not():
    assert edges([[0, 0], [0, 0]]) == ""
    found = sorted(re.findall(r"M\d+ \d+[hv]1", edges([[0, 1], [0, 1]])))
    assert found == ["M1 0h1", "M1 0v1", "M1 1v1", "M1 2h1", "M2 0v1", "M2 1v1"]


def given(count=2):
    images = torch.linspace(0, 1, count * 16).view(count, 1, 4, 4)
    return images, {"first|map": images[:, 0] - 0.5, "coarse": torch.ones(count, 2, 2)}


def whole(diagram):
    for drawing in (diagram.wide, diagram.narrow):
        root = ElementTree.fromstring(drawing)
        width, height = (float(x) for x in root.get("viewBox").split()[2:])
        for text in (e for e in root.iter() if e.tag.endswith("text")):
            assert 0 <= float(text.get("x")) <= width
            assert 0 < float(text.get("y")) <= height
        assert root.get("aria-label") == diagram.alt
    return diagram


def test_maps_stand_beside_their_images():
    images, maps = given()
    made = whole(images_and_maps(images, maps, ["a", "b|c"], alt=ALT, caption="C"))
    assert made.wide.count("image-rendering:pixelated") == 4
    for words in ("first", "map", "coarse", ">a<", ">b<", "lowers", "raises the logit"):
        assert words in made.wide
    # each map has the scale of its own 99th percentile
    first = re.findall(r'pixelated" href="([^"]*)"', made.wide)[0]
    values = maps["first|map"][0]
    most = float(values.abs().flatten().quantile(0.99))
    for row, wanted in zip(read(first), values.tolist(), strict=True):
        for (*colour, alpha), value in zip(row, wanted, strict=True):
            assert colour == list(ABOVE if value >= 0 else BELOW)
            assert abs(alpha - 255 * min(abs(value) / most, 1)) <= 1


def test_a_scale_may_be_shared_and_colours_need_masks():
    images, maps = given(1)
    maps["coarse"] = torch.full((1, 2, 2), 0.25)
    made = images_and_maps(images, maps, [""], alt=ALT, caption="C", shared=True)
    coarse = re.findall(r'pixelated" href="([^"]*)"', made.wide)[1]
    most = float(maps["first|map"][0].abs().flatten().quantile(0.99))
    assert abs(read(coarse)[0][0][3] - 255 * 0.25 / most) <= 1
    tiles = torch.rand(1, 3, 4, 4)
    with pytest.raises(ValueError, match="need masks"):
        images_and_maps(tiles, maps, [""], alt=ALT, caption="C")
    masks = torch.zeros(1, 4, 4, dtype=torch.bool)
    masks[0, 1:3, 1:3] = True
    whole(images_and_maps(tiles, maps, [""], alt=ALT, caption="C", masks=masks))
    with pytest.raises(ValueError, match="must have 1 rows"):
        images_and_maps(images, maps, ["a", "b"], alt=ALT, caption="C")


def test_a_spot_is_framed_in_its_own_map():
    images, maps = given(1)
    made = whole(
        images_and_maps(
            images, maps, [""], alt=ALT, caption="C", spots={"A": ("first|map", 2, 1)}
        )
    )
    frame = (
        r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill="none"'
    )
    (found, *more) = re.findall(frame, made.wide)
    assert more == []
    x, y, wide, tall = map(float, found)
    assert ">A</text>" in made.wide
    assert ">A</text>" in made.narrow
    # the first map's picture: the frame is around the pixel and its neighbours
    left, top, size = (
        float(v)
        for v in re.search(
            r'<image x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"[^>]*pixelated', made.wide
        ).groups()
    )
    assert x == pytest.approx(left, abs=0.1)
    assert y == pytest.approx(top + size / 4, abs=0.1)
    assert wide == tall == pytest.approx(3 * size / 4, abs=0.1)
    for spot in (("other", 0, 0), ("coarse", 4, 0), ("coarse", 0, -1)):
        with pytest.raises(ValueError, match="in no map"):
            images_and_maps(images, maps, [""], alt=ALT, caption="C", spots={"A": spot})


def test_the_largest_value_is_ringed_and_is_a_hit_or_a_miss():
    images, maps = torch.rand(2, 1, 4, 4), torch.zeros(2, 4, 4)
    maps[0, 2, 1], maps[1, 0, 3] = -2.0, 1.0  # without sign
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[:, 2:, :2] = True
    words = {"alt": ALT, "caption": "C", "pointing": True}
    made = whole(images_and_maps(images, {"m": maps}, ["", ""], masks=masks, **words))
    assert re.findall(r">(hit|miss)</text>", made.wide) == ["hit", "miss"]
    rings = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', made.wide)
    place = r'<image x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"[^>]*pixelated'
    spots = [(1.5, 2.5), (3.5, 0.5)]  # column and row of the pixels' middles
    for ring, picture, spot in zip(rings, re.findall(place, made.wide), spots, strict=True):
        left, top, size = (float(v) for v in picture)
        assert float(ring[0]) == pytest.approx(left + spot[0] * size / 4, abs=0.1)
        assert float(ring[1]) == pytest.approx(top + spot[1] * size / 4, abs=0.1)
    for wrong in (None, masks[:, :2]):
        with pytest.raises(ValueError, match="pointing needs masks"):
            images_and_maps(images, {"m": maps}, ["", ""], masks=wrong, **words)


def test_lime_in_four_steps():
    image = torch.ones(1, 8, 8)
    on = torch.tensor([[1.0] * 4, [0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]])
    weights = torch.tensor([0.5, -0.25, 0.0, 0.1])
    made = whole(
        how_lime_works(
            image,
            2,
            on,
            [0.9, 0.8, 0.3, 0.1],
            [1.0, 0.9, 0.5, 0.1],
            weights,
            -0.125,
            alt=ALT,
            caption="C",
        )
    )
    said = ("network: 0.30", "counts 0.90", "+0.50", "−0.25", "+0.10", "w0: −0.12")
    for words in said:
        assert words in made.wide
        assert words in made.narrow
    assert made.wide.count('fill-opacity=".25"') == 0 + 1 + 2 + 4  # what is off
    with pytest.raises(ValueError, match="must be four"):
        how_lime_works(image, 2, on, [0.9], [1.0], weights, alt=ALT, caption="C")
    with pytest.raises(ValueError, match="patterns must be"):
        how_lime_works(image, 3, on, [0.9] * 4, [1.0] * 4, weights, alt=ALT, caption="C")


def test_dots_lie_where_both_answers_are():
    said, network = torch.tensor([0.0, 0.5]), torch.tensor([1.0, 0.5])
    made = whole(network_over_surrogate({"a": (said, network)}, alt=ALT, caption="C"))
    (x0, y0), (x1, y1) = (
        (float(x), float(y))
        for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', made.wide)
    )
    assert x1 - x0 == pytest.approx(210 * 0.5 / 1.6, abs=0.2)
    assert y1 - y0 == pytest.approx(210 * 0.5 / 1.6, abs=0.2)
    with pytest.raises(ValueError, match="one to three"):
        network_over_surrogate({}, alt=ALT, caption="C")
    with pytest.raises(ValueError, match="two rows"):
        network_over_surrogate({"a": (said, network[:1])}, alt=ALT, caption="C")


def test_rise_in_three_steps():
    image, masks = torch.rand(1, 4, 4), torch.rand(4, 4, 4)
    values = torch.rand(4, 4) - 0.5
    chances = [0.91, 0.02, 0.5, 0.33]
    made = whole(how_rise_works(image, masks, chances, values, alt=ALT, caption="C"))
    for drawing in (made.wide, made.narrow):
        for chance in chances:
            assert f">{chance:.2f}<" in drawing
    for wrong in (
        {"masks": masks[:3]}, {"values": values[:2]}, {"chances": chances[:2]},
    ):  # fmt: skip
        given = {"image": image, "masks": masks, "chances": chances, "values": values}
        with pytest.raises(ValueError, match="must be"):
            how_rise_works(**{**given, **wrong}, alt=ALT, caption="C")


def test_curves_of_pixels_and_their_areas():
    lines = {"A": ("student", "", [1.0, 0.5, 0.0]), "B": ("soft", "5 4", [1.0, 1.0, 0.0])}
    where = {"listed_at": (0.6, 0.9), "title": "share"}
    made = pixel_curves(lines, **where, alt=ALT, caption="C")
    whole(made)
    assert made.alt.endswith("Areas under the lines: A 0.50, B 0.75.")
    assert ">A 0.50<" in made.wide
    assert 'stroke-dasharray="5 4"' in made.wide
    for wrong in ({}, {"A": ("student", "", [1.0])}, {"A": ("student", "", [1.0, 1.2])}):
        with pytest.raises(ValueError, match="must"):
            pixel_curves(wrong, **where, alt=ALT, caption="C")


def test_the_largest_value_of_a_map_hits_or_misses():
    places = torch.zeros(2, 4, 4, dtype=torch.bool)
    places[:, 0, 1] = True
    values = torch.zeros(2, 4, 4)
    values[0, 0, 1] = values[1, 3, 3] = 0.5
    images = torch.rand(2, 3, 4, 4)
    made = whole(hits_and_misses(images, {"A": values}, places, alt=ALT, caption="C"))
    for drawing in (made.wide, made.narrow):
        assert drawing.index(">hit<") < drawing.index(">miss<")
        assert drawing.count(">hit<") == drawing.count(">miss<") == 1
    for wrong in ({"A": values[:1]}, {"A": values[:, :2]}):
        with pytest.raises(ValueError, match="must be"):
            hits_and_misses(images, wrong, places, alt=ALT, caption="C")
