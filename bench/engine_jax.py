"""The grid job in JAX, the rival of the ensemble engine: jit(scan(vmap)), one chunk per seed, two
threads.

JAX is needed by this benchmark only.
"""

from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def loss(parameters, x, y, p, key):
    """Mean cross entropy of one network with dropout p; the key is shared by all, so that the noise
    is.
    """
    weight1, bias1, weight2, bias2 = parameters
    h = jax.nn.relu(x @ weight1.T + bias1)
    h = jnp.where(jax.random.uniform(key, h.shape) >= p, h / (1 - p), 0.0)
    log_p = jax.nn.log_softmax(h @ weight2.T + bias2)
    return -jnp.take_along_axis(log_p, y[:, None], 1).mean()


def adamw(param, grad, m, v, t, lr, weight_decay):
    m = BETA1 * m + (1 - BETA1) * grad
    v = BETA2 * v + (1 - BETA2) * grad * grad
    step = m / (1 - BETA1**t) / (jnp.sqrt(v / (1 - BETA2**t)) + EPS)
    return param * (1 - lr * weight_decay) - lr * step, m, v


def step(parameters, ms, vs, t, x, y, lr, weight_decay, p, key):
    grads = jax.grad(loss)(parameters, x, y, p, key)
    return zip(
        *(adamw(*tensors, t, lr, weight_decay) for tensors in zip(parameters, grads, ms, vs))
    )


def vectorized_step(*arguments):
    return jax.vmap(
        lambda *a: tuple(map(list, step(*a))), in_axes=(0, 0, 0, None, None, None, 0, 0, 0, None)
    )(*arguments)


@jax.jit
def train(parameters, lr, weight_decay, p, x, y, batches, key):
    """All settings of one seed. parameters: tensors [V, …]; batches [steps, rows]: row numbers."""

    def body(carry, t):
        rows = batches[t]
        arguments = (t + 1.0, x[rows], y[rows], lr, weight_decay, p, jax.random.fold_in(key, t))
        return vectorized_step(*carry, *arguments), None

    zeros = [jnp.zeros_like(tensor) for tensor in parameters]
    (parameters, _, _), _ = jax.lax.scan(body, (parameters, zeros, zeros), jnp.arange(len(batches)))
    return parameters


def one_seed(inputs):
    """Train from numpy arrays, and wait for the result."""
    *arrays, seed = inputs
    return jax.block_until_ready(
        train(*jax.tree.map(jnp.asarray, arrays), jax.random.PRNGKey(seed))
    )


def all_seeds(inputs, threads):
    """The whole job: a chunk per seed, over threads."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one_seed, inputs))


def inputs_for(seed, start, grid, split, batches):
    """What `one_seed` takes, from torch tensors: the parameters of one network, columns of the
    grid, data, batches.
    """
    columns = [np.asarray(grid[name], np.float32) for name in ("lr", "weight_decay", "dropout")]
    parameters = [np.repeat(tensor.numpy()[None], len(columns[0]), 0) for tensor in start]
    return [
        parameters,
        *columns,
        split.train_x.numpy(),
        split.train_y.numpy(),
        batches.numpy(),
        seed,
    ]


def forget():
    """Back to a cold start: the next call compiles again."""
    jax.clear_caches()
