"""Answers to *Do they look at the same place?*: the partial correlation."""

import numpy as np

from tests.answers import about

ink = about("check_without_ink")
ink.wrong("nothing below", r"denominator|missing", lambda r, a, b: r - a * b)
ink.wrong(
    "no root", r"root", lambda r, a, b: (r - a * b) / ((1 - a**2) * (1 - b**2))
)  # fmt: skip
ink.wrong(
    "the whole correlation above", r"taken off|what the ink explains",
    lambda r, a, b: r / np.sqrt((1 - a**2) * (1 - b**2)),
)  # fmt: skip
ink.wrong(
    "what the ink explains added", r"add",
    lambda r, a, b: (r + a * b) / np.sqrt((1 - a**2) * (1 - b**2)),
)  # fmt: skip
ink.wrong(
    "no squares below", r"square",
    lambda r, a, b: (r - a * b) / np.sqrt((1 - abs(a)) * (1 - abs(b))),
)  # fmt: skip
ink.wrong(
    "the sum taken off", r"sum|multipl",
    lambda r, a, b: (r - a - b) / np.sqrt((1 - a**2) * (1 - b**2)),
)  # fmt: skip
ink.wrong(
    "the first map alone below", r"both|first", lambda r, a, b: (r - a * b) / (1 - a**2)
)
ink.wrong(
    "less than the product, turned round", r"sign|turned",
    lambda r, a, b: (a * b - r) / np.sqrt((1 - a**2) * (1 - b**2)),
)  # fmt: skip


def _two_factors(r, a, b):
    left = [1 - x * x for x in (a, b)]
    return (r - a * b) / (left[0] ** 0.5 * left[1] ** 0.5)


def _from_the_inverse(r, a, b):
    """The partial correlation from the inverse of the table of all three."""
    inverse = np.linalg.inv(np.array([[1, r, a], [r, 1, b], [a, b, 1.0]]))
    return -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])


ink.right("two factors", _two_factors)
ink.right("from the inverse of a table", _from_the_inverse)
ink.right(
    "by NumPy", lambda r, a, b: np.divide(r - a * b, np.sqrt((1 - a * a) * (1 - b * b)))
)
