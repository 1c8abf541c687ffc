"""The place of a mistake that nobody described: found by changing the answer's own code."""

import contextlib
import linecache
import math
import threading
import time

import pytest
import torch
import torch.nn.functional as F

from kdteach.exercises import _repair, _source
from kdteach.exercises._check import Exercise
from kdteach.exercises._values import read


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """What is found does not hang on how busy a machine is."""
    monkeypatch.setattr(_repair, "_CLOCK", 300.0)
    monkeypatch.setattr(_repair, "_ONE", 30.0)
    monkeypatch.setattr(_repair, "_OTHER", 30.0)
    monkeypatch.setattr(_repair, "_GO", 8.0)


Z = torch.tensor([[4.0, 2.5, 0.0], [-1.0, 0.5, 3.0], [0.2, -2.0, 0.1]], dtype=torch.float64)
V = torch.tensor([[1.0, 3.5, 0.5], [2.0, 0.5, -3.0], [0.0, 1.0, 2.0]], dtype=torch.float64)
Y = torch.tensor([0, 2, 1])


def made(text, name="answer"):
    """Define a function as a cell of a notebook does: with its text where Python looks."""
    file = f"<cell {abs(hash(text))}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space = {"torch": torch, "F": F, "math": math}
    exec(compile(text, file, "exec"), space)
    return space[name]


def looked(right, wrong, cases):
    """What is said of a wrong answer."""
    wanted = [read(right(*case)) for case in cases]

    def same(one, other):
        return one.shape == other.shape and torch.allclose(one.numbers, other.numbers)

    values = [read(wrong(*case)) for case in cases]
    failing = [i for i in range(len(cases)) if not same(values[i], wanted[i])]
    assert failing
    names = list(wrong.__code__.co_varnames[: wrong.__code__.co_argcount])
    return _repair.place(wrong, names, cases, wanted, failing, same)


KD = """
def answer(z, v, y, T, a):
    soft = F.kl_div(
        F.log_softmax(z / T, dim=1), F.softmax(v / T, dim=1), reduction="batchmean"
    )
    hard = F.cross_entropy(z, y)
    return a * T ** 2 * soft + (1 - a) * hard
"""
KD_CASES = ((Z, V, Y, 2.0, 0.3), (V, Z, Y, 5.0, 0.8), (Z[:2], V[:2], Y[:2], 0.7, 0.5))
LOOP = """
def answer(z, t):
    rows = []
    for row in z:
        largest = row.max()
        weights = [math.exp((value - largest) / t) for value in row]
        total = 0.0
        for weight in weights:
            total = total + weight
        rows.append([weight / total for weight in weights])
    return rows
"""
LOOP_CASES = ((Z, 1.0), (Z, 3.0), (V[:1], 0.5), (20 * V, 2.0))


@pytest.mark.parametrize(
    ("old", "new", "code", "question"),
    [
        ("z / T, dim=1", "z * T, dim=1", "`z * T`", "operation"),
        ("v / T, dim=1", "v, dim=1", "`v`", "`T`"),
        ("v / T, dim=1", "v / T, dim=0", "`dim=0`", "dimension"),
        ('"batchmean"', '"mean"', '`reduction="mean"`', "value"),
        ('"batchmean"', '"sum"', '`reduction="sum"`', "value"),
        (', reduction="batchmean"', "", "`F.kl_div(F.log", "put the numbers together"),
        ("a * T ** 2 * soft", "a * soft", "look at", "`T`"),
        ("T ** 2", "T", "look at", "`T`"),
        ("T ** 2", "2 * T", "`a * 2` in line 6", "`2`"),
        ("+ (1 - a) * hard", "- (1 - a) * hard", "soft - (1 - a) * hard`", "operation"),
        ("(1 - a) * hard", "1 - a * hard", "1 - a * hard`", "bracket"),
        ("(1 - a) * hard", "(a - 1) * hard", "soft + (a - 1) * hard`", "operation"),
        ("(1 - a) * hard", "(1 - a) * soft", "`soft` in line 6", "variable"),
        ("(1 - a) * hard", "hard", "`F.cross_entropy(z, y)` in line 5", "`a`"),
        ("a * T ** 2 * soft", "T ** 2 * soft", "`F.kl_div(F.log", "`a`"),
        ("F.softmax(v", "F.log_softmax(v", "`F.kl_div(F.log", "logarithms"),
        ("F.log_softmax(z", "F.softmax(z", "`F.softmax(z / T, dim=1)` in line 3", "want"),
        ("F.cross_entropy(z, y)", "F.cross_entropy(z / T, y)", "`z / T`", "needed"),
        ("F.cross_entropy(z, y)", "F.cross_entropy(v, y)", "`v` in line 5", "variable"),
        ("F.cross_entropy(z, y)", "F.nll_loss(z, y)", "`F.nll_loss(z, y)`", "want"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:reduction")
def test_one_change_of_the_loss(old, new, code, question):
    right = made(KD)
    assert KD.count(old) == 1
    said = looked(right, made(KD.replace(old, new)), KD_CASES)
    assert said.startswith("one change is enough"), said
    assert code.lower() in said.lower()
    assert question in said.split(": ")[-1], said


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("value - largest", "largest - value", "`largest - value`"),
        ("(value - largest) / t", "value - largest / t", "`value - largest / t`"),
        ("        rows.append", "    rows.append", "`rows.append"),
        ("    return rows", "        return rows", "`return rows`"),
        ("total + weight", "weight", "`weight`"),
        ("/ total for", "/ len(row) for", "`len(row)`"),
        ("return rows", "return rows[0]", "`rows[0]`"),
        ("return rows", "return rows[1:]", "`rows[1:]`"),
        ("        total = 0.0\n", "", ""),
    ],
)
def test_one_change_of_a_loop(old, new, code):
    text = LOOP.replace(old, new)
    if not code:  # the sum is set to 0 once, before the loop
        text = text.replace("    rows = []\n", "    rows = []\n    total = 0.0\n")
        code = "`total = 0.0` in line 3: is it indented"
    said = looked(made(LOOP), made(text), LOOP_CASES)
    assert said.startswith("one change is enough"), said
    assert code in said


@pytest.mark.parametrize(("row", "hint"), [(0, "first row"), (-1, "last row")])
def test_one_row_alone(row, hint):
    exercise = Exercise(lambda z: 2 * z, ((Z,), (V,)), (), "It is twice as much.")
    space = {}
    exec(f"def answer(z):\n    return 2 * z[{row}]", space)
    assert f"the {hint} alone" in exercise.check(space["answer"]).message


def test_an_argument_that_is_missing_comes_before_a_function_that_would_do():
    text = "def answer(z, t):\n    return torch.exp(z / t - torch.logsumexp({}, 1, True))\n"
    right, wrong = made(text.format("z / t")), made(text.format("z"))
    assert "`z`: does `t` have to enter there" in looked(right, wrong, ((Z, 2.0), (V, 5.0)))


def test_two_places_of_which_one_is_enough():
    text = """
def answer(z):
    hidden = z.scatter(1, z.argmax(1, keepdim=True), {})
    return hidden.argsort(dim=1)[:, {}]
"""
    said = looked(
        made(text.format("-math.inf", -1)), made(text.format("-math.inf", -2)), ((Z,), (V,))
    )
    assert said.startswith("either of two changes is enough for every case of this check,")
    assert ", perhaps by chance. " in said
    assert " in line 2: is `.scatter(...)` needed there? Or look at `-2` in line 3" in said


def test_a_piece_inside_of_the_place_is_no_other_place():
    said = looked(made(KD), made(KD.replace("z / T", "z * T")), KD_CASES)
    assert said.count("look at") + said.count("Look at") == 1


def test_a_lambda_among_others_in_a_line():
    first, second = made("answer = (lambda z, t: z / t), (lambda z, t: z * t)\n")
    assert (
        _source.source(first).quoted(_source.source(first).tree) == "`lambda z, t: z / t`"
    )
    assert "`z * t`: is that" in looked(first, second, ((Z, 2.0), (V, 3.0)))


def test_free_variables_and_defaults_stay():
    text = '''
def outer(k):
    def answer(x, b=2.0):
        return k * x - b
    return answer
answer = outer(3.0)
'''  # fmt: skip
    said = looked(lambda x: 3 * x + 2, made(text), ((Z,), (V,)))
    assert "`k * x - b`: is that the right operation?" in said


def test_the_change_itself_is_not_shown():
    said = looked(made(KD), made(KD.replace("a * T ** 2", "a * T ** 3")), KD_CASES)
    assert "`T ** 3`" in said or "`3`" in said
    assert "2" not in said.split(": ", 1)[1]


@pytest.mark.parametrize(
    "answer",
    [
        len,
        torch.softmax,
        eval("lambda z, t: z * t"),
        type("C", (), {"__call__": lambda self, z, t: z * t})(),
    ],
)
def test_nothing_is_said_without_the_text(answer):
    assert _source.source(answer) is None


def test_text_that_is_not_the_function():
    answer = made("def answer(z, t):\n    return z * t\n")
    file = answer.__code__.co_filename
    text = "def answer(z, t):\n    return torch.exp(z) * t\n"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    assert _source.source(answer) is None


@pytest.mark.parametrize(
    "body",
    [
        "threading.Thread(target=print).start()",
        "Thread(target=print).start()",
        "open('x').close()",
        "torch.save(z, 'x')",
        "import os",
        "sleep(0)",
    ],
)
def test_an_answer_that_does_more_than_compute_is_not_changed(body):
    text = f"def answer(z, t):\n    {body}\n    return z * t\n"
    answer = made(text)
    answer.__globals__.update(
        threading=threading, Thread=threading.Thread, sleep=time.sleep
    )
    assert _source.source(answer) is None
    assert _source.source(made("def answer(z, t):\n    return z * t\n")) is not None


def test_the_tree_and_the_arguments_stay_as_they_were():
    answer = made(KD.replace("z / T", "z * T"))
    z = Z.clone()
    looked(made(KD), answer, ((z, V, Y, 2.0, 0.3), (V, z, Y, 5.0, 0.8)))
    assert torch.equal(z, Z)
    assert float(answer(Z, V, Y, 2.0, 0.3)) == float(answer(z, V, Y, 2.0, 0.3))


def test_endless_changes_end(monkeypatch):
    monkeypatch.setattr(_repair, "_GO", 0.5)
    text = """
def answer(n):
    total, i = 0, 0
    while i < n:
        total, i = total + i, i + 1
    return total * 3.7 - 11.3 / n
"""
    right = made(text.replace("total * 3.7 - 11.3 / n", "total + 0.123 * n ** 0.7"))
    assert looked(right, made(text), ((3,), (10,), (25,))) == ""


def test_libraries_below_python_are_silent(capfd):
    with contextlib.suppress(RuntimeError):
        torch.linalg.lstsq(Z / 0.0, V)
    if not any(capfd.readouterr()):
        pytest.skip("this LAPACK does not complain")
    text = "def answer(x, y):\n    return torch.linalg.lstsq(x / {}, y).solution\n"
    said = looked(made(text.format(2)), made(text.format(7)), ((Z, V), (V, Z)))
    assert "`7`" in said  # a change to 0 came before
    assert capfd.readouterr() == ("", "")


def test_in_a_check():
    exercise = Exercise(made(KD), KD_CASES, (), "It is the loss.")
    result = exercise.check(made(KD.replace("v / T", "v * T")))
    assert not result.passed
    assert "Look at `v * T` in line 3: is that the right operation?" in result.message
    assert result.named == ()
    result = exercise.check(made(KD.replace("F.cross_entropy(z, y)", "F.cross_entropy(z)")))
    assert "raised TypeError" in result.message


def test_in_a_notebook():
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.user_ns.update(torch=torch, F=F)
    shell.run_cell(KD.replace("z / T", "z - T"))
    said = looked(made(KD), shell.user_ns["answer"], KD_CASES)
    assert "`z - T` in line 3" in said
