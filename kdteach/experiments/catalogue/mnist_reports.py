"""Reports 0, 2 and 3 on MNIST: two CNN teachers, one student, temperatures and weights.

Adam 1e-3, 12 epochs, batches of 256 and pixels in [0, 1] as published. Report 2's networks
end in a softmax and its loss takes the softmax again; here logits are logits. The reports
train on 60,000 images and choose on test; here 10,000 of them are kept for validation.
Matrix products are computed in bfloat16, which halves the time.
"""

from __future__ import annotations

from kdteach.experiments.design import Experiment, Published

_COMMON = {
    "epochs": 12, "batch_size": 256, "learning_rate": 1e-3, "precision": "bfloat16"
}  # fmt: skip
VALID_CNN = {"role": "teacher", "model": "cnn-valid", **_COMMON}
_SAME_CNN = {"role": "teacher", "model": "cnn-same", **_COMMON}
STUDENT = {"model": "fc-784-784", **_COMMON}
_TEMPERATURES = (1.0, 2.0, 4.0, 16.0, 32.0, 64.0)

# Report 2, Table I: a row for each temperature, alpha 0.1, 0.3, 0.5, 0.7, 0.9
_TABLE_1 = {
    1.0: (0.9779, 0.9766, 0.9791, 0.9794, 0.9755),
    2.0: (0.9774, 0.9789, 0.9786, 0.9774, 0.9759),
    4.0: (0.9795, 0.9750, 0.9748, 0.9783, 0.9737),
    16.0: (0.9793, 0.9782, 0.9772, 0.9755, 0.9808),
    32.0: (0.9803, 0.9792, 0.9771, 0.9784, 0.9744),
    64.0: (0.9785, 0.9772, 0.9755, 0.9804, 0.9782),
}
_TABLE_2 = (0.9793, 0.9788, 0.9791, 0.9792, 0.9784, 0.9780)
_ALPHAS = (0.1, 0.3, 0.5, 0.7, 0.9)


def _distilled(
    role: str, temperature: float, alpha: float, teacher: dict[str, object]
) -> dict[str, object]:
    return {
        "role": role, "temperature": temperature, "alpha": alpha, "teacher": teacher,
        **STUDENT,
    }  # fmt: skip


def _beside(source: str, value: float, **where: object) -> Published:
    return Published(source, where, "test_accuracy", value)


EXPERIMENT = Experiment(
    "mnist-reports",
    "Which of the differences in Reports 0, 2 and 3 on MNIST are real?",
    ("mnist", {}),
    (
        VALID_CNN,
        {"role": "plain", **STUDENT},
        *(_distilled("over T", T, 0.5, VALID_CNN) for T in _TEMPERATURES),
        _distilled("report 3", 20.0, 0.9, VALID_CNN),
        *(
            _distilled("grid", T, alpha, VALID_CNN)
            for T in _TEMPERATURES
            for alpha in _ALPHAS
            if alpha != 0.5  # these stand under "over T"
        ),
        _SAME_CNN,
        *(_distilled("report 0", T, 0.5, _SAME_CNN) for T in (1.0, 4.0, 16.0, 64.0)),
    ),
    published=(
        _beside("Report 2, Fig. 4", 0.9878, role="teacher", model="cnn-valid"),
        _beside("Report 2, Fig. 8", 0.9720, role="plain"),
        *(
            _beside("Report 2, Table II", value, role="over T", temperature=T)
            for T, value in zip(_TEMPERATURES, _TABLE_2, strict=True)
        ),
        *(
            _beside(
                "Report 2, Table I", value, temperature=T, alpha=alpha, teacher=VALID_CNN
            )
            for T, row in _TABLE_1.items()
            for alpha, value in zip(_ALPHAS, row, strict=True)
        ),
        _beside("Report 3", 0.9932, role="teacher", model="cnn-valid"),
        _beside("Report 3", 0.9795, role="plain"),
        _beside("Report 3", 0.9868, role="report 3"),
        _beside("Report 0, Fig. 10", 0.9821, role="plain"),
        *(
            _beside(f"Report 0, Fig. {figure}", value, role="report 0", temperature=T)
            for figure, T, value in (
                (5, 1.0, 0.9816), (6, 4.0, 0.9871), (7, 16.0, 0.9883), (8, 64.0, 0.9892)
            )
        ),
    ),
    labels={"teacher": VALID_CNN, "teacher of report 0": _SAME_CNN},
)  # fmt: skip
