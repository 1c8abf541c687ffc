"""What is to be done: teachers first, then assistants, then students in stacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from kdteach.cost import count_flops
from kdteach.experiments.design import Config, Experiment, config_text
from kdteach.experiments.recipe import asks_live, kind_of
from kdteach.experiments.recipes import fresh_model, is_probe, same_stack, transfer_set
from kdteach.experiments.teacher_store import TeacherStore
from kdteach.results import run_key
from kdteach.training import can_stack, stack_size
from kdteach.types import ImageSet

Source = tuple[Config, int]
"""A teacher, and the epoch after which it teaches."""


@dataclass(frozen=True, eq=False)
class Work:
    """A job to be: what it needs, what it costs.

    Attributes:
        seed: of the runs.
        configs: one teacher, or students of one stack.
        cost: FLOPs, near enough to say how long the rest will take.
        teachers: of each run, None for labels alone.
        keep_epochs: of a teacher: the epochs after which its logits are kept.
        waits_for: keys of the runs that must be done before.
    """

    seed: int
    configs: tuple[Config, ...]
    cost: float
    teachers: tuple[Source | None, ...]
    keep_epochs: tuple[int, ...] = ()
    waits_for: frozenset[str] = field(default_factory=frozenset)

    def keys(self) -> tuple[str, ...]:
        """The key of each run."""
        return tuple(run_key(config, self.seed) for config in self.configs)

    def only(self, places: Iterable[int]) -> Work:
        """The same with some of the runs.

        Args:
            places: of the runs that stay.
        """
        chosen = tuple(places)
        teachers = tuple(self.teachers[i] for i in chosen)
        needed = {run_key(t[0], self.seed) for t in teachers if t is not None}
        return replace(
            self,
            configs=tuple(self.configs[i] for i in chosen),
            teachers=teachers,
            cost=self.cost * len(chosen) / len(self.configs),
            waits_for=self.waits_for & needed,
        )


@dataclass(frozen=True, eq=False)
class Plan:
    """All that one call of ``reproduce`` is to do, made once and then walked.

    Attributes:
        data: name and options of the data set.
        data_dir: its folder.
        commit: of the code that runs, whatever happens meanwhile.
        work: the jobs, teachers first.
    """

    data: tuple[str, Mapping[str, object]]
    data_dir: Path | None
    commit: str
    work: tuple[Work, ...]

    @property
    def runs(self) -> int:
        """How many there are."""
        return sum(len(item.configs) for item in self.work)

    @property
    def cost(self) -> float:
        """FLOPs of all work."""
        return sum(item.cost for item in self.work)


class _Planner:
    """What is the same for all seeds, computed once.

    Args:
        experiment: to be run.
        data: its images.
        store: where teachers' logits are kept.
        experiments: all there are.
    """

    def __init__(
        self,
        experiment: Experiment,
        data: ImageSet,
        store: TeacherStore,
        experiments: Mapping[str, Experiment],
    ) -> None:
        self.experiment, self.data, self.store = experiment, data, store
        self.experiments = experiments
        self.costs: dict[str, float] = {}
        self.sizes: dict[str, int] = {}
        self.epochs: dict[str, set[int]] = {}

    def seed(self, configs: list[Config], seed: int) -> Iterator[Work]:
        """The jobs of one seed.

        Args:
            configs: of its runs that are missing.
            seed: of the runs.
        """
        experiment, store = self.experiment, self.store
        teachers: dict[str, Config] = {}  # to be trained, each after its own
        students: dict[str, list[Config]] = {}

        def teach(config: Config) -> None:
            require_teacher(config)
            teachers.setdefault(config_text(config), config)

        def require_teacher(config: Config) -> None:
            source = source_of(experiment, config)
            if source is None:
                return
            there = store.has_weights if asks_live(config) else store.has
            if not there(*source, seed):
                teach(source[0])

        def work(stack: list[Config], keep: set[int]) -> Work:
            sources = tuple(source_of(experiment, config) for config in stack)
            waits = frozenset(
                run_key(source[0], seed)
                for source in sources
                if source is not None and config_text(source[0]) in teachers
            )
            cost = self.cost(stack[0], len(stack))
            return Work(seed, tuple(stack), cost, sources, tuple(sorted(keep)), waits)

        for config in configs:
            if kind_of(config) != "student":
                teach(config)
            else:
                require_teacher(config)
                students.setdefault(same_stack(config), []).append(config)
        for config in teachers.values():
            yield work([config], self.epochs_wanted(config))
        for members in students.values():
            size = self.stack_size(members[0], len(members))
            for start in range(0, len(members), size):
                yield work(members[start : start + size], set())

    def epochs_wanted(self, teacher: Config) -> set[int]:
        """Epochs of a teacher from which some experiment's students learn, and its last."""
        key = config_text(teacher)
        if key not in self.epochs:
            self.epochs[key] = epochs_wanted(
                teacher, self.experiment.data, self.experiments
            )
        return self.epochs[key]

    def stack_size(self, config: Config, count: int) -> int:
        """How many students of this kind one job takes: a stack, lost when stopped."""
        key = f"{count} {same_stack(config)}"
        if key not in self.sizes:
            self.sizes[key] = _stack_size(config, count, self.data)
        return self.sizes[key]

    def cost(self, config: Config, count: int) -> float:
        """FLOPs of a job, near enough to say how long the rest will take."""
        key = same_stack(config)
        if key not in self.costs:
            self.costs[key] = _cost(config, self.data)
        return self.costs[key] * (1 if is_probe(config) else count)


def shared_out(
    experiment: Experiment,
    missing: Iterable[tuple[Config, int]],
    data: ImageSet,
    store: TeacherStore,
    experiments: Mapping[str, Experiment],
) -> Iterator[Work]:
    """Share out what is to be done among jobs, seed by seed.

    Args:
        experiment: to be run.
        missing: its runs that are not recorded.
        data: its images.
        store: where teachers' logits are kept.
        experiments: all there are: whoever needs a state of a teacher has it kept.
    """
    planner = _Planner(experiment, data, store, experiments)
    missing = list(missing)
    for seed in sorted({seed for _, seed in missing}):
        yield from planner.seed([config for config, s in missing if s == seed], seed)


def source_of(experiment: Experiment, config: Config) -> Source | None:
    """From whom a run learns, None for labels alone.

    Args:
        experiment: of the run.
        config: of the run.

    Raises:
        ValueError: a state after more epochs than the teacher has.
    """
    teacher = experiment.teacher_of(config)
    if teacher is None:
        return None
    last = int(str(teacher.get("epochs", 0)))
    epoch = int(str(config.get("teacher_epoch", last)))
    if epoch > last:
        raise ValueError(
            f"{experiment.name}: teacher_epoch {epoch}, but the teacher has {last} epochs"
        )
    return teacher, epoch


def teachers_of(experiment: Experiment) -> list[Config]:
    """All who teach in an experiment, and their own teachers; none that ships trained.

    Args:
        experiment: to be looked through.
    """
    found: dict[str, Config] = {}
    waiting = list(experiment.configurations)
    while waiting:
        config = waiting.pop(0)
        if kind_of(config) != "student" and "shipped" not in config:
            found.setdefault(config_text(config), config)
        if (teacher := experiment.teacher_of(config)) is not None:
            waiting.append(teacher)
    return list(found.values())


def epochs_wanted(
    teacher: Config,
    data: tuple[str, Mapping[str, object]],
    experiments: Mapping[str, Experiment],
) -> set[int]:
    """Epochs of a teacher from which some experiment's students learn, and its last.

    Args:
        teacher: its configuration.
        data: name and options of its data set.
        experiments: all there are.
    """
    wanted = {int(str(teacher["epochs"]))}
    for other in experiments.values():
        if other.data != data:
            continue
        for config in other.configurations:
            if "teacher_epoch" in config and other.teacher_of(config) == teacher:
                wanted.add(int(str(config["teacher_epoch"])))
    return wanted


def _stack_size(config: Config, count: int, data: ImageSet) -> int:
    if is_probe(config):
        return count  # the features are computed once a job
    try:
        model = fresh_model(config, data, seed=0)
    except (ValueError, TypeError, RuntimeError):  # each run will say so for itself
        return 1
    return stack_size(model, count) if can_stack(model) else 1


def _cost(config: Config, data: ImageSet) -> float:
    """Of one run, or of one pass over all images where only heads are trained."""
    try:
        model: nn.Module = fresh_model(config, data, seed=0).cpu()
        channels, height, width = data.image_shape
        forward = count_flops(model, (channels, height, width))
        images = len(transfer_set(config, data.train, seed=0))
    except (ValueError, TypeError, RuntimeError):  # the run will say so for itself
        return 1.0
    if is_probe(config):  # the heads cost next to nothing
        return 1.0 * forward * (len(data.train) + len(data.valid) + len(data.test))
    return 3.0 * forward * images * int(str(config["epochs"]))
