"""What an error that an answer raised usually means."""

from __future__ import annotations

import re

from kdteach.exercises._results import CheckResult, no

_WHOLE = (
    "A list or tuple has no arithmetic of its own: go through it item by item, or make an "
    "array (`np.asarray`) or a tensor of it first."
)
_USUAL = (
    (
        r"bitwise_xor|operand type\(s\) for \^",
        "In Python `^` compares bits, and is no power: how is a power written?",
    ),
    (r"unsupported operand type.*'(list|tuple|dict|str)'", _WHOLE),
    (r"can't multiply sequence|bad operand type for unary -: '(list|tuple)'", _WHOLE),
    (r"only concatenate (list|tuple)", _WHOLE),
    (r"'(list|tuple)' object has no attribute", _WHOLE),
    (
        r"size of tensor a .* must match|could not be broadcast|shape mismatch",
        "Two shapes do not fit together. Was a sum, a mean or a maximum over one dimension "
        "taken without `keepdim=True` (NumPy: `keepdims=True`)? What is left then lies "
        "along the wrong dimension.",
    ),
    (
        r"mat1 and mat2 shapes|matmul: Input operand|size mismatch",
        "The shapes of a matrix product do not fit: is one of the two to be transposed?",
    ),
    (
        r"IndexError|out of (bounds|range)",
        "An index points past the end: places are counted from 0. Does a loop go one step "
        "too far, or are rows and columns exchanged?",
    ),
    (
        r"is ambiguous",
        "A comparison of whole tensors has a truth value for each number: use `.any()` or "
        "`.all()`, or compare single numbers.",
    ),
    (
        r"only one element tensors|only (length-1|size-1|0-dimensional) arrays",
        "One number is needed there, and you have several.",
    ),
    (
        r"[Ii]nput dtype must be either a floating|expected scalar type|must have the same "
        r"dtype|not implemented for 'Long'|can't be cast to the desired output type",
        "Whole numbers and floating ones do not mix there: convert with `.double()` or "
        "`.float()` first.",
    ),
    (
        r"ZeroDivisionError|division by zero",
        "What you divide by is 0 for these arguments.",
    ),
    (
        r"must be Tensor, not (float|int)",
        "Functions of torch take tensors. You have a plain number there: the module `math` "
        "has functions for these.",
    ),
    (
        r"positional argument",
        "The check calls your function with the arguments shown, by their place.",
    ),
    (r"math domain error", "A root or logarithm is taken of a number that has none."),
    (
        r"OverflowError|math range error",
        "A number grows beyond all bounds there: subtract or take logarithms first.",
    ),
)  # fmt: skip


def in_place(name: str) -> CheckResult:
    """What to say of an answer that changed an argument.

    Args:
        name: of the argument; empty where it is not known.
    """
    which = f"argument `{name}`" if name else "arguments"
    hint = (
        f"your function changed its {which} in place: work on new tensors (or a new list). "
        "Whoever calls it still needs the old one: copy it first, as with `.clone()`."
    )
    return no(hint, (hint,))


def raised(says: str, called: str) -> CheckResult:
    """What to say where the answer did not come to its end.

    Args:
        says: what happened, to follow "your function".
        called: the call as code.
    """
    if "requires grad" in says and "numpy" in says.lower():
        hint = (
            "NumPy computes no gradients, and the student's logits need theirs: stay with "
            "torch's tensors from the logits to the loss."
        )
        return no(hint, (hint,))
    if "leaf Variable that requires grad" in says:
        return in_place("")
    usual = next((f" {hint}" for text, hint in _USUAL if re.search(text, says)), "")
    return no(f"your function {says} It was called as {called}.{usual}")


AS_GIVEN = (
    "this still does what the function did as it was given. Call it with numbers small "
    "enough to check in your head, and look at every line on the way."
)
