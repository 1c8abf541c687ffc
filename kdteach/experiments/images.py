"""The images of an experiment, loaded once a process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from kdteach.checks import check_dtype
from kdteach.data import FROM_FILES, load
from kdteach.experiments.design import config_text
from kdteach.types import ImageSet


@lru_cache(maxsize=2)  # a seed's jobs follow one another
def _load(name: str, data_dir: Path | None, options: str) -> ImageSet:
    chosen = json.loads(options)
    if "dtype" in chosen:
        chosen["dtype"] = check_dtype("dtype of the data", chosen["dtype"])
    return load(name, data_dir, **chosen)


def load_data(
    data: tuple[str, Mapping[str, object]], data_dir: Path | None, seed: int
) -> ImageSet:
    """Load a job's data set, once a process.

    Args:
        data: name and options; an option with the value "seed" becomes the seed's number.
        data_dir: folder of the data set; data that are embedded or drawn need none.
        seed: of the run.
    """
    options = {key: seed if value == "seed" else value for key, value in data[1].items()}
    folder = data_dir if data[0] in FROM_FILES else None
    return _load(data[0], folder, config_text(options))
