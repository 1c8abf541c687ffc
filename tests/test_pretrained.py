"""Weights from caches: the official file or none, tensors and no programs, no network."""

import hashlib
import io
import os
import pickle
import re
import socket
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from kdteach.models import (
    build,
    pretrained,
    pretrained_head,
    shipped,
    trained_teacher,
    weights_name,
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Every way to another machine fails, and says so."""

    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "create_connection", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Torch's cache, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def official(name):
    url = torchvision.models.get_model_weights(name).DEFAULT.url
    return url.rsplit("/", 1)[1]


def saved(state):
    content = io.BytesIO()
    torch.save(state, content)
    return content.getvalue()


@pytest.fixture(scope="module")
def theirs():
    """torchvision's own network, with weights of nobody's, and its file."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = torchvision.models.mobilenet_v2(weights=None)
    return network, saved(network.state_dict())


def publish(monkeypatch, content):
    """Pretend that a file with this content is the official one."""
    name = f"mobilenet_v2-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    monkeypatch.setattr(pretrained, "_url", lambda _: f"https://example.org/{name}")
    return name


def test_weights_come_from_torchs_cache(cache, monkeypatch, theirs):
    network, content = theirs
    with pytest.raises(
        FileNotFoundError, match=r"mobilenet_v2-\w+\.pth belongs into torch"
    ):
        build("mobilenet_v2", num_classes=2, weights="imagenet")
    name = publish(monkeypatch, content)
    (cache / name).write_bytes(content)
    model = build("mobilenet_v2", num_classes=2, weights="imagenet")
    torch.testing.assert_close(model.backbone[0][0].weight, network.features[0][0].weight)
    other = build("mobilenet_v2", num_classes=2, seed=1)
    assert not torch.equal(other.backbone[0][0].weight, model.backbone[0][0].weight)
    state = torch.random.get_rng_state()
    head = pretrained_head("mobilenet_v2", "imagenet")
    assert torch.equal(state, torch.random.get_rng_state())
    torch.testing.assert_close(head.weight, network.classifier[1].weight)
    digest = hashlib.sha256(content).hexdigest()
    assert weights_name("mobilenet_v2", "imagenet") == f"{name} {digest[:8]}"


def test_the_names_of_torchvision_hold_a_sum():
    for name in ("resnet18", "resnet50", "mobilenet_v2"):
        assert re.fullmatch("[0-9a-f]{8,64}", pretrained._promised(official(name)))


def test_other_weights_under_the_official_name_are_refused(cache, theirs):
    """At every load, not only behind a download: a file may be exchanged at any time."""
    name = official("mobilenet_v2")
    (cache / name).write_bytes(theirs[1])
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"{name} in torch's cache is not the offici"):
            build("mobilenet_v2", num_classes=2, weights="imagenet")
    with pytest.raises(ValueError, match="is not the official file"):
        pretrained_head("mobilenet_v2", "imagenet")
    # a record tells which file a run began from, whatever it is
    found = hashlib.sha256(theirs[1]).hexdigest()[:8]
    assert weights_name("mobilenet_v2", "imagenet") == f"{name} {found}"
    (cache / name).write_bytes(theirs[1][:-1])
    assert found not in weights_name("mobilenet_v2", "imagenet")


class Program:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("form", ["zip", "tar", "bare", "nested"])
def test_no_file_of_weights_runs_a_program(cache, tmp_path, monkeypatch, form):
    """Not even one that has the promised sum."""
    written = tmp_path / "written"
    state = {"weight": torch.zeros(2), "more": Program(written)}
    if form == "bare":
        content = pickle.dumps(Program(written))
    elif form == "nested":
        content = saved(nn.Sequential(nn.Linear(1, 1)))
    else:
        file = io.BytesIO()
        torch.save(state, file, _use_new_zipfile_serialization=form == "zip")
        content = file.getvalue()
    name = publish(monkeypatch, content)
    (cache / name).write_bytes(content)
    for ask in (build, pretrained_head):
        with pytest.raises(ValueError, match=rf"{name} in torch's cache is no file of wei"):
            ask("mobilenet_v2", weights="imagenet")
        assert not written.exists()
    if form in ("zip", "tar"):  # whoever trusts the file runs it
        torch.load(io.BytesIO(content), weights_only=False)
        assert written.exists()


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"a": torch.zeros(2)}, "holds the weights of another network"),
        ([torch.zeros(2)], "is no table of weights"),
        ({"a": 3}, "is no table of weights"),
    ],
)
def test_files_of_something_else(cache, monkeypatch, state, says):
    content = saved(state)
    (cache / publish(monkeypatch, content)).write_bytes(content)
    with pytest.raises(ValueError, match=says):
        build("mobilenet_v2", weights="imagenet")


def test_a_pipe_in_the_cache_is_not_waited_for(cache):
    os.mkfifo(cache / official("mobilenet_v2"))
    for ask in (build, weights_name):
        with pytest.raises(ValueError, match=r"\.pth is a named pipe, not a plain file"):
            ask("mobilenet_v2", weights="imagenet")


def test_a_download_is_checked_and_not_unpickled(cache, monkeypatch, theirs):
    content = theirs[1]
    name = publish(monkeypatch, content)
    asked = []

    def fetch(url, place, promised, progress):
        asked.append((url, promised))
        Path(place).write_bytes(content)

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    model = build("mobilenet_v2", num_classes=2, weights="imagenet", download=True)
    assert isinstance(model, nn.Module)
    build("mobilenet_v2", num_classes=2, weights="imagenet", download=True)
    assert asked == [(f"https://example.org/{name}", name[13:21])]  # once

    def fail(*_, **__):
        raise RuntimeError("invalid hash value")

    (cache / name).unlink()
    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(ConnectionError, match=rf"{name} could not be downloaded"):
        build("mobilenet_v2", weights="imagenet", download=True)


# ---- timm's network


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A file as huggingface_hub keeps it: a link to what is named by its SHA-256."""
    import timm
    from safetensors.torch import save

    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = timm.create_model("resnetv2_50", pretrained=False)
    content = save({key: value.half() for key, value in network.state_dict().items()})
    home = tmp_path_factory.mktemp("hub")
    blobs, snapshot = home / "blobs", home / "snapshots" / "0123"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    blob = blobs / hashlib.sha256(content).hexdigest()
    blob.write_bytes(content)
    (snapshot / "model.safetensors").symlink_to(blob)
    return network, snapshot / "model.safetensors"


@pytest.fixture
def cached(hub, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(
        huggingface_hub, "try_to_load_from_cache", lambda *_: str(cached_at[0])
    )
    cached_at = [hub[1]]
    return cached_at


def test_no_hub_is_asked_where_the_weights_are_there(hub, cached):
    """Unless the download is allowed, and then only for what is missing."""
    network, _ = hub
    for download in (False, True):
        model = build("resnetv2_50", num_classes=2, weights="imagenet", download=download)
        wanted = network.stem.conv.weight.half().float()
        torch.testing.assert_close(model.backbone[0].conv.weight, wanted)
    head = pretrained_head("resnetv2_50", "imagenet")
    wanted = network.head.fc.weight[..., 0, 0].half().float()
    torch.testing.assert_close(head.weight, wanted)


def test_other_weights_in_the_hubs_cache_are_refused(hub, cached, tmp_path):
    blob = hub[1].resolve()
    loose = tmp_path / "model.safetensors"
    loose.write_bytes(blob.read_bytes()[:1000])
    other = tmp_path / blob.name
    other.write_bytes(blob.read_bytes()[:-1])
    os.mkfifo(tmp_path / "pipe")
    for file, says in (
        (loose, "is no link into the blobs"),
        (other, "is not the official file: its SHA-256 is not its name"),
        (tmp_path / "pipe", "is a named pipe"),
    ):
        cached[0] = file
        with pytest.raises(ValueError, match=says):
            build("resnetv2_50", num_classes=2, weights="imagenet")


def test_nobody_is_asked_where_the_weights_are_missing(monkeypatch, cache):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    for name in ("resnetv2_50", "resnet18", "resnet50", "mobilenet_v2"):
        with pytest.raises(FileNotFoundError, match="download=True"):
            build(name, weights="imagenet")
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", _offline)
    with pytest.raises(ConnectionError, match=r"timm/resnetv2_50.*could not be downloaded"):
        build("resnetv2_50", weights="imagenet", download=True)


def _offline(*_, **__):
    raise OSError("no route to host")


# ---- what ships


@pytest.mark.parametrize("content", [b"", b"half a file", None])
def test_damaged_files_of_the_package_are_named(monkeypatch, tmp_path, content):
    file = tmp_path / "weights"
    file.mkdir(parents=True)
    if content is None:  # of another network
        content = shipped.shipped_bytes("tiny-resnet-tissues.safetensors")
    for name in ("cnn-digits-0", "tiny-mobilenet-tissues"):
        (file / f"{name}.safetensors").write_bytes(content)
    monkeypatch.setattr(shipped, "files", lambda _: tmp_path)
    for ask in (
        lambda: trained_teacher(0),
        lambda: build("tiny-mobilenet", weights="tissues"),
    ):
        with pytest.raises(ValueError, match=r"safetensors.*(anew|of another network)"):
            ask()


def test_names_of_weights_lead_to_no_other_file():
    for name, weights in (
        ("tiny-resnet", "../../x"), ("tiny-resnet", "polyps-distilled"), ("x", "tissues"),
        ("resnet18", "cifar"), (None, None), (["x"], "tissues"),
    ):  # fmt: skip
        for ask in (weights_name, pretrained_head):
            with pytest.raises(ValueError, match=r"unknown|there are no weights"):
                ask(name, weights)
