"""distil with networks of the reader's own, named as MODULE:FUNCTION."""

import re
import sys

import pytest
import torch
from safetensors.torch import load_file
from test_workflow import draw, settings

import kdteach as kd
from kdteach.__main__ import main
from kdteach.workflow import distil, networks, usage

MODULE = """
from torch import nn

class Small(nn.Sequential):
    def __init__(self, num_classes, size, width=8):
        super().__init__(
            nn.Flatten(), nn.Linear(3 * size * size, width), nn.ReLU(),
            nn.Linear(width, num_classes),
        )

def small(num_classes, channels=3):
    return Small(num_classes, 8)

def any_of_them(**given):
    return Small(given["num_classes"], given["size"])

def nothing(num_classes):
    return "a network"

def fixed():
    return Small(3, 8)

answer = 42
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    """A module of the reader's, in a folder that Python looks into."""
    (tmp_path / "mynets.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "mynets.py"
    sys.modules.pop("mynets", None)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("pictures") / "d")


def made(name, **changed):
    given = {"classes": 3, "size": 8, "channels": 3, "seed": 0}
    return networks.network(name, **(given | changed))


@pytest.mark.parametrize("name", ["mynets:small", "mynets:Small", "mynets:any_of_them"])
def test_a_function_or_a_class_is_called_with_what_it_takes(nets, name):
    first, again, other = made(name), made(name), made(name, seed=1)
    assert first(torch.rand(2, 3, 8, 8)).shape == (2, 3)
    weights = [next(model.parameters()) for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("nowhere_at_all:small", ValueError, "cannot be imported .*MODULE:FUNCTION"),
        ("mynets:large", ValueError, "mynets has no function 'large'"),
        ("mynets:answer", ValueError, "mynets has no function 'answer'"),
        ("mynets:fixed", ValueError, "takes no num_classes: it is called with"),
        ("mynets:nothing", TypeError, "must return a torch.nn.Module, got 'a network'"),
    ],
)
def test_what_is_no_network_is_named(nets, name, error, says):
    with pytest.raises(error, match=says):
        made(name)


def test_weights_of_a_library_are_not_for_it(nets):
    with pytest.raises(ValueError, match="mynets:small begins with random weights"):
        made("mynets:small", start="imagenet")


def test_a_module_that_fails_says_why(nets):
    nets.write_text("import nothing_of_this_name\n")
    with pytest.raises(ValueError, match="No module named 'nothing_of_this_name'"):
        made("mynets:small")


def test_a_job_with_ones_own_network(nets, data, tmp_path):
    given = settings(data, tmp_path / "o", student="mynets:Small", seeds=2, epochs=2)
    done = distil(given, say=None, progress=False)
    assert isinstance(done.student, sys.modules["mynets"].Small)
    lines = usage.usage(done.report)[-1]
    assert "from mynets import Small\nstudent = Small(num_classes=3, size=8)" in lines
    build = re.search(r"from mynets.*\nstudent = .*", lines).group()
    names = {}
    exec(build, names)
    names["student"].load_state_dict(load_file(tmp_path / "o" / "model.safetensors"))
    images = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(names["student"](images), done.student(images))
    # the same words go on, other code does not
    assert "Small" in done.report["settings"]["student's code"]
    distil(given, say=None, progress=False)
    nets.write_text(MODULE.replace("width=8", "width=9"))
    sys.modules.pop("mynets")
    with pytest.raises(FileExistsError, match=r"another job .*student's code was"):
        distil(given, say=None, progress=False)


def test_on_the_command_line(nets, data, tmp_path, capsys):
    line = f"distil --data {data} --teacher fc-32 --student mynets:large --size 8"
    assert main([*line.split(), "--out", str(tmp_path / "o")]) != 0
    assert "mynets has no function 'large'" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_other_networks_have_no_code_in_their_settings(data, tmp_path):
    done = distil(settings(data, tmp_path / "o"), say=None, progress=False)
    assert not [name for name in done.report["settings"] if "code" in name]
    assert isinstance(done.student, type(kd.build("fc-8", input_shape=(3, 8, 8))))
