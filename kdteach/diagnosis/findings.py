"""What an examination finds, as data and as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """One fault of a set-up.

    Attributes:
        name: of the fault, the same for every set-up that has it: "teacher in train mode".
        sentence: what was found here.
        remedy: what to change.
        evidence: what was measured, by its name.
    """

    name: str
    sentence: str
    remedy: str
    evidence: Mapping[str, float | str] = field(default_factory=dict)

    def __str__(self) -> str:
        """As a person would say it, with the evidence at the end."""
        text = f"{self.name}: {self.sentence}\n    Remedy: {self.remedy}"
        if self.evidence:
            each = ", ".join(f"{name} {_shown(v)}" for name, v in self.evidence.items())
            text += f"\n    Measured: {each}"
        return text


@dataclass(frozen=True)
class Diagnosis:
    """All findings of an examination. It is true where there are some.

    Attributes:
        findings: in the order of the examination.
        checked: the names of the faults that were looked for.
        skipped: what could not be looked for, and why.
    """

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Finding]:
        """One finding after the other."""
        return iter(self.findings)

    def __len__(self) -> int:
        """How many findings there are."""
        return len(self.findings)

    def __contains__(self, name: object) -> bool:
        """Whether a fault of this name was found."""
        return any(finding.name == name for finding in self.findings)

    def __str__(self) -> str:
        """The findings as numbered sentences."""
        if not self.findings:
            text = f"Nothing found; looked for: {', '.join(self.checked)}."
        else:
            rows = enumerate(self.findings, start=1)
            text = "\n".join(f"{number}. {finding}" for number, finding in rows)
        for name, why in self.skipped.items():
            text += f"\nNot looked for: {name} ({why})."
        return text

    def __repr__(self) -> str:
        """In a line, for the sentences have been printed."""
        text = ", ".join(finding.name for finding in self.findings) or "nothing found"
        if self.skipped:  # else a loss that is not known would look like a right one
            text += f"; not looked for: {', '.join(self.skipped)}"
        return f"Diagnosis: {text}"


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
