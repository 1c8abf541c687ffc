"""The job of ``python -m bench.job`` with torchdistill, after its own example."""

import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler
from torchdistill.common.main_util import set_seed
from torchdistill.core.distillation import get_distillation_box
from torchdistill.core.training import get_training_box
from torchvision import datasets, models, transforms

teacher_epochs, student_epochs = int(sys.argv[1]), int(sys.argv[2])
device = torch.device("cpu")
view = transforms.Compose(
    [
        transforms.ToTensor(),
        transforms.Normalize((0.491, 0.482, 0.447), (0.247, 0.243, 0.262)),
    ]
)
data = {"train": datasets.ImageFolder("pictures/train", view)}
test_loader = DataLoader(datasets.ImageFolder("pictures/test", view), batch_size=64)
student_output = {"is_from_teacher": False, "module_path": ".", "io": "output"}
label_term = {
    "criterion": {"key": "CrossEntropyLoss", "kwargs": {}},
    "criterion_wrapper": {
        "key": "SimpleLossWrapper",
        "kwargs": {"input": student_output, "target": {"uses_label": True}},
    },
    "weight": 1.0,
}
paths = {
    f"{who}_module_{what}": value
    for who in ("student", "teacher")
    for what, value in (("path", "."), ("io", "output"))
}
kd_term = {
    "criterion": {"key": "KDLoss", "kwargs": {"temperature": 4.0, "alpha": 0.1, **paths}},
    "weight": 1.0,
}


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


@torch.inference_mode()
def accuracy(model):
    model.eval()
    right = 0
    for images, labels in test_loader:
        right += (model(images).argmax(dim=1) == labels).sum().item()
    return right / len(test_loader.dataset)


def fit(name, model, epochs, seed, teacher=None):
    set_seed(seed)
    config = {
        "num_epochs": epochs,
        "train_data_loader": {
            "dataset_id": "train",
            "sampler": {"class_or_func": RandomSampler},
            "kwargs": {"batch_size": 64},
        },
        "model": {"forward_proc": "forward_batch_only"},
        "student": {"forward_proc": "forward_batch_only"},
        "teacher": {"forward_proc": "forward_batch_only", "requires_grad": False},
        "optimizer": {"key": "Adam", "kwargs": {"lr": 0.001}},
        "criterion": {
            "key": "WeightedSumLoss",
            "kwargs": {"sub_terms": {"loss": kd_term if teacher else label_term}},
        },
    }
    if teacher:
        box = get_distillation_box(teacher, model, data, config, device, None, False, 1)
    else:
        box = get_training_box(model, data, config, device, None, False, 1)
    for epoch in range(box.num_epochs):
        box.pre_epoch_process(epoch=epoch)
        for images, labels, supp_dict in box.train_data_loader:
            loss = box.forward_process(images, labels, supp_dict)
            box.post_forward_process(loss=loss)
        box.post_epoch_process()
        print("epoch", epoch + 1, flush=True)
    box.clean_modules()
    torch.save(model.state_dict(), f"{name}.pt")
    print(name, accuracy(model), flush=True)


teacher = models.resnet18(num_classes=10)
teacher.load_state_dict(torch.load("start/teacher.pt"))
fit("teacher", teacher, teacher_epochs, seed=0)
for seed in range(3):
    for name in ("label-trained", "distilled"):
        student = small()
        student.load_state_dict(torch.load(f"start/student-{seed}.pt"))
        known = teacher.eval() if name == "distilled" else None
        fit(f"{name}-{seed}", student, student_epochs, seed, known)
