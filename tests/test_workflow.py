"""Distil your own: the job on tiny pictures, killed, resumed and fed with bad input."""

import errno
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.transforms.v2 import functional

import kdteach as kd
from kdteach.__main__ import main
from kdteach.data.folder import FolderError as DataError
from kdteach.types import ImageSet, Split
from kdteach.workflow import (
    Settings,
    card,
    distil,
    export,
    kept,
    networks,
    stages,
    usage,
)
from kdteach.workflow.card import cards
from kdteach.workflow.chance import learned
from kdteach.workflow.kept import metadata_of
from kdteach.workflow.numbers import numbers_of, verdict
from kdteach.workflow.trials import ARMS, coarse, fine

CLASSES = ("a b", "<b>|x", "été")  # spaces, signs of Markdown and HTML, accents
ROOT = Path(kd.__file__).resolve().parent.parent
ONNX = all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))


def draw(folder, classes=CLASSES, count=20, size=8):
    """A folder a class: noise, with more of one colour in each class."""
    random = np.random.default_rng(0)
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = random.integers(0, 200, (size, size, 3), dtype=np.uint8)
            pixels[..., number % 3] |= 128
            Image.fromarray(pixels).save(folder / name / f"picture {i}.png")
    return folder


def settings(data, out, **changed):
    given = {
        "teacher": "fc-32", "student": "fc-8", "size": 8, "epochs": 3, "teacher_epochs": 25,
        "batch_size": 16, "trials": 3, "seeds": 2, "device": "cpu", "rates": (1e-3, 1e-2),
    }  # fmt: skip
    return Settings(data=data, out=out, **(given | changed))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("pictures of été") / "d")


@pytest.fixture(scope="module")
def done(data, tmp_path_factory):
    lines = []
    out = tmp_path_factory.mktemp("out") / "o"
    found = distil(settings(data, out), say=lines.append, progress=False)
    return SimpleNamespace(found=found, lines=lines, out=out)


def test_report_says_what_was_measured(done, data):
    numbers = done.found.report["numbers"]
    assert numbers["classes"] == sorted(CLASSES)
    pictures = kd.load("folder", data, size=8)
    assert numbers["images"] == len(pictures.test)
    # the exported network, read and asked again, has the accuracy that the report states
    tensors = load_file(done.out / "model.safetensors")
    student = kd.build("fc-8", num_classes=3, input_shape=(3, 8, 8))
    student.load_state_dict(tensors)
    right = 100 * kd.evaluate(student, pictures.test).accuracy
    assert right == pytest.approx(numbers["exported"]["distilled"]["accuracy"])
    assert right in [pytest.approx(run["accuracy"]) for run in numbers["runs"]["distilled"]]
    a, b = ([run["accuracy"] for run in numbers["runs"][arm]] for arm in ARMS[::-1])
    ours = kd.compare(a, b, expect="higher", unit="points", comparisons=2)
    said = numbers["comparisons"]["accuracy"]
    assert said["word"] == ours.word
    assert said["difference"] == pytest.approx([ours.mean, ours.low, ours.high])
    assert "one for each seed" in said["pairing"]
    assert done.found.verdict == verdict(said)
    about = metadata_of((done.out / "model.safetensors").read_bytes())
    assert json.loads(about["classes"]) == sorted(CLASSES)


def test_cards_hold_the_numbers_and_escape_names(done):
    page = (done.out / "card.html").read_text(encoding="utf-8")
    text = (done.out / "card.md").read_text(encoding="utf-8")
    assert "&lt;b&gt;|x" in page
    assert "<b>|x" not in page
    assert r"\<b\>\|x" in text
    assert "été" in page
    assert "été" in text
    accuracy = done.found.report["numbers"]["teacher"]["accuracy"]
    for whole in (page, text):
        assert done.found.verdict in whole
        assert f"{accuracy:.1f} (" in whole
    for name in ("accuracy-and-cost", "confusion", "reliability", "saliency"):
        assert (done.out / "figures" / f"{name}.png").stat().st_size > 1000
        assert f"figures/{name}.png" in text
    assert "http" not in page


def test_an_interval_of_a_card_ends_where_no_network_can_be(done):
    """Student's t of two or three seeds may go past 100 % right, or below 0 nats."""
    report = json.loads(json.dumps(done.found.report))
    report["numbers"]["means"]["distilled"] = {
        "accuracy": [86.5, 65.2, 107.9], "nll": [0.578, -0.008, 163.0],
        "ece": [60.0, -1.0, 121.0],
    }  # fmt: skip
    for text in cards(report, {})[:2]:
        assert "86.5 (65.2 to 100.0)" in text
        assert "0.578 (0.000 to 163.000)" in text
        assert "60.0 (0.0 to 100.0)" in text


def test_the_lines_of_the_card_name_the_class(done, data, monkeypatch, capsys, tmp_path):
    """They are run as they stand, on a picture that is no square, in the job's folder."""
    text = (done.out / "card.md").read_text(encoding="utf-8")
    assert "bilinear, with antialiasing" in text
    parts = re.findall(r"```python\n(.*?)\n```", text, re.DOTALL)
    assert len(parts) == 2 + ONNX
    one = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    for name in ("a", "b"):
        for i in range(5):
            file = tmp_path / "d" / name / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.roll(one, i + 5 * (name == "b"))).save(file)
    monkeypatch.chdir(done.out)
    world = {}
    picture = tmp_path / "d" / "a" / "0.png"
    exec(parts[0].replace("picture.jpg", str(picture)), world)
    read = kd.load("folder", tmp_path / "d", size=8, validation=0, test=0)
    assert torch.equal(world["images"], read.train.images[:1])
    for part in parts[1:]:
        exec(part, world)
    said = capsys.readouterr().out.split("\n")[:-1]
    with torch.no_grad():
        number = int(done.found.student(world["images"]).argmax())
    assert said == [sorted(CLASSES)[number]] * (1 + ONNX)


def test_a_student_of_torchvision_is_written_as_torchvision_names_it(tmp_path):
    import torchvision

    made = networks.network(
        "torchvision:squeezenet1_1", classes=3, size=32, channels=3, seed=0
    ).eval()
    file, image = tmp_path / "model.safetensors", torch.rand(1, 3, 32, 32)
    export.write_model(file, made, ("a", "b", "c"), {})
    plain = torchvision.models.squeezenet1_1(num_classes=3)
    plain.load_state_dict(load_file(file))
    about = metadata_of(file.read_bytes())
    mean, std = (json.loads(about[name]) for name in ("mean", "std"))
    world = {"images": image, "F": functional, "json": json}
    (tmp_path / "old.safetensors").write_bytes(kept.tensor_bytes(made.state_dict(), {}))
    with torch.no_grad():
        found = made(image)
        torch.testing.assert_close(
            plain.eval()(functional.normalize(image, mean, std)), found
        )
        for name in ("model", "old"):  # both are read as a teacher's weights
            again = networks.network(
                "torchvision:squeezenet1_1", classes=3, size=32, channels=3, seed=1
            ).eval()
            tensors, _ = networks.read_weights(tmp_path / f"{name}.safetensors")
            networks.put_weights(again, tensors, file, "it")
            assert torch.equal(again(image), found)
        lines = usage.usage({
            "settings": {"student": "torchvision:squeezenet1_1", "size": 32, "channels": 3},
            "use": {"named": True, "mean": mean, "std": std},
            "numbers": {"classes": ["a", "b", "c"]}, "costs": {"onnx": {"why": "x"}},
        })[1]  # fmt: skip
        exec(lines.replace("model.safetensors", str(file)), world)
    torch.testing.assert_close(world["logits"], found)


def test_the_teacher_is_written_as_another_job_takes_it(done, data, tmp_path):
    file = done.out / "teacher.safetensors"
    assert json.loads(metadata_of(file.read_bytes())["classes"]) == sorted(CLASSES)
    given = settings(data, tmp_path / "o", teacher_weights=file)
    pictures = stages.read_pictures(given, lambda _: None)
    build = stages.builder(given.teacher, given, pictures.num_classes)
    teacher = stages.given_teacher(given, pictures, build)
    right = 100 * kd.evaluate(teacher, pictures.test).accuracy
    assert right == done.found.report["numbers"]["teacher"]["accuracy"]


def test_both_arms_try_as_many_settings(done):
    tried = done.found.report["trials"]
    assert [sum(r["arm"] == arm for r in tried) for arm in ARMS] == [3, 3]
    for count in range(1, 9):
        given = settings("d", "o", trials=count)
        both = [coarse(arm, given) for arm in ARMS]
        assert [t.rate for t in both[0]] == [t.rate for t in both[1]]
        for arm, first in zip(ARMS, both, strict=True):
            assert all(1e-3 <= t.rate <= 1e-2 * (1 + 1e-9) for t in first)
            for best in first:
                every = [*first, *fine(arm, given, best)]
                assert len(every) == count
                assert len(set(every)) == count
    best = max(r["accuracy"] for r in tried if r["arm"] == "distilled")
    assert done.found.report["chosen"]["distilled"]["accuracy"] == best


def test_each_stage_says_a_line(done):
    for stage in (
        "pictures",
        "teacher",
        "doctor",
        "trials",
        "students",
        "export",
        "report",
    ):
        assert any(line.startswith(f"{stage}: ") for line in done.lines), stage


def test_a_finished_job_computes_nothing_again(done, data, monkeypatch):
    monkeypatch.setattr(stages, "fit", None)  # would be called
    again = distil(settings(data, done.out), say=None)
    assert again.report == done.found.report


SCRIPT = """
import os, signal, sys
import torch
torch.set_num_threads(1)
from kdteach.workflow import Settings, distil, job, kept, stages
from tests.test_workflow import settings
data, out = sys.argv[1:]
fit, write = stages.fit, kept.write_whole
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def attempt(which=None, number=0):
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    calls = [0]
    def training(*given, **options):
        calls[0] += 1
        if which == "training" and calls[0] == number:
            options |= {"on_epoch": lambda e: e == 2 and die(), "checkpoint_every": 0}
        return fit(*given, **options)
    def writing(path, content, **options):
        calls[0] += 1
        if which == "writing" and calls[0] == number:
            os.replace = lambda *_: die()  # the file is written, and has not its name
        return write(path, content, **options)
    if which == "writing":
        kept.write_whole = writing
    else:
        stages.fit = training
    distil(settings(data, out), say=None, progress=False)
    os._exit(0)
killed = [attempt("training", 1), attempt("training", 4), attempt("training", 5),
          attempt("writing", 2)]
assert killed == [signal.SIGKILL] * 4, killed
assert attempt() == 0
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_killed_four_times_it_ends_with_the_same_numbers(done, data, tmp_path):
    out = tmp_path / "killed"
    world = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(data), str(out)], env=world, cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    found = json.loads((out / "report.json").read_text(encoding="utf-8"))
    for part in ("verdict", "numbers", "trials", "chosen", "settings", "doctor"):
        assert found[part] == done.found.report[part], part
    for name in ("model", "label-trained"):
        one, other = (
            load_file(folder / f"{name}.safetensors") for folder in (out, done.out)
        )
        assert all(torch.equal(one[key], other[key]) for key in one)


# what is wrong is named before anything is trained or written


def refused(given, error, match, **builders):
    assert not given.place.exists()
    with pytest.raises(error, match=match):
        distil(given, say=None, **builders)
    assert not (given.place / "work").exists()


def test_wrong_pictures_are_all_named_first(tmp_path):
    one = draw(tmp_path / "one", ("cat",))
    refused(settings(one, tmp_path / "o"), DataError, "a single class, 'cat'")
    bad = draw(tmp_path / "bad", ("cat", "dog"))
    (bad / "empty").mkdir()
    (bad / "cat" / "picture 3.png").write_bytes(b"no picture")
    whole = (bad / "dog" / "picture 4.png").read_bytes()
    (bad / "dog" / "picture 4.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError) as caught:
        distil(settings(bad, tmp_path / "o"), say=None)
    for name in ("empty holds no pictures", "cat/picture 3.png", "dog/picture 4.png"):
        assert name in str(caught.value)
    assert not (tmp_path / "o").exists()
    refused(settings(tmp_path / "none", tmp_path / "o"), FileNotFoundError, "none")


def weights_of(done, file, change=lambda t: t, **metadata):
    kept_tensors = load_file(done.out / "work" / "teacher.safetensors")
    state = {n[2:]: t for n, t in kept_tensors.items() if n.startswith("w:")}
    save_file(change(state), file, metadata=metadata or None)
    return file


def test_classes_that_disagree(done, data, tmp_path):
    out = tmp_path / "o"
    names = sorted(CLASSES)
    for said, match in (
        ([*names[:2], "dog"], r"teacher alone has 'dog'; the folders alone have 'été'"),
        (
            [*names[::-1]],
            "another order.*output 0 of the teacher is 'été', label 0 is '<b>",
        ),
    ):
        file = weights_of(done, tmp_path / "t.safetensors", classes=json.dumps(said))
        refused(settings(data, out, teacher_weights=file), ValueError, match)
        given = settings(data, out, teacher_classes=tuple(said))
        refused(given, ValueError, match)

    def wide(seed):
        return kd.build("fc-8", num_classes=4, input_shape=(3, 8, 8), seed=seed)

    refused(
        settings(data, out), ValueError, "student: it has 4 outputs for 3", student=wide
    )
    refused(
        settings(data, out), ValueError, "teacher: it has 4 outputs for 3", teacher=wide
    )


def test_an_order_that_no_name_tells_is_found_by_the_doctor(done, data, tmp_path):
    right = done.found.report["numbers"]["teacher"]["accuracy"]
    assert right > 90  # a teacher from which an order can be told

    def turned(state):
        last = max(name for name in state if name.endswith("weight"))
        for name in (last, last.replace("weight", "bias")):
            state[name] = state[name].roll(1, 0).clone()
        return state

    file = weights_of(done, tmp_path / "t.safetensors", turned)
    with pytest.raises(ValueError, match=r"not sound\. class order that differs"):
        distil(settings(data, tmp_path / "o", teacher_weights=file), say=None)


def test_weights_of_another_kind(done, data, tmp_path):
    out, file = tmp_path / "o", tmp_path / "t.pt"
    other = kd.build("fc-33", num_classes=3, input_shape=(3, 8, 8))
    torch.save(other.state_dict(), file)
    given = settings(data, out, teacher_weights=file)
    refused(given, ValueError, r"no checkpoint of fc-32: 1.weight is \(33, 192\) and must")
    torch.save(other, file)
    refused(given, ValueError, "Pickled objects are not read")
    torch.save({"epoch": 3}, file)
    refused(given, ValueError, "holds no state dictionary")
    file.write_bytes(b"")
    refused(given, ValueError, "no file of weights alone")
    refused(
        settings(data, out, teacher_weights=tmp_path / "none"), FileNotFoundError, "none"
    )
    broken = tmp_path / "t.safetensors"
    broken.write_bytes(weights_of(done, tmp_path / "u.safetensors").read_bytes()[:-100])
    refused(
        settings(data, out, teacher_weights=broken), ValueError, "no whole safetensors file"
    )
    nan = weights_of(
        done, tmp_path / "n.safetensors", lambda s: {n: t * torch.nan for n, t in s.items()}
    )
    refused(settings(data, out, teacher_weights=nan), ValueError, "holds NaN")


def test_weights_are_taken_from_a_state_dictionary(done, data, tmp_path):
    state = load_file(weights_of(done, tmp_path / "t.safetensors"))
    torch.save({"state_dict": {f"module.{n}": t for n, t in state.items()}}, tmp_path / "t")
    given = settings(
        data, tmp_path / "o", teacher_weights=tmp_path / "t", trials=1, epochs=1
    )
    found = distil(given, say=None, progress=False).report
    assert found["numbers"]["teacher"] == done.found.report["numbers"]["teacher"]
    assert "loaded from t" in found["made"][1]


def test_no_space_for_the_outputs(data, tmp_path, monkeypatch):
    out = tmp_path / "o"
    few = SimpleNamespace(free=1000)
    with monkeypatch.context() as patch:
        patch.setattr(kept.shutil, "disk_usage", lambda _: few)
        with pytest.raises(OSError, match="are free: make room") as caught:
            distil(settings(data, out), say=None)
        assert caught.value.errno == errno.ENOSPC
    write, calls = kept.write_whole, []

    def full(path, content):
        calls.append(path)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "cannot write results: No space left", str(path))
        return write(path, content)

    short = settings(data, out, trials=1, epochs=1, teacher_epochs=2)
    with monkeypatch.context() as patch:
        patch.setattr(kept, "write_whole", full)
        with pytest.raises(FileExistsError, match="another job"):  # as it was begun above
            distil(short, say=None)
        short = settings(data, tmp_path / "p", trials=1, epochs=1, teacher_epochs=2)
        calls.clear()
        with pytest.raises(OSError, match="No space left"):
            distil(short, say=None, progress=False)
    assert distil(short, say=None, progress=False).report["verdict"]
    if os.geteuid():
        out.chmod(0o500)
        with pytest.raises(OSError, match="cannot write"):
            distil(settings(data, out), say=None)


def test_folders_of_others_are_refused(done, data, tmp_path):
    with pytest.raises(FileExistsError, match=r"another job \(epochs was 3, now 4\)"):
        distil(settings(data, done.out, epochs=4), say=None)
    with pytest.raises(FileExistsError, match="pictures was"):
        distil(settings(draw(tmp_path / "d", count=21), done.out), say=None)
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds 'thesis.txt' and no settings.json"):
        distil(settings(data, tmp_path / "o"), say=None)
    assert sorted(os.listdir(tmp_path / "o")) == ["thesis.txt"]
    with pytest.raises(NotADirectoryError, match="is no folder"):
        distil(settings(data, tmp_path / "o" / "thesis.txt"), say=None)


def test_more_seeds_go_on_with_a_folder(data, tmp_path):
    def job(seeds):
        about = {"seeds": seeds, "epochs": 3}
        return kept.Kept(tmp_path / "o", about)

    assert not job(5).open()
    assert job(5).add_seeds() == []
    assert job(6).open()
    with pytest.raises(FileExistsError, match="seeds was 5, now 4"):
        job(4).open()
    (tmp_path / "o" / "report.json").write_text("{}")
    assert job(6).add_seeds() == [5]
    assert job(6).open()
    assert job(6).add_seeds() == [5]  # and whenever it is asked again
    with pytest.raises(FileExistsError, match="seeds was 6, now 5"):
        job(5).open()
    assert job(8).add_seeds() == [5, 6]


class Spoken(nn.Module):
    """A network that answers as those of Hugging Face do."""

    def __init__(self, seed):
        super().__init__()
        self.inside = kd.build("fc-8", num_classes=2, input_shape=(3, 8, 8), seed=seed)

    def forward(self, images):
        return SimpleNamespace(logits=self.inside(images))


def test_two_classes_and_outputs_with_logits(tmp_path):
    pictures = draw(tmp_path / "d", ("no", "yes"))
    given = settings(pictures, tmp_path / "o", trials=1, epochs=2, teacher_epochs=3)
    found = distil(given, student=Spoken, say=None, progress=False)
    assert found.report["numbers"]["auc"].keys() == {"teacher", *ARMS}
    assert (tmp_path / "o" / "figures" / "roc.png").exists()
    assert "<th>" in (tmp_path / "o" / "card.html").read_text(encoding="utf-8")


def test_verdict_is_plain():
    said = {"n": 10, "word": "holds"}
    assert (
        verdict(said)
        == "Distilled students are better than label-trained ones on average (10 seeds)."
    )
    assert "NOT better" in verdict(said | {"word": "fails"})
    assert "not shown to be better" in verdict(said | {"word": "undecided"})
    none = verdict(said | {"word": "no difference larger than 1 points"})
    assert "are not better" in none


def dead_students(answers, images=36):
    """Numbers of a job whose students of an arm answer the same class to everything."""
    labels = torch.arange(images) % 3
    part = Split(torch.rand(images, 3, 2, 2), labels)
    data = ImageSet("made", part, part, part, ("a", "b", "c"), "0")
    logits = torch.nn.functional.one_hot(labels, 3).float()
    made = {
        arm: [{p: logits * 0 + one for p in ("valid", "test")} for one in answers[arm]]
        for arm in ARMS
    }
    teacher = {"valid": logits, "test": logits}
    return numbers_of(data, teacher, made, bound=1.0, first_seed=0)


def test_dead_students_get_no_verdict():
    one, other = torch.tensor([1.0, 0, 0]), torch.tensor([0, 0.5, 0])
    numbers = dead_students({ARMS[0]: [one, other], ARMS[1]: [other, one]})
    said = numbers["comparisons"]["accuracy"]
    assert said["word"] == "undecided"
    assert said["text"].startswith("undecided: 0.00 points in each of the 2 pairs")
    assert numbers["learned"] == dict.fromkeys(ARMS, False)
    assert verdict(said, numbers["learned"]).startswith("Nothing was learned: neither")
    assert "better than label-trained" not in verdict(said, numbers["learned"])
    assert card._ends(numbers["means"][ARMS[0]]["accuracy"]) == "33.3 (no spread)"
    assert card._ends([1.09871, 1.09862, 1.0988], 3) == "1.0987 (1.0986 to 1.0988)"


def test_equal_differences_are_decided_by_their_number():
    right = torch.nn.functional.one_hot(torch.arange(36) % 3, 3).float()
    one = torch.tensor([1.0, 0, 0])
    for seeds, word in ((2, "undecided"), (10, "holds")):
        found = dead_students({ARMS[0]: [one] * seeds, ARMS[1]: [right] * seeds})
        said = found["comparisons"]["accuracy"]
        assert said["word"] == word
        assert found["learned"] == {"label-trained": False, "distilled": True}
        text = verdict(said, found["learned"])
        assert "the label-trained ones are not shown to do better than guessing" in text


def test_a_bound_of_less_than_one_picture_shows_nothing(done):
    for images, word in ((36, "undecided"), (300, "no difference larger than 1 points")):
        exact = torch.nn.functional.one_hot(torch.arange(images) % 3, 3).float()
        other = exact.clone()
        other[0] = other[0].roll(1)
        students = [exact if i % 2 else other for i in range(12)]
        found = dead_students({ARMS[0]: students, ARMS[1]: students[1:] + students[:1]},
                              images)  # fmt: skip
        assert found["comparisons"]["accuracy"]["word"] == word
    few = (
        r"one of the 12 test pictures is 8\.33 points of accuracy, more than the bound of 1"
    )
    assert any(re.search(few, line) for line in done.lines)
    assert re.search(few, done.found.report["notes"][0])


def test_guessing_is_known_from_knowing():
    draw_of = torch.Generator().manual_seed(0)
    labels = (torch.rand(200, generator=draw_of) > 0.8).long()  # 4 to 1
    guesses = [torch.rand(200, 2, generator=draw_of) for _ in range(5)]
    assert not learned(guesses, labels)
    assert not learned([torch.tensor([[1.0, 0]]).expand(200, 2)] * 5, labels)
    exact = torch.nn.functional.one_hot(labels, 2)
    assert learned([g + 0.5 * exact for g in guesses], labels)
    # of many deals of the labels to the same answers one in twenty seems to know
    deals = [labels[torch.randperm(200, generator=draw_of)] for _ in range(400)]
    share = sum(learned(guesses, deal) for deal in deals) / 400
    assert 0.02 < share < 0.09


def test_onnx_is_equal_or_its_lack_is_explained(done, tmp_path):
    onnx = done.found.report["costs"]["onnx"]
    text = (done.out / "card.md").read_text(encoding="utf-8")
    if not ONNX:
        assert r"pip install 'kdteach\[export\]'" in text
        assert "load_file" in text
        return
    assert onnx["difference"] <= 1e-4
    import onnxruntime

    images = torch.rand(5, 3, 8, 8)
    session = onnxruntime.InferenceSession(
        str(done.out / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    theirs = session.run(None, {"images": images.numpy()})[0]
    with torch.no_grad():
        ours = done.found.student(images).numpy()
    np.testing.assert_allclose(theirs, ours, atol=1e-4)


@pytest.mark.skipif(not ONNX, reason="onnx is not installed")
def test_onnx_of_convolutions_and_of_one_that_differs(tmp_path, monkeypatch):
    model = kd.build("tiny-mobilenet", num_classes=3).eval()
    found = export.write_onnx(tmp_path / "m.onnx", model, torch.rand(7, 3, 32, 32))
    assert found["equal"]
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    found = export.write_onnx(tmp_path / "n.onnx", model, torch.rand(7, 3, 32, 32))
    assert not found["equal"]
    assert not (tmp_path / "n.onnx").exists()


def test_command_line(done, data, tmp_path, capsys):
    given = [
        "distil", "--data", str(data), "--teacher", "fc-32", "--student", "fc-8",
        "--size", "8",
        "--epochs", "3", "--teacher-epochs", "25", "--batch-size", "16", "--trials", "3",
        "--seeds", "2", "--device", "cpu", "--rates", "1e-3", "1e-2",
    ]  # fmt: skip
    assert main([*given, "--out", str(done.out)]) == 0
    assert done.found.verdict in capsys.readouterr().out
    assert main([*given, "--out", str(done.out), "--bound", "2"]) == 1
    assert "bound was 1.0, now 2.0" in capsys.readouterr().err
    assert main([*given[:4], "no-such", *given[5:], "--out", str(tmp_path / "o")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("kdteach: unknown model 'no-such'")
    assert not (tmp_path / "o").exists()


def test_ctrl_c_says_what_is_kept(data, tmp_path, monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    given = ["distil", "--data", str(data), "--teacher", "fc-32", "--student", "fc-8",
             "--size", "8", "--out", str(tmp_path / "o")]  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(stages, "load", stop)
        assert main(given) == 130
    assert "stopped, before anything was written" in capsys.readouterr().err
    monkeypatch.setattr(stages, "fit", stop)
    assert main(given) == 130
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "What is finished is kept in" in said
    assert "the same command goes on" in said


@pytest.mark.parametrize(
    ("changed", "error", "match"),
    [
        ({"epochs": 0}, ValueError, "epochs must be an integer of at least 1"),
        ({"seeds": 1}, ValueError, "seeds must be an integer of at least 2"),
        ({"trials": 2.0}, TypeError, "trials must be an integer"),
        ({"teacher": 3}, TypeError, "teacher must be the name"),
        ({"student": " "}, ValueError, "student must be the name"),
        ({"channels": 2}, ValueError, "channels must be 1"),
        ({"rates": (1e-2, 1e-3)}, ValueError, "rates must begin with the smaller"),
        ({"rates": 1e-2}, TypeError, "rates must be a pair"),
        ({"alphas": (0, 2)}, ValueError, "a number of alphas must be in"),
        ({"temperatures": (0, 2)}, ValueError, "a number of temperatures must be"),
        ({"start": "warm"}, ValueError, "start"),
        ({"device": "tpu"}, ValueError, "device"),
        ({"teacher_classes": "ab"}, TypeError, "teacher_classes must be a list"),
        ({"teacher_classes": ("a", "a")}, ValueError, "two different names"),
        ({"teacher_weights": 3}, TypeError, "teacher_weights must be a path"),
        ({"bound": 0}, ValueError, "bound must be"),
        ({"seed": -1}, ValueError, "seed"),
        ({"workers": 0}, ValueError, "workers must be an integer of at least 1"),
        ({"workers": True}, TypeError, "workers must be an integer"),
    ],
)
def test_settings_are_checked(changed, error, match):
    with pytest.raises(error, match=match):
        settings("d", "o", **changed)


def test_a_teacher_of_the_students_kind_begins_elsewhere(data, tmp_path):
    """With a student's first weights a teacher passes on what no other teacher can."""
    first = {}

    def builder(who):
        def build(seed):
            first[who] = kd.build("fc-8", input_shape=(3, 8, 8), num_classes=3, seed=seed)
            if who == "teacher":  # the student is there before it
                raise InterruptedError
            return first[who]

        return build

    for kind, shared in (("fc-8", False), ("fc-32", True)):
        with pytest.raises(InterruptedError):
            distil(
                settings(data, tmp_path / "o", teacher=kind, student="fc-8"),
                teacher=builder("teacher"), student=builder("student"),
            )  # fmt: skip
        one, other = (model.state_dict() for model in first.values())
        assert shared == all(torch.equal(one[name], other[name]) for name in one)


def test_arguments_are_checked(data, tmp_path):
    with pytest.raises(TypeError, match="settings must be"):
        distil("pictures")
    with pytest.raises(TypeError, match="student"):
        distil(settings(data, tmp_path / "o"), student=3)
    for name, match in (
        ("keras:x", "torchvision:NAME and timm:NAME"), ("torchvision:x", "no network 'x'"),
    ):  # fmt: skip
        refused(settings(data, tmp_path / "o", student=name), ValueError, match)


def test_roc_and_reliability_are_those_of_others():
    from sklearn.metrics import roc_auc_score

    from kdteach.plots import model_card

    random = np.random.default_rng(0)
    truth = np.arange(50) % 2
    scores = np.round(random.normal(size=50) + truth, 1)  # with ties
    figure = model_card.roc(
        {"one": scores}, truth, alt="A curve of one model that is drawn for a test."
    )
    x, y = figure.canvas.axes[0].lines[1].get_data()
    assert np.trapezoid(y, x) == pytest.approx(roc_auc_score(truth, scores))
    figure = model_card.reliability(
        {"one": ([0.92, 0.98, 0.15], [1, 0, 0])},
        alt="A line of one model that is drawn for a test.",
    )
    x, y = figure.canvas.axes[0].lines[1].get_data()
    np.testing.assert_allclose([x, y], [[0.15, 0.95], [0, 0.5]])
    axes = figure.canvas.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("confidence", "share right")
    figure = model_card.reliability(  # the two of a mark are not few, the one is
        {"one": ([0.92, 0.98, 0.15], [1, 0, 0])},
        alt="A line with a mark of few images that is drawn for a test.",
        few=2,
    )
    whole, hollow = figure.canvas.axes[0].lines[1:]
    assert whole.get_markevery() == [1]
    np.testing.assert_allclose(hollow.get_data(), [[0.15], [0]])
    assert hollow.get_fillstyle() == "none"
    with pytest.raises(ValueError, match="few"):
        model_card.reliability({"one": ([0.5], [1])}, alt="A line of a test.", few=-1)
    figure = model_card.reliability(  # of shares, such as those of votes
        {"one": ([0.92, 0.98, 0.15], [5 / 7, 6 / 7, 0])},
        alt="A line of one model that is drawn for a test.",
        across="probability of SSA",
        up="share of votes",
    )
    axes = figure.canvas.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "probability of SSA",
        "share of votes",
    )
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [0, 5.5 / 7])
    with pytest.raises(TypeError, match="across"):
        model_card.reliability({"one": ([0.5], [1])}, alt="A line of a test.", across=3)
    with pytest.raises(ValueError, match="one kind alone"):
        model_card.roc({"one": [1, 2]}, [1, 1], alt="A curve of one model that cannot be.")


def test_the_dozen_lines_of_the_docstring_run(data, monkeypatch, capsys):
    import kdteach.workflow

    text = kdteach.workflow.__doc__ or ""
    code = text[text.index("    import kdteach as kd") :]
    lines = [line[4:] for line in code.splitlines()]
    code = (
        "\n".join(lines).replace("epochs=20", "epochs=1").replace("range(10)", "range(2)")
    )
    monkeypatch.chdir(data.parent)
    exec(code.replace('"pictures"', '"d"'), {})
    assert "interval, n = 2" in capsys.readouterr().out
