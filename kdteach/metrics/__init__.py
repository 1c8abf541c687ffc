"""Evaluation: what a model gets right, how sure it is, and whether two models agree."""

from kdteach.metrics.comparing import entropy, prediction_agreement, subclass_recovery
from kdteach.metrics.evaluation import (
    Evaluation,
    answers_to,
    each_answer,
    evaluate,
    outputs_of,
    predict_logits,
    require_classes,
)
from kdteach.metrics.moving import best_bias, best_shift, best_temperature, best_threshold
from kdteach.metrics.raters import RaterAgreement, rater_agreement, share_gap
from kdteach.renamed import former_names

__all__ = [
    "Evaluation",
    "RaterAgreement",
    "answers_to",
    "best_bias",
    "best_shift",
    "best_temperature",
    "best_threshold",
    "each_answer",
    "entropy",
    "evaluate",
    "outputs_of",
    "predict_logits",
    "prediction_agreement",
    "rater_agreement",
    "require_classes",
    "share_gap",
    "subclass_recovery",
]

__getattr__ = former_names(__name__, {"agreement": "prediction_agreement"})
