"""Soft targets of teachers, for the checks of the chapter *Hard and soft targets*."""

import torch

P = torch.tensor(
    [
        [0.70, 0.20, 0.06, 0.04, 0.0],
        [0.02, 0.08, 0.3, 0.59, 0.01],
        [0.1, 0.5, 0.15, 0.2, 0.05],
    ],
    dtype=torch.float64,
)
"""Three images, five classes."""

MORE = torch.tensor(
    [
        [0.05, 0.15, 0.1, 0.3, 0.4],
        [0.45, 0.03, 0.22, 0.25, 0.05],
        [0.09, 0.31, 0.34, 0.16, 0.1],
        [0.21, 0.12, 0.08, 0.02, 0.57],
    ],
    dtype=torch.float64,
)
"""Four images, in other orders."""
