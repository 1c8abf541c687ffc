"""An epoch of distillation in Keras 3 on JAX, compiled.

Run with the peers' environment: ``python epoch_keras.py FILE.npz stored|distiller``. With
``stored`` the logits of the teacher come with the labels, and the loss is alpha T^2 KL +
(1 - alpha) CE; with ``distiller`` the teacher is asked in each step by
``keras.distillation.Distiller``, as its documentation shows it. Prints the seconds of an
epoch, after a few steps that compile, its loss, and the student's accuracy afterwards.
"""

import json
import os
import sys
import time

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import keras
import numpy as np
from keras import layers, ops


def student_of(given):
    """Dense 784-784-784-10 with the initial weights of the file."""
    model = keras.Sequential(
        [
            layers.Input((784,)),
            layers.Dense(784, activation="relu"),
            layers.Dense(784, activation="relu"),
            layers.Dense(10),
        ]
    )
    model.set_weights([given[f"{kind}{i}"] for i in (1, 2, 3) for kind in "wb"])
    return model


def teacher_of(given):
    """The convolutional teacher, asked with flat images; trained weights of the file."""
    model = keras.Sequential(
        [
            layers.Input((784,)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPool2D(2, strides=1),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPool2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10),
        ]
    )
    model.set_weights([given[f"teacher{i}"] for i in range(8)])
    return model


def main() -> None:
    """Train, and print what came of it."""
    with np.load(sys.argv[1]) as file:
        given = {name: file[name] for name in file.files}
    temperature, alpha = float(given["temperature"]), float(given["alpha"])
    images, labels, batch = given["images"], given["labels"], int(given["batch"])
    student = student_of(given)
    if sys.argv[2] == "stored":

        def loss(targets, logits):
            hard = ops.log_softmax(logits)
            hard = -ops.sum(ops.one_hot(ops.cast(targets[:, 0], "int32"), 10) * hard, -1)
            log_p = ops.log_softmax(targets[:, 1:] / temperature)
            log_q = ops.log_softmax(logits / temperature)
            soft = temperature**2 * ops.sum(ops.exp(log_p) * (log_p - log_q), -1)
            return alpha * soft + (1 - alpha) * hard

        model, targets = (
            student,
            np.concatenate([labels[:, None].astype("float32"), given["logits"]], axis=1),
        )
        model.compile(optimizer=keras.optimizers.Adam(1e-3, epsilon=1e-8), loss=loss)
    else:
        teacher = teacher_of(given)
        off = np.abs(teacher.predict(images[:512], verbose=0) - given["logits"][:512]).max()
        assert off < 1e-2, f"the teacher's logits differ by {off}"
        model, targets = keras.distillation.Distiller(
            teacher=teacher,
            student=student,
            distillation_losses=keras.distillation.LogitsDistillation(temperature),
            student_loss_weight=1 - alpha,
        ), labels  # fmt: skip
        model.compile(
            optimizer=keras.optimizers.Adam(1e-3, epsilon=1e-8),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
    begin = student.get_weights()
    model.fit(images[: 4 * batch], targets[: 4 * batch], batch_size=batch, verbose=0)
    student.set_weights(begin)
    whole = len(images) // batch * batch
    start, cpu = time.perf_counter(), time.process_time()
    history = model.fit(images[:whole], targets[:whole], batch_size=batch, verbose=0)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    right = student.predict(given["unseen"], verbose=0).argmax(1) == given["truth"]
    print(json.dumps({
        "seconds": seconds, "cpu": cpu, "loss": float(history.history["loss"][-1]),
        "accuracy": float(right.mean()),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
