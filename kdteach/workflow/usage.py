"""How the exported student is used: the preparation of a picture, and the lines for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdteach.workflow.networks import arguments_of

_PREPARE = """\
import json, torch
from PIL import Image, ImageOps
from torchvision.transforms.v2 import functional as F
picture = ImageOps.exif_transpose(Image.open("picture.jpg")).convert("{mode}")
picture = F.center_crop(F.resize(picture, [{size}]), [{size}, {size}])
images = (F.pil_to_tensor(picture) / 255)[None]  # (1, {channels}, {size}, {size})"""
_ONNX = """\
import onnxruntime
session = onnxruntime.InferenceSession("model.onnx")
classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
logits = session.run(None, {{"images": images.numpy()}})[0]
print(classes[logits[0].argmax()])"""
_TORCH = """\
from safetensors import safe_open
from safetensors.torch import load_file
{build}
student.load_state_dict(load_file("model.safetensors"))
with safe_open("model.safetensors", "pt") as file:
    classes = json.loads(file.metadata()["classes"])
logits = student.eval()({images})
print(classes[int(logits[0].argmax())])"""


def prepared(size: int, channels: int) -> str:
    """In words, how a picture becomes what the network takes.

    Args:
        size: height and width, in pixels.
        channels: 3 or 1.
    """
    return (
        f"The picture is turned upright and made {'RGB' if channels == 3 else 'grey'}; its "
        f"shorter side is scaled to {size} pixels (bilinear, with antialiasing, in "
        f"proportion), the centre of {size} x {size} pixels is cut out, and the values are "
        "divided by 255, so that they lie in [0, 1]"
    )


def usage(report: Mapping[str, Any]) -> list[str]:
    """Programs for the card: prepare a picture, then name its class, in ONNX and PyTorch.

    Args:
        report: all that was measured.

    Returns:
        Python; the first part comes before any of the others.
    """
    settings, use = report["settings"], report["use"]
    name, count = settings["student"], len(report["numbers"]["classes"])
    size, channels = settings["size"], settings["channels"]
    mode = "RGB" if channels == 3 else "L"
    made = [_PREPARE.format(size=size, channels=channels, mode=mode)]
    if "why" not in report["costs"]["onnx"] and report["costs"]["onnx"]["equal"]:
        made.append(_ONNX.format())
    library, _, own = name.rpartition(":")
    if not use["named"]:
        build = f"student = ...  # {name}, built as for the job"
    elif library == "torchvision":
        build = (
            "import torchvision\n"
            f'student = torchvision.models.get_model("{own}", num_classes={count})'
        )
    elif library == "timm":
        build = f'import timm\nstudent = timm.create_model("{own}", num_classes={count})'
    elif library:  # the reader's own
        given = {"num_classes": count, "size": size, "channels": channels}
        written = ", ".join(f"{n}={v}" for n, v in arguments_of(name, given).items())
        build = f"from {library} import {own}\nstudent = {own}({written})"
    else:
        shape = (channels, size, size)
        build = (
            "import kdteach as kd\n"
            f'student = kd.build("{name}", num_classes={count}, input_shape={shape})'
        )
    images = "images"
    if "mean" in use:  # the file holds the network alone
        images = f"F.normalize(images, {use['mean']}, {use['std']})"
    made.append(_TORCH.format(build=build, images=images))
    return made
