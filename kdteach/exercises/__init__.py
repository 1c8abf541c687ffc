"""Exercises: one module of checks a chapter; a check gives hints, never the answer."""

import sys

from kdteach.seeding import usual_tensors

# the cases are made on import: with the same numbers whatever the defaults are
with usual_tensors():
    from kdteach.exercises._check import CheckResult
    from kdteach.exercises._names import protect
    from kdteach.exercises.best_checkpoint import (
        check_chosen_epochs,
        check_kept_checkpoints,
        check_luck_of_the_best,
    )
    from kdteach.exercises.borrowed_features import (
        check_inverted_weights,
        check_separable_weights,
    )
    from kdteach.exercises.clinic import check_class_weights, check_weighted_f1
    from kdteach.exercises.compression import (
        check_conv_flops,
        check_dense_parameters,
        check_widest_student,
    )
    from kdteach.exercises.dark_knowledge import check_dark_knowledge
    from kdteach.exercises.distil_your_own import check_images_lost, check_worst_class
    from kdteach.exercises.distillation_loss import (
        check_kd_loss,
        check_soft_gradient,
    )
    from kdteach.exercises.early_stopping import check_stopping_epoch, check_switched_off
    from kdteach.exercises.effective_alpha import check_effective_alpha
    from kdteach.exercises.features import (
        check_attention_map,
        check_hint,
        check_repaired_attention,
    )
    from kdteach.exercises.first_student import (
        check_matching_smoothing,
        check_one_step,
        check_repaired_training,
    )
    from kdteach.exercises.freezing import check_drifted_mean, check_head_parameters
    from kdteach.exercises.generations import check_ensemble, check_friendly_loss
    from kdteach.exercises.hard_and_soft_targets import check_runner_up
    from kdteach.exercises.hintons_digits import check_matched_bias, check_with_bias
    from kdteach.exercises.is_the_difference_real import (
        check_largest_p,
        check_seeds_needed,
        check_standard_error,
    )
    from kdteach.exercises.label_smoothing import (
        check_ideal_margin,
        check_repaired_smoothing,
        check_smoothed_targets,
    )
    from kdteach.exercises.lime import (
        check_nearness,
        check_r_squared,
        check_weighted_fit,
    )
    from kdteach.exercises.luck_of_tables import check_between_share, check_lowest_loss
    from kdteach.exercises.missing_class import (
        check_bias_slope,
        check_repaired_transfer_set,
    )
    from kdteach.exercises.natural_images import (
        check_channel_deviation,
        check_new_head,
        check_repaired_crop,
    )
    from kdteach.exercises.one_protocol import check_chosen_setting, check_holm
    from kdteach.exercises.passed_on import (
        check_extra_loss,
        check_repaired_control,
        check_top_classes,
    )
    from kdteach.exercises.relations import (
        check_relative_distances,
        check_repaired_similarity,
        check_similarities,
    )
    from kdteach.exercises.reports_revisited import (
        check_half_range,
        check_some_outside,
        judge_far_rings,
        judge_new_layer,
    )
    from kdteach.exercises.rise import check_curve_area, check_rise_map
    from kdteach.exercises.runner_up import check_repaired_runner_up
    from kdteach.exercises.saliency import (
        check_grad_cam,
        check_linear_saliency,
        check_points_inside,
    )
    from kdteach.exercises.same_place import (
        check_is_closer,
        check_top_overlap,
        check_without_ink,
    )
    from kdteach.exercises.screening import (
        check_kappa,
        check_precision_elsewhere,
        judge_half_a_point,
    )
    from kdteach.exercises.softness import check_temperature_at_entropy
    from kdteach.exercises.subclass_distillation import (
        check_class_probabilities,
        check_correlations,
        check_repaired_diversity,
    )
    from kdteach.exercises.teacher_and_student import (
        check_choose_temperature,
        check_paired_interval,
    )
    from kdteach.exercises.teacher_assistants import (
        check_chain_flops,
        check_even_steps,
        check_matching_softness,
        check_shrinking,
    )
    from kdteach.exercises.temperature import check_soft_targets
    from kdteach.exercises.two_networks import (
        check_bottleneck_weights,
        check_signal_left,
    )
    from kdteach.exercises.votes import check_votes
    from kdteach.exercises.which_library import (
        check_alpha_and_size,
        check_divergence_from,
        check_matching_rate,
        check_weight_to_pass,
        judge_teacher_alone,
    )
    from kdteach.exercises.which_temperature import check_temperature_for
    from kdteach.exercises.which_way_round import (
        check_jensen_shannon,
        check_repaired_direction,
        check_reverse_pull,
    )
    from kdteach.exercises.without_a_teacher import (
        check_mutual_loss,
        check_pseudo_loss,
    )
    from kdteach.exercises.wrong_comparison import (
        check_repaired_gain,
        check_seen_before,
        judge_rising_curve,
    )
    from kdteach.exercises.wrong_loss import (
        check_flat_share,
        check_repaired_loss,
        judge_negative_loss,
        judge_unnormalised,
    )
    from kdteach.exercises.wrong_teacher import (
        check_columns_in_order,
        check_rows_in_order,
        judge_below_chance,
        judge_shrinking_loss,
    )

# an answer may replace neither a chapter's checks nor what they are made from
protect(
    *(
        module
        for name, module in list(sys.modules.items())
        if name.startswith(("kdteach.exercises.", "kdteach.losses."))
        or name in ("kdteach.seeding", "kdteach.stats")
    )
)

__all__ = [
    "CheckResult",
    "check_alpha_and_size",
    "check_attention_map",
    "check_between_share",
    "check_bias_slope",
    "check_bottleneck_weights",
    "check_chain_flops",
    "check_channel_deviation",
    "check_choose_temperature",
    "check_chosen_epochs",
    "check_chosen_setting",
    "check_class_probabilities",
    "check_class_weights",
    "check_columns_in_order",
    "check_conv_flops",
    "check_correlations",
    "check_curve_area",
    "check_dark_knowledge",
    "check_dense_parameters",
    "check_divergence_from",
    "check_drifted_mean",
    "check_effective_alpha",
    "check_ensemble",
    "check_even_steps",
    "check_extra_loss",
    "check_flat_share",
    "check_friendly_loss",
    "check_grad_cam",
    "check_half_range",
    "check_head_parameters",
    "check_hint",
    "check_holm",
    "check_ideal_margin",
    "check_images_lost",
    "check_inverted_weights",
    "check_is_closer",
    "check_jensen_shannon",
    "check_kappa",
    "check_kd_loss",
    "check_kept_checkpoints",
    "check_largest_p",
    "check_linear_saliency",
    "check_lowest_loss",
    "check_luck_of_the_best",
    "check_matched_bias",
    "check_matching_rate",
    "check_matching_smoothing",
    "check_matching_softness",
    "check_mutual_loss",
    "check_nearness",
    "check_new_head",
    "check_one_step",
    "check_paired_interval",
    "check_points_inside",
    "check_precision_elsewhere",
    "check_pseudo_loss",
    "check_r_squared",
    "check_relative_distances",
    "check_repaired_attention",
    "check_repaired_control",
    "check_repaired_crop",
    "check_repaired_direction",
    "check_repaired_diversity",
    "check_repaired_gain",
    "check_repaired_loss",
    "check_repaired_runner_up",
    "check_repaired_similarity",
    "check_repaired_smoothing",
    "check_repaired_training",
    "check_repaired_transfer_set",
    "check_reverse_pull",
    "check_rise_map",
    "check_rows_in_order",
    "check_runner_up",
    "check_seeds_needed",
    "check_seen_before",
    "check_separable_weights",
    "check_shrinking",
    "check_signal_left",
    "check_similarities",
    "check_smoothed_targets",
    "check_soft_gradient",
    "check_soft_targets",
    "check_some_outside",
    "check_standard_error",
    "check_stopping_epoch",
    "check_switched_off",
    "check_temperature_at_entropy",
    "check_temperature_for",
    "check_top_classes",
    "check_top_overlap",
    "check_votes",
    "check_weight_to_pass",
    "check_weighted_f1",
    "check_weighted_fit",
    "check_widest_student",
    "check_with_bias",
    "check_without_ink",
    "check_worst_class",
    "judge_below_chance",
    "judge_far_rings",
    "judge_half_a_point",
    "judge_negative_loss",
    "judge_new_layer",
    "judge_rising_curve",
    "judge_shrinking_loss",
    "judge_teacher_alone",
    "judge_unnormalised",
]
