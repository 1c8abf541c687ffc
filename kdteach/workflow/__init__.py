"""Distil your own: from class folders to a student with a report, safely and resumably.

::

    python -m kdteach distil --data pictures --teacher resnet50 --student mobilenet_v2

does the whole job; in Python it is ``distil(Settings("pictures", "resnet50",
"mobilenet_v2"))``. What it does at its core are a dozen lines of plain ``kdteach``::

    import kdteach as kd

    data = kd.load("folder", "pictures", size=32)
    teacher = kd.build("tiny-resnet", num_classes=data.num_classes)
    kd.fit(teacher, data, kd.hard_labels(), epochs=20)
    logits = kd.teacher_logits(teacher, data.train)
    kd.doctor(teacher.eval(), kd.build("tiny-mobilenet", num_classes=data.num_classes),
              data.train, teacher_logits=logits[:256])
    right = {"labels": [], "teacher": []}
    for seed in range(10):
        goals = {"labels": kd.hard_labels(), "teacher": kd.distil(logits, 4, 0.9)}
        for arm, goal in goals.items():
            student = kd.build("tiny-mobilenet", num_classes=data.num_classes, seed=seed)
            kd.fit(student, data, goal, epochs=20, seed=seed)
            right[arm].append(100 * kd.evaluate(student, data.test).accuracy)
    gain = kd.compare(right["teacher"], right["labels"], expect="higher", unit="points")
    print(repr(gain))  # the word, the mean, the interval
"""

from kdteach.workflow.job import Outcome, distil
from kdteach.workflow.settings import Settings

__all__ = ["Outcome", "Settings", "distil"]
