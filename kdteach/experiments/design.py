"""What an experiment is: a name, configurations, seeds, and published values beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

Config = Mapping[str, object]
"""Everything that decides a run apart from its seed, JSON values only.

=================  ====================================================================
key                meaning; where it is missing, the default
=================  ====================================================================
``role``           what the run is in the experiment, such as "plain"; the logits of a
                   "teacher" or an "assistant" are kept for its students
``model``          name for ``kdteach.models.build``
``epochs``         passes over the training images
``batch_size``     images a step
``learning_rate``  of ``optimizer``
``optimizer``      "adam" (default) or "momentum"
``weight_decay``   Adam with decoupled weight decay, instead of ``optimizer``
``schedule``       "constant" (default) or "cosine"
``dropout``        by default the model's own
``jitter``         largest shift in pixels, 0
``views``          a teacher's logits are means over all shifts of so many pixels, 0
``drop_last``      leave out the last, smaller batch, false
``precision``      "bfloat16" computes matrix products in it; by default that of the weights
``smoothing``      epsilon of smoothed labels, 0
``subclasses``     S: the network puts out S logits a class
``beta``           weight of the diversity of subclasses, 0
``temperature``    T of a distilled student; without it the student has labels alone
``alpha``          weight of the soft term
``teacher``        configuration of the teacher; by default the experiment's own
``stop_epoch``     the soft term is switched off after this epoch
``teacher_epoch``  the teacher as it was after this epoch; by default after the last, or
                   after the best where the teacher has ``choose_on``
``omit``           classes left out of the student's training images
``only``           classes kept of the student's training images
``weights``        "imagenet" or "tissues", of a network for photographs; fresh ones
``policy``         "full" (default), "fine-tune" or "features", see ``models.build``
``flips``          mirror images at random, false
``choose_on``      "valid": keep the epoch that is best on it ("test": one of the mistakes);
                   by default the last epoch is kept
``choose_by``      "accuracy" (default) or "weighted_f1": by what an epoch is best
``targets``        "labels" (default) or "votes", the shares of the annotators
``balanced``       weigh each class by the inverse of its size, false
``mistake``        of a report, made on purpose, see ``experiments.mistakes``
``transfer``       so many of these images are drawn, by default all are used
=================  ====================================================================
"""


@dataclass(frozen=True)
class Published:
    """A published value that stands beside our runs.

    Attributes:
        source: such as "Report 2, Table I" or "Hinton et al. 2015, section 3".
        where: the settings of the runs it belongs to; a run fits when it has them all.
        metric: name in the records' results.
        value: in the unit of the records (fractions, counts).
        item: which entry of a result that is a list, such as a class.
    """

    source: str
    where: Config
    metric: str
    value: float
    item: int | None = None

    def fits(self, config: Config) -> bool:
        """Say whether a run with this configuration stands beside the value."""
        return all(config.get(key) == value for key, value in self.where.items())


@dataclass(frozen=True)
class Experiment:
    """What to run.

    Attributes:
        name: on the command line and of the results file.
        question: what it answers, one line.
        data: name and options of the data set; the option value "seed" stands for the
            seed of the run, such as ``{"draw": "seed"}``.
        configurations: one run each and seed.
        seeds: how many by default.
        published: values to stand beside.
    """

    name: str
    question: str
    data: tuple[str, Mapping[str, object]]
    configurations: tuple[Config, ...]
    seeds: int = 10
    published: tuple[Published, ...] = field(default=(), repr=False)

    def teacher_of(self, config: Config) -> Config | None:
        """The configuration of a student's teacher, None for labels alone."""
        if "temperature" not in config:
            return None
        if "teacher" in config:
            teacher = config["teacher"]
            assert isinstance(teacher, Mapping)
            return teacher  # itself without one, or an assistant with its own
        (teacher,) = (c for c in self.configurations if c["role"] == "teacher")
        return teacher


def config_text(config: Config) -> str:
    """One spelling for equal configurations, whatever the order of their keys."""
    return json.dumps(config, sort_keys=True)
