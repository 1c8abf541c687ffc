"""What is measured on a trained network and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from kdteach.data.mhist import vote_shares
from kdteach.experiments.design import Config
from kdteach.experiments.targets import Answers
from kdteach.losses import class_log_probs, soft_targets
from kdteach.metrics import (
    Evaluation,
    best_bias,
    best_temperature,
    best_threshold,
    entropy,
    evaluate,
    predict_logits,
    prediction_agreement,
    share_gap,
)
from kdteach.quantisation import file_bytes, quantised
from kdteach.stats import auc_interval
from kdteach.types import ImageSet, Split

_LEAST_FOUND = 0.9  # sensitivity that a careful threshold reaches on validation

Result = dict[str, float | int | list[int] | list[float]]


def measure(config: Config, model: nn.Module, data: ImageSet) -> Result:
    """Errors on validation and test; where votes are known, what a clinic asks for.

    Of photographs also what their probabilities are worth.

    Args:
        config: of the run.
        model: trained.
        data: with a test split.
    """
    result: Result = {}
    test = evaluate(model, data.test, num_classes=data.num_classes)
    if len(data.valid):
        valid = evaluate(model, data.valid, num_classes=data.num_classes)
        result["valid_errors"] = valid.errors
        if "omit" in config or "only" in config:
            result |= _biased(config, valid, test)
        if data.test.votes is not None:
            result |= _clinical(valid, test) | _beside_votes(valid, test, data.test)
            result |= _careful(valid, test)
    result["test_accuracy"] = test.accuracy
    result["test_errors"] = test.errors
    result["test_wrong"] = (~test.correct).nonzero()[:, 0].tolist()
    if data.name.startswith("cifar10"):
        result |= _probabilities(test)
    if config.get("int8"):
        result |= _in_eight_bits(model, data)
    return result


def _probabilities(test: Evaluation) -> Result:
    """What errors do not say: likelihood, calibration, and whether it is too sure.

    The mean confidence less the accuracy is positive where the network is too sure.
    """
    confidence = torch.softmax(test.logits.double(), dim=1).max(dim=1).values
    return {
        "test_nll": test.nll,
        "test_ece": test.ece(),
        "test_confidence": float(confidence.mean()),
    }


def _in_eight_bits(model: nn.Module, data: ImageSet) -> Result:
    """The same network with its dense layers in integers: mistakes and bytes of a file."""
    whole = deepcopy(model).cpu()
    small = quantised(whole)
    found: Result = {"file_bytes": file_bytes(whole), "int8_file_bytes": file_bytes(small)}
    for name, part in (("valid", data.valid), ("test", data.test)):
        if len(part):
            answers = evaluate(small, part, num_classes=data.num_classes)
            found[f"int8_{name}_errors"] = answers.errors
    return found


def beside_teacher(
    config: Config, model: nn.Module, answers: Answers, data: ImageSet, seen: Tensor
) -> Result:
    """The teacher's soft targets, and whether the student predicts the same classes.

    Args:
        config: of the student.
        model: the student.
        answers: of its teacher.
        data: for the test images.
        seen: sample indices of the student's training images.
    """
    classes = data.num_classes
    mine, its = predict_logits(model, data.test.images), answers["test"]
    targets = soft_targets(
        answers["train"][seen].double(), float(str(config["temperature"]))
    )
    if "subclasses" in config:
        mine, its = class_log_probs(mine, classes), class_log_probs(its, classes)
    nll: Result = {}
    if config.get("likelihood"):
        answered = Evaluation(mine, data.test.labels)
        nll["test_nll"] = answered.nll
    return nll | {
        "soft_entropy": float(entropy(targets).mean()),
        "test_agreement": prediction_agreement(mine, its.to(mine.dtype)),
        "teacher_test_errors": Evaluation(its, data.test.labels).errors,
    }


def _clinical(valid: Evaluation, test: Evaluation) -> Result:
    """F1, ranking and calibration; class 1 is the one to be found."""
    area, on_valid = (
        auc_interval(
            (part.logits[:, 1] - part.logits[:, 0]).double().numpy(),
            (part.labels == 1).numpy(),
        )
        for part in (test, valid)
    )
    threshold = best_threshold(valid)
    moved = test.logits.double().clone()
    moved[:, 1] += threshold
    return {
        "valid_weighted_f1": valid.weighted_f1,
        "valid_auc": on_valid.mean,
        "test_weighted_f1": test.weighted_f1,
        "test_class_f1": list(test.per_class_f1),
        "test_class_accuracy": list(test.per_class_accuracy),
        "test_confusion": test.confusion.flatten().tolist(),
        "test_auc": area.mean,
        "test_auc_interval": [area.low, area.high],
        "test_ece": test.ece(),
        "valid_threshold": threshold,
        "valid_threshold_test_weighted_f1": Evaluation(moved, test.labels).weighted_f1,
    }


def _beside_votes(valid: Evaluation, test: Evaluation, split: Split) -> Result:
    """Whether the probability of class 1 fits labels, and whether it fits votes.

    As it is, and after temperature scaling on the labels of the validation images.
    """
    logits = test.logits.double()
    temperature = best_temperature(valid)
    said = logits.softmax(dim=1)[:, 1]
    scaled = (logits / temperature).softmax(dim=1)[:, 1]
    shares, labels = vote_shares([split])[0][:, 1], test.labels.double()
    agreeing = torch.where(test.logits.argmax(dim=1) == 1, shares, 1 - shares)
    return {
        "test_label_gap": share_gap(said, labels),
        "test_vote_gap": share_gap(said, shares),
        "test_label_brier": float((said - labels).square().mean()),
        "test_vote_brier": float((said - shares).square().mean()),
        "valid_temperature": temperature,
        "test_scaled_label_gap": share_gap(scaled, labels),
        "test_scaled_vote_gap": share_gap(scaled, shares),
        "test_scaled_label_brier": float((scaled - labels).square().mean()),
        "test_scaled_vote_brier": float((scaled - shares).square().mean()),
        "test_rater_agreement": float(agreeing.mean()),
    }


def _careful(valid: Evaluation, test: Evaluation) -> Result:
    """Sensitivity and specificity on test at a threshold that finds enough on validation.

    It is the highest one that finds nine tenths of class 1 there.
    """
    from sklearn.metrics import roc_curve

    on_valid, on_test = (
        (part.logits[:, 1] - part.logits[:, 0]).double().numpy() for part in (valid, test)
    )
    _, found, thresholds = roc_curve(valid.labels.numpy(), on_valid)
    threshold = thresholds[np.argmax(found >= _LEAST_FOUND)]
    called, ill = on_test >= threshold, test.labels.numpy() == 1
    return {
        "valid_90_threshold": float(threshold),
        "valid_90_test_sensitivity": float(called[ill].mean()),
        "valid_90_test_specificity": float((~called[~ill]).mean()),
    }


def _biased(config: Config, valid: Evaluation, test: Evaluation) -> Result:
    """Errors after one bias on the logits of the omitted (or only) classes.

    Chosen on validation, as it should be, and on test, as Hinton et al. 2015 did.
    """
    chosen = config.get("omit", config.get("only"))
    assert isinstance(chosen, Sequence)
    classes = [int(c) for c in chosen]
    result: Result = {"test_class_errors": _by_class(test)}
    for where, answers in (("valid", valid), ("test", test)):
        bias = best_bias(answers, classes)
        logits = test.logits.clone()
        logits[:, classes] += bias
        corrected = Evaluation(logits, test.labels)
        result[f"{where}_bias"] = bias
        result[f"{where}_bias_test_errors"] = corrected.errors
        result[f"{where}_bias_test_class_errors"] = _by_class(corrected)
    return result


def _by_class(answers: Evaluation) -> list[int]:
    wrong = answers.labels[~answers.correct]
    return torch.bincount(wrong, minlength=answers.logits.shape[1]).tolist()
