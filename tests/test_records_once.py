"""A results file is parsed once for many questions, and anew as soon as it changes."""

import pytest

from kdteach import results
from kdteach.results import records
from kdteach.types import RunRecord


def record(seed, errors):
    result = {"test_errors": errors, "test_wrong": list(range(errors))}
    return RunRecord("x", {"role": "plain"}, seed, result, {}, {"data": "abc"})


@pytest.fixture
def parsed(monkeypatch):
    """How often a line was parsed."""
    usual, lines = records.read_line, []

    def counted(line, *rest):
        lines.append(line)
        return usual(line, *rest)

    monkeypatch.setattr(records, "read_line", counted)
    return lines


def test_many_questions_and_one_look(tmp_path, parsed):
    results.add_records("x", [record(s, s + 1) for s in range(5)], tmp_path)
    parsed.clear()
    for _ in range(3):
        assert results.measured("x", "test_errors", folder=tmp_path).tolist() == [
            1, 2, 3, 4, 5
        ]  # fmt: skip
    assert len(parsed) == 5
    assert len(results.load_records("x", tmp_path)) == 5
    assert len(parsed) == 10  # who gets the records themselves gets his own


def test_what_has_changed_is_read_again(tmp_path):
    results.add_records("x", [record(0, 3)], tmp_path)
    assert results.measured("x", "test_errors", folder=tmp_path).tolist() == [3]
    path, other = tmp_path / "x.jsonl", tmp_path / "other"
    other.mkdir()
    results.add_records("x", [record(0, 4)], other)
    path.write_bytes((other / "x.jsonl").read_bytes())
    assert results.measured("x", "test_errors", folder=tmp_path).tolist() == [4]
    path.write_text("{half\n")
    for _ in range(2):
        with pytest.raises(results.RecordError, match="line 1"):
            results.measured("x", "test_errors", folder=tmp_path)
    path.unlink()
    with pytest.raises(LookupError, match="there is no"):
        results.measured("x", "test_errors", folder=tmp_path)


def test_nobody_changes_what_the_next_one_reads(tmp_path):
    results.add_records("x", [record(0, 3)], tmp_path)
    wrong = results.wrong_images("x", folder=tmp_path)
    next(iter(wrong)).clear()
    results.load_records("x", tmp_path)[0].result["test_wrong"].clear()
    assert list(map(list, results.wrong_images("x", folder=tmp_path))) == [[0, 1, 2]]
