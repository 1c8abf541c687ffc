"""What the library demands of its arguments: one place that checks, and says what to do.

A check of a number, a word or a switch returns it in Python's own type, so that a NumPy
number is as good as any other and nobody downstream meets it. Every message names the
argument, says what is expected and what came instead.
"""

from kdteach.checks.arguments import (
    FLOATS,
    check_alpha,
    check_choice,
    check_count,
    check_dtype,
    check_function,
    check_list,
    check_model,
    check_names,
    check_number,
    check_seed,
    check_smoothing,
    check_subclasses,
    check_switch,
    check_temperature,
    check_weight,
    is_name,
    shown,
)
from kdteach.checks.numbers import check_numbers, check_right_or_wrong, sum_tolerance
from kdteach.checks.tensors import (
    SINGLE_LABEL,
    as_tensor,
    check_feature_pair,
    check_floats,
    check_labels,
    check_logits,
    check_pair,
    check_tensor,
    returns_probabilities,
)

__all__ = [
    "FLOATS",
    "SINGLE_LABEL",
    "as_tensor",
    "check_alpha",
    "check_choice",
    "check_count",
    "check_dtype",
    "check_feature_pair",
    "check_floats",
    "check_function",
    "check_labels",
    "check_list",
    "check_logits",
    "check_model",
    "check_names",
    "check_number",
    "check_numbers",
    "check_pair",
    "check_right_or_wrong",
    "check_seed",
    "check_smoothing",
    "check_subclasses",
    "check_switch",
    "check_temperature",
    "check_tensor",
    "check_weight",
    "is_name",
    "returns_probabilities",
    "shown",
    "sum_tolerance",
]
