"""The job of ``python -m bench.job`` in Keras on JAX, as its documentation writes it."""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers, losses

teacher_epochs, student_epochs = int(sys.argv[1]), int(sys.argv[2])


def load(part):
    images, labels = [], []
    for label, folder in enumerate(sorted(Path("pictures", part).iterdir())):
        for file in sorted(folder.iterdir()):
            images.append(keras.utils.img_to_array(keras.utils.load_img(file)) / 255)
            labels.append(label)
    mean, std = np.float32((0.491, 0.482, 0.447)), np.float32((0.247, 0.243, 0.262))
    return (np.stack(images) - mean) / std, np.array(labels)


def convolution(x, width, size, stride, padding):
    x = layers.ZeroPadding2D(padding)(x)
    x = layers.Conv2D(width, size, stride, use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def resnet18():
    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(convolution(inputs, 64, 7, 2, 3))
    x = layers.MaxPool2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for width in (64, 128, 256, 512):
        for stride in (1 if width == 64 else 2, 1):
            y = layers.ReLU()(convolution(x, width, 3, stride, 1))
            y = convolution(y, width, 3, 1, 1)
            if stride == 2:
                x = convolution(x, width, 1, 2, 0)
            x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(10)(x))


def small():
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.ReLU(),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPool2D(2),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPool2D(2),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


def fit(name, model, trained, epochs, seed):
    keras.utils.set_random_seed(seed)
    hard = losses.SparseCategoricalCrossentropy(from_logits=True)
    trained.compile(keras.optimizers.Adam(0.001), hard, metrics=["accuracy"])
    trained.fit(*train, batch_size=64, epochs=epochs, verbose=2)
    np.savez(f"{name}.npz", *model.get_weights())
    right = model.predict(test[0], verbose=0).argmax(axis=1) == test[1]
    print(name, right.mean(), flush=True)


train, test = load("train"), load("test")
teacher = resnet18()
teacher.set_weights(list(np.load("start/teacher.npz").values()))
fit("teacher", teacher, teacher, teacher_epochs, seed=0)
for seed in range(3):
    for name in ("label-trained", "distilled"):
        student = trained = small()
        student.set_weights(list(np.load(f"start/student-{seed}.npz").values()))
        if name == "distilled":
            soft = keras.distillation.LogitsDistillation(4.0, losses.KLDivergence())
            trained = keras.distillation.Distiller(
                teacher, student, soft, student_loss_weight=0.1
            )
        fit(f"{name}-{seed}", student, trained, student_epochs, seed)
