"""Teachers of recorded runs as networks: for features, maps and views nobody has stored."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from kdteach.checks import check_choice, check_count, check_seed, check_switch
from kdteach.experiments import registry
from kdteach.experiments.design import Config, Experiment
from kdteach.experiments.images import load_data
from kdteach.experiments.jobs import Job, run_job
from kdteach.experiments.plan import epochs_wanted, source_of
from kdteach.experiments.recipe import kind_of
from kdteach.experiments.teacher_store import TeacherStore
from kdteach.files import check_path
from kdteach.results import Folder, records_folder
from kdteach.types import ImageSet


def recorded_teacher(
    experiment: str,
    label: str = "teacher",
    *,
    seed: int = 0,
    epoch: int | None = None,
    remake: bool = False,
    data_dir: Folder | None = None,
    results_dir: Folder | None = None,
) -> nn.Module:
    """Load a teacher of a recorded experiment with the weights it taught with.

    ``reproduce`` keeps them beside the records, outside version control: after a fresh
    checkout ``reproduce(..., weights=True)`` makes those of all seeds again.

    Args:
        experiment: its name.
        label: of the configuration, a key of ``EXPERIMENTS[experiment].named``; a teacher
            or an assistant.
        seed: of the run.
        epoch: as it was after this one; by default after its last, or after the best where
            that one is kept.
        remake: train it again where its weights are not there, which takes as long as it
            took; what is kept then stays.
        data_dir: folder of the data set, by default ``$KDTEACH_DATA``.
        results_dir: folder of the records, by default the package's own.

    Returns:
        The network in eval mode, images (B, channels, H, W) -> logits (B, C). It gives the
        logits that are stored, which is checked on some images.

    Raises:
        TypeError: an argument of another type.
        ValueError: unknown experiment, a configuration that teaches nobody, a number out of
            range, or an epoch after which no state is kept.
        LookupError: no configuration has that label.
        FileNotFoundError: its weights, or the data, are not there.
        RecordError: the stored weights are damaged, or do not give the stored logits; or
            the teacher trained again is another one than that of the stored logits.
        TrainingDivergedError: it could not be trained again.
        OSError: a file cannot be read or written.
    """
    name = check_choice("experiment", experiment, registry.EXPERIMENTS)
    found = registry.EXPERIMENTS[name]
    config, seed = found[label], check_seed(seed)
    if kind_of(config) == "student":
        raise ValueError(
            f"label: {label!r} of {name} teaches nobody, so nothing of it is kept but its "
            "record"
        )
    last = int(str(config["epochs"]))
    epoch = last if epoch is None else check_count("epoch", epoch)
    remake = check_switch("remake", remake)
    data_dir = None if data_dir is None else check_path("data_dir", data_dir)
    folder = (
        records_folder() if results_dir is None else check_path("results_dir", results_dir)
    )

    def images(seed: int) -> ImageSet:
        return load_data(found.data, data_dir, seed)

    store = TeacherStore(folder / ".teachers", images)
    if epoch not in epochs_wanted(config, found.data, registry.EXPERIMENTS):
        raise ValueError(
            f"epoch: no state of {label!r} after {epoch} epochs is kept, for nobody learns "
            f"from it; its last is {last}"
        )
    if not store.has_weights(config, epoch, seed):
        if not remake:
            raise FileNotFoundError(
                f"the weights of {label!r} of {name}, seed {seed}, are not in "
                f"{store.folder}: recorded_teacher(..., remake=True) trains it again, "
                f"'python -m kdteach reproduce {name} --weights' all its teachers"
            )
        _remake(found, config, seed, store, data_dir)
    return store.model(config, epoch, seed)


def _remake(
    experiment: Experiment,
    config: Config,
    seed: int,
    store: TeacherStore,
    data_dir: Path | None,
) -> None:
    """Train a teacher again, and its own teachers before it where these are missing."""
    source = source_of(experiment, config)
    if source is not None and not store.has(*source, seed):
        _remake(experiment, source[0], seed, store, data_dir)
    logits = None if source is None else store.get(*source, seed)
    keep = tuple(sorted(epochs_wanted(config, experiment.data, registry.EXPERIMENTS)))
    done = run_job(Job(experiment.data, data_dir, seed, (config,), (logits,), keep))
    for epoch, weights in done.weights.items():
        if store.has(config, epoch, seed):
            store.bind(config, epoch, seed, weights)
        else:
            store.put(config, epoch, seed, done.logits[epoch], weights)
