"""The job of ``python -m bench.job`` with kdteach, as its README writes it."""

import sys

import torch
from torch import nn
from torchvision import models

import kdteach as kd

teacher_epochs, student_epochs = int(sys.argv[1]), int(sys.argv[2])
data = kd.load("folder", "pictures", size=32)
normalise = kd.models.Normalise((0.491, 0.482, 0.447), (0.247, 0.243, 0.262))
train = normalise(data.train.images), data.train.labels
test = normalise(data.test.images), data.test.labels


def small():
    return nn.Sequential(
        nn.ReLU(inplace=True),
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 8 * 8, 10),
    )


def fit(name, model, goal, epochs, seed):
    kd.fit(model, train, goal, epochs=epochs, batch_size=64, seed=seed, on_epoch=print)
    torch.save(model.state_dict(), f"{name}.pt")
    print(name, kd.evaluate(model, test).accuracy, flush=True)


teacher = models.resnet18(num_classes=10)
teacher.load_state_dict(torch.load("start/teacher.pt"))
fit("teacher", teacher, kd.hard_labels(), teacher_epochs, seed=0)
answers = kd.teacher_logits(teacher, train)
goals = {"label-trained": kd.hard_labels(), "distilled": kd.distil(answers, 4.0, 0.9)}
for seed in range(3):
    for name, goal in goals.items():
        student = small()
        student.load_state_dict(torch.load(f"start/student-{seed}.pt"))
        fit(f"{name}-{seed}", student, goal, student_epochs, seed)
