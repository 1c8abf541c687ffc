"""The job of ``python -m bench.job`` in plain PyTorch, as its tutorials write it."""

import sys

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

teacher_epochs, student_epochs = int(sys.argv[1]), int(sys.argv[2])
view = transforms.Compose(
    [
        transforms.ToTensor(),
        transforms.Normalize((0.491, 0.482, 0.447), (0.247, 0.243, 0.262)),
    ]
)
train = datasets.ImageFolder("pictures/train", view)
test_loader = DataLoader(datasets.ImageFolder("pictures/test", view), batch_size=64)


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


def accuracy(model):
    model.eval()
    right = 0
    with torch.no_grad():
        for images, labels in test_loader:
            right += (model(images).argmax(dim=1) == labels).sum().item()
    return right / len(test_loader.dataset)


def fit(name, model, epochs, seed, teacher=None, temperature=4.0, alpha=0.9):
    torch.manual_seed(seed)
    loader = DataLoader(train, batch_size=64, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    for epoch in range(epochs):
        model.train()
        for images, labels in loader:
            if teacher is not None:
                with torch.no_grad():
                    targets = functional.softmax(teacher(images) / temperature, dim=1)
            logits = model(images)
            loss = functional.cross_entropy(logits, labels)
            if teacher is not None:
                soft = functional.kl_div(
                    functional.log_softmax(logits / temperature, dim=1),
                    targets,
                    reduction="batchmean",
                )
                loss = alpha * temperature**2 * soft + (1 - alpha) * loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print("epoch", epoch + 1, flush=True)
    torch.save(model.state_dict(), f"{name}.pt")
    print(name, accuracy(model), flush=True)


teacher = models.resnet18(num_classes=10)
teacher.load_state_dict(torch.load("start/teacher.pt"))
fit("teacher", teacher, teacher_epochs, seed=0)
for seed in range(3):
    for name in ("label-trained", "distilled"):
        student = small()
        student.load_state_dict(torch.load(f"start/student-{seed}.pt"))
        known = teacher if name == "distilled" else None
        fit(f"{name}-{seed}", student, student_epochs, seed, known)
