"""Recorded runs: one JSON line a run, sorted, written whole or not at all."""

from kdteach.record import RecordError
from kdteach.results.logits import load_logits, save_logits
from kdteach.results.reading import measured, wrong_images
from kdteach.results.records import (
    Folder,
    add_records,
    load_records,
    records_folder,
    records_path,
    run_key,
)
from kdteach.writing import LockedError, require_writable

__all__ = [
    "Folder",
    "LockedError",
    "RecordError",
    "add_records",
    "load_logits",
    "load_records",
    "measured",
    "records_folder",
    "records_path",
    "require_writable",
    "run_key",
    "save_logits",
    "wrong_images",
]
