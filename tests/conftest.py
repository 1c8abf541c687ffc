import pytest
import torch

from kdteach import data


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits():
    return data.load("digits", dtype=torch.float64)
