"""All students of the sweep in one jitted JAX program: vmap over students, scan over steps.

Run with the peers' environment: ``python students_jax.py FILE.npz``. The file holds images,
labels, teacher logits, initial weights and the order of every epoch, so that this program
computes what ``fit_many`` computes. Prints seconds, without the compilation, and the loss
of each student in the last epoch.
"""

import json
import os
import sys
import time

if hasattr(os, "sched_setaffinity"):  # one core, as for the other
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def loss_of(weights, images, labels, teacher, temperature, alpha):
    """The loss of one student on one batch."""
    w1, b1, w2, b2 = weights
    logits = jax.nn.relu(images @ w1 + b1) @ w2 + b2
    log_p = jax.nn.log_softmax(teacher / temperature)
    log_q = jax.nn.log_softmax(logits / temperature)
    soft = temperature**2 * (jnp.exp(log_p) * (log_p - log_q)).sum(1).mean()
    hard = -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1).mean()
    return alpha * soft + (1 - alpha) * hard


def main() -> None:
    """Train, and print what came of it."""
    with np.load(sys.argv[1]) as file:
        given = {name: jnp.asarray(file[name]) for name in file.files}
    images, labels, teacher = (given[n] for n in ("images", "labels", "teacher"))
    weights = tuple(given[n] for n in ("w1", "b1", "w2", "b2"))
    batch, rate = int(given["batch"]), float(given["rate"])
    order = given["order"]  # (epochs, S, n)
    _, students, n = order.shape
    whole, rest = divmod(n, batch)

    def step(state, rows):
        """One step of all students; rows (S, B)."""
        weights, mean, square, count = state
        count = count + 1
        losses, slopes = jax.vmap(jax.value_and_grad(loss_of))(
            weights, images[rows], labels[rows], teacher[rows],
            given["temperature"], given["alpha"],
        )  # fmt: skip
        mean = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, mean, slopes)
        square = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, square, slopes)
        first, second = 1 - BETA1**count, 1 - BETA2**count
        weights = jax.tree.map(
            lambda w, m, v: (
                w - rate * (m / first) / (jnp.sqrt(v / second) + EPSILON)
            ),
            weights, mean, square,
        )  # fmt: skip
        return (weights, mean, square, count), losses

    def epoch(state, order):
        rows = order[:, : whole * batch].reshape(students, whole, batch).swapaxes(0, 1)
        state, losses = lax.scan(step, state, rows)
        total = losses.sum(0) * batch
        if rest:
            state, last = step(state, order[:, whole * batch :])
            total = total + last * rest
        return state, total / n

    def train(weights, order):
        zeros = jax.tree.map(jnp.zeros_like, weights)
        state = (weights, zeros, zeros, jnp.zeros(()))
        return lax.scan(epoch, state, order)

    program = jax.jit(train).lower(weights, order).compile()
    start, cpu = time.perf_counter(), time.process_time()
    _, losses = jax.block_until_ready(program(weights, order))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({
        "seconds": seconds, "cpu": cpu, "losses": np.asarray(losses[-1]).tolist()
    }))  # fmt: skip


if __name__ == "__main__":
    main()
