"""Figures: data in, a Figure out. The only room that imports matplotlib and seaborn.

Every figure demands ``alt``, a sentence that says what is seen, and adds the main numbers
itself; the text travels with the picture, and no number in it is typed. No figure touches
pyplot's global state.
"""

from kdteach.extras import require_extra

require_extra("kdteach.plots", "matplotlib", "seaborn")

from kdteach.plots import (  # noqa: E402
    beyond,
    clinic,
    clinic_report,
    compression,
    distil_your_own,
    distillation_loss,
    early_stopping,
    first_student,
    hard_and_soft_targets,
    hintons_digits,
    hintons_heights,
    is_the_difference_real,
    label_smoothing,
    lime,
    mnist_beside_the_reports,
    model_card,
    natural_images,
    natural_settings,
    one_protocol,
    passed_on,
    production,
    reports_revisited,
    rise,
    saliency,
    same_place,
    subclass_distillation,
    teacher_assistants,
    temperature,
    which_library,
    which_way_round,
    wrong_comparison,
    wrong_loss,
    wrong_teacher,
)
from kdteach.plots._figure import ROLES, Figure  # noqa: E402
from kdteach.plots.charts import (  # noqa: E402
    curves_over_epochs,
    lines,
    paired_seeds,
    seeds_by_setting,
)
from kdteach.plots.classes_and_costs import class_matrix, cost_bars  # noqa: E402
from kdteach.plots.pictures import maps_on_images, soft_target_bars, tiles  # noqa: E402

__all__ = [
    "ROLES",
    "Figure",
    "beyond",
    "class_matrix",
    "clinic",
    "clinic_report",
    "compression",
    "cost_bars",
    "curves_over_epochs",
    "distil_your_own",
    "distillation_loss",
    "early_stopping",
    "first_student",
    "hard_and_soft_targets",
    "hintons_digits",
    "hintons_heights",
    "is_the_difference_real",
    "label_smoothing",
    "lime",
    "lines",
    "maps_on_images",
    "mnist_beside_the_reports",
    "model_card",
    "natural_images",
    "natural_settings",
    "one_protocol",
    "paired_seeds",
    "passed_on",
    "production",
    "reports_revisited",
    "rise",
    "saliency",
    "same_place",
    "seeds_by_setting",
    "soft_target_bars",
    "subclass_distillation",
    "teacher_assistants",
    "temperature",
    "tiles",
    "which_library",
    "which_way_round",
    "wrong_comparison",
    "wrong_loss",
    "wrong_teacher",
]
