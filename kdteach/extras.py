"""Packages that only a part of the library needs: what to install where one is missing."""

from __future__ import annotations

from importlib import import_module

EXTRAS = {
    "accelerate": "multi",
    "altair": "book",
    "captum": "explain",
    "distributed": "dask",
    "lime": "explain",
    "matplotlib": "book",
    "onnx": "export",
    "onnxruntime": "export",
    "onnxscript": "export",
    "pandas": "book",
    "seaborn": "book",
    "skimage": "explain",
    "timm": "timm",
}
"""The extra of ``pip install 'kdteach[...]'`` that brings a package, by its import name."""


def require_extra(purpose: str, *packages: str) -> None:
    """Import packages of an extra, or say which extra to install.

    Args:
        purpose: what needs them, the subject of the message.
        packages: import names, each a key of ``EXTRAS``.

    Raises:
        ModuleNotFoundError: one of them is not installed.
    """
    for package in packages:
        try:
            import_module(package)
        except ModuleNotFoundError as error:
            if error.name is not None and error.name.split(".")[0] != package:
                raise  # the package is there; something that it needs itself is not
            raise ModuleNotFoundError(
                f"{purpose} needs {package}, which is not installed: "
                f"pip install 'kdteach[{EXTRAS[package]}]'",
                name=package,
            ) from error
