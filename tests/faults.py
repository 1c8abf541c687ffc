"""Faults that somebody could make, planted into the library while it runs.

A fault stands in for a public function, or for a method of a public class; nothing looks at
the text of the source, so reformatting and renaming inside change nothing. Each can be
planted without its mistake, too: then the same test must pass, which shows that it is the
mistake that the test finds, and not the planting.
"""

import importlib
import math
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count

import torch
from torch import nn
from torch.nn import functional as F

import kdteach


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        test: that finds it, as pytest names it, in the folder of the tests.
        plant: called with True plants it, with False all of it but the mistake.
    """

    test: str
    plant: Callable[[bool], None]


FAULTS: dict[str, Fault] = {}


def found_by(test: str, name: str) -> Callable:
    """Put a function that plants into the list."""

    def listed(plant: Callable[[bool], None]) -> Callable[[bool], None]:
        FAULTS[name] = Fault(test, plant)
        return plant

    return listed


def put(path: str, make: Callable) -> None:
    """Replace a public function wherever a module of the library knows it.

    Args:
        path: its name, ``kdteach.losses.kd_loss``.
        make: from the function to the one that takes its place.
    """
    module, _, name = path.rpartition(".")
    usual = getattr(importlib.import_module(module), name)
    other, places = make(usual), 0
    for known, module in list(sys.modules.items()):
        if known.split(".")[0] != "kdteach":
            continue
        for attribute, value in list(vars(module).items()):
            if value is usual:
                setattr(module, attribute, other)
                places += 1
    assert places, f"no module of the library knows {path}"


def soft_term(z, v, T):
    """T^2 KL(p || q), mean over the images, as the paper writes it."""
    log_p, log_q = F.log_softmax(v / T, dim=1), F.log_softmax(z / T, dim=1)
    return T**2 * F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


DISTILLATION_LOSS = "kdteach.losses.distillation_loss"


@found_by("test_losses.py::test_gradient_is_t_times_difference", "drop T squared")
def _(faulty):
    def make(usual):
        return lambda z, v, temperature: (
            usual(z, v, temperature) / (temperature**2 if faulty else 1)
        )

    put(DISTILLATION_LOSS, make)


@found_by("test_losses.py::test_definitions", "swap the arguments of KL")
def _(faulty):
    def make(_):
        def loss(z, v, temperature):
            v = v.detach()
            return soft_term(*((v, z) if faulty else (z, v)), temperature)

        return loss

    put(DISTILLATION_LOSS, make)


@found_by("test_losses.py::test_classes_are_summed_and_images_averaged",
          "average over classes")  # fmt: skip
def _(faulty):
    def make(usual):
        return lambda z, v, temperature: (
            usual(z, v, temperature) / (z.shape[1] if faulty else 1)
        )

    put(DISTILLATION_LOSS, make)


@found_by("test_losses.py::test_definitions", "exchange alpha and 1 - alpha")
def _(faulty):
    def make(usual):
        def loss(z, v, labels, temperature, alpha):
            return usual(z, v, labels, temperature, 1 - alpha if faulty else alpha)

        return loss

    put("kdteach.losses.kd_loss", make)


def leaky(path):
    """Plant: a loss of that name whose gradient reaches the teacher."""

    def plant(faulty):
        def make(usual):
            def loss(z, v, labels, temperature, *weights):
                value = usual(z, v, labels, temperature, *weights)
                through = soft_term(z.detach(), v if faulty else v.detach(), temperature)
                return value + (through - through.detach())

            return loss

        put(path, make)

    return plant


for name, path in {
    "let gradients reach the teacher": "kdteach.losses.kd_loss",
    "the same with parts apart": "kdteach.losses.decoupled_kd_loss",
}.items():
    found_by("test_losses.py::test_gradcheck_and_no_gradient_to_the_teacher", name)(
        leaky(path)
    )


@found_by("test_explain.py::test_rise_is_the_published_sum",
          "forget the share that is seen")  # fmt: skip
def _(faulty):
    def make(usual):
        def rise(*arguments, keep=0.5, **options):
            maps = usual(*arguments, keep=keep, **options)
            return replace(maps, values=maps.values * (keep if faulty else 1))

        return rise

    put("kdteach.explain.rise", make)


@found_by("test_explain.py::test_masks_are_the_published_ones",
          "clamp at the border of the masks")  # fmt: skip
def _(faulty):
    def make(_):
        def enlarged(grid, shifts, height, width):
            """torch's bilinear sampling, which can do both at a border."""
            cells = grid.shape[-1]
            masks = []
            for one, (top, left) in zip(grid, shifts.tolist(), strict=True):
                at = [
                    2 * ((torch.arange(side, dtype=grid.dtype) + start + 0.5)
                    * cells / ((cells + 1) * math.ceil(side / cells)) - 0.5)
                    / (cells - 1) - 1
                    for side, start in ((height, top), (width, left))
                ]  # fmt: skip
                places = torch.stack(torch.meshgrid(*at, indexing="ij")[::-1], dim=-1)
                masks.append(F.grid_sample(
                    one[None, None], places[None], align_corners=True,
                    padding_mode="border" if faulty else "reflection",
                )[0, 0])  # fmt: skip
            return torch.stack(masks)

        return enlarged

    put("kdteach.explain.masking.enlarged", make)


@found_by("test_subclasses.py::test_diversity_by_definition",
          "leave out the factor of the diversity")  # fmt: skip
def _(faulty):
    def make(_):
        def diversity(z, temperature=1.0):
            n, k = z.shape
            variance, mean = torch.var_mean(z, dim=1, correction=0, keepdim=True)
            normal = (z - mean) / (variance + 1e-9).sqrt()
            alike = normal @ normal.T / (1 if faulty else k)
            scores = (alike / temperature).logsumexp(dim=1).mean()
            return scores - 1 / temperature - math.log(n)

        return diversity

    put("kdteach.losses.subclass_diversity_loss", make)


@found_by("test_training.py::test_the_teacher_is_asked_in_eval_mode_and_left_alone",
          "leave the teacher in train mode")  # fmt: skip
def _(faulty):
    def make(_):
        @contextmanager
        def evaluation_mode(model):
            with kdteach.models.modes_kept(model):
                if not faulty:
                    model.eval()
                yield

        return evaluation_mode

    put("kdteach.models.evaluation_mode", make)


def of_the_batch(change):
    """Let the objective of a distilled student see another batch than there is."""
    kind = type(kdteach.objectives.distil(torch.zeros(2, 2), 1.0, 0.5))
    usual = kind.terms
    kind.terms = lambda self, logits, batch: usual(self, logits, change(batch))


@found_by("test_training.py::test_logits_are_looked_up_by_sample_index",
          "pair logits with the wrong images")  # fmt: skip
def _(faulty):
    def change(batch):
        first = torch.arange(batch.index.shape[-1]).expand_as(batch.index)
        return replace(batch, index=first if faulty else batch.index)

    of_the_batch(change)


@found_by("test_subclasses.py::test_the_soft_term_is_off_after_the_stop",
          "let the teacher go on for an epoch")  # fmt: skip
def _(faulty):
    of_the_batch(lambda batch: replace(batch, epoch=batch.epoch - faulty))


@found_by("test_photographs.py::test_what_is_frozen_stays_in_weights_and_statistics",
          "let frozen statistics drift")  # fmt: skip
def _(faulty):
    network = kdteach.models.BackboneWithHead
    usual = network.train
    network.train = lambda self, mode=True: (
        nn.Module.train(self, mode) if faulty else usual(self, mode)
    )


@found_by("test_training.py::test_many_equal_one_by_one", "give all students one order")
def _(faulty):
    def make(usual):
        def fit_many(models, data, goals, *, seeds=None, **options):
            seeds = list(range(len(models)) if seeds is None else seeds)
            if faulty:
                seeds = seeds[:1] * len(seeds)
            return usual(models, data, goals, seeds=seeds, **options)

        return fit_many

    put("kdteach.training.fit_many", make)


@found_by("test_training.py::test_history_weighs_the_last_batch_by_its_size",
          "mean of batch means")  # fmt: skip
def _(faulty):
    def make(usual):
        def fit(model, data, objective, **options):
            epochs = {}

            def noted(student, batch):
                terms = objective(student, batch)
                weight = 1 if faulty else len(batch.labels)
                step = float(terms.total.detach()), weight
                epochs.setdefault(batch.epoch, []).append(step)
                return terms

            history = usual(model, data, noted, **options)
            sums = [
                sum(loss * weight for loss, weight in steps) / sum(w for _, w in steps)
                for _, steps in sorted(epochs.items())
            ]
            return replace(history, loss=tuple(sums))

        return fit

    put("kdteach.training.fit", make)


@found_by("test_training.py::test_a_student_learns_and_stays_in_train_mode_every_epoch",
          "stop after the first epoch in eval mode")  # fmt: skip
def _(faulty):
    def make(usual):
        def fit(model, data, objective, **options):
            epochs = count()

            def train(mode=True):
                late = mode and next(epochs) > 0
                return type(model).train(model, mode and not (late and faulty))

            model.train = train
            try:
                return usual(model, data, objective, **options)
            finally:
                del model.train

        return fit

    put("kdteach.training.fit", make)


@found_by("test_checkpoint.py::test_stopped_at_any_step_it_ends_with_the_same_bits",
          "a checkpoint that forgets where dropout was")  # fmt: skip
def _(faulty):
    from kdteach.seeding import Turns

    usual = Turns.load
    Turns.load = lambda self, state: None if faulty else usual(self, state)


@found_by("test_checkpoint.py::test_the_checkpoint_of_another_run_is_refused",
          "a checkpoint that does not know its seed")  # fmt: skip
def _(faulty):
    def make(usual):
        def run_described(*arguments):
            found = usual(*arguments)
            return {n: text for n, text in found.items() if n != "seed" or not faulty}

        return run_described

    put("kdteach.training.describing.run_described", make)


@found_by(
    "test_training_options.py::test_each_student_of_a_stack_is_clipped_by_its_own_norm",
    "clip all students of a stack together",
)
def _(faulty):
    def make(usual):
        def clip_each(weights, most):
            if faulty:
                nn.utils.clip_grad_norm_(list(weights), most)
            else:
                usual(weights, most)

        return clip_each

    put("kdteach.training.clipping.clip_each", make)


@found_by("test_training_options.py::test_patience_ends_when_nothing_improves",
          "more patience than was asked for")  # fmt: skip
def _(faulty):
    def make(usual):
        def fit(*arguments, patience=None, **options):
            more = 1 if faulty and patience else 0
            patience = patience and patience + more
            return usual(*arguments, patience=patience, **options)

        return fit

    put("kdteach.training.fit", make)


@found_by("test_transforms.py::test_each_image_is_changed_by_itself",
          "one draw for all images of a batch")  # fmt: skip
def _(faulty):
    def make(usual):
        return lambda change, per_image=True: usual(change, per_image and not faulty)

    put("kdteach.data.transform", make)
