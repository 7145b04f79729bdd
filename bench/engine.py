"""The ensemble engine against its rivals, in one run: `python -m bench.engine`.

The grid job: digits (1000 training rows), MLP 64-128-10, ReLU, dropout, batches of 64, 300 steps of
AdamW; 24 settings (learning rate, weight decay, dropout) × 8 seeds = 192 models. Rivals take turns,
and a ratio is the median over the rounds of the ratio within a round. Times are wall times; where
other work keeps the cores busy, that is unfair to whoever wants two of them, so processor times are
compared too.
"""

import importlib.util
import os
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

from bench import layers, report
from course_lib.adamw import AdamW
from course_lib.base.random import seeded
from course_lib.data import digits, noisy_sine
from course_lib.engine import ModelSpec, train, training
from course_lib.engine.rows import batches_of
from course_lib.sgd import SGD

SETTINGS, SEEDS, STEPS, BATCH, WORKERS = 24, 8, 300, 64, 2
MODELS = SETTINGS * SEEDS
PLAIN_MODELS = 3  # the plain loop trains so many, and is multiplied
ROUNDS = 5
SPEC = ModelSpec((64, 128, 10))


def grid(settings=SETTINGS):
    """Learning rates 1e-4 … 1e-2, decays 0 … 1, dropout 0 … 0.6, all rising together."""
    return {
        "lr": torch.logspace(-4, -2, settings).tolist(),
        "weight_decay": torch.linspace(0, 1, settings).tolist(),
        "dropout": torch.linspace(0, 0.6, settings).tolist(),
    }


def seconds(work):
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def processor_seconds(work):
    """Time that all threads spent computing, in one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


# the grid job


def engine(split):
    """Seconds until all 192 models are trained and measured, and until the first curve (24
    settings) is whole.
    """
    start, first = time.perf_counter(), None
    for result in train(
        SPEC, split, grid(), range(SEEDS), steps=STEPS, batch_size=BATCH, workers=WORKERS
    ):
        if first is None and any(parameters is not None for parameters in result.parameters):
            first = time.perf_counter() - start
    return time.perf_counter() - start, first


def plain_loop(split, models):
    """What every tutorial does: one model after the other, autograd, torch's fused AdamW, one
    thread.
    """
    for i in range(0, SETTINGS, SETTINGS // models):
        setting = {name: column[i] for name, column in grid().items()}
        model = SPEC.build(setting["dropout"])
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=setting["lr"], weight_decay=setting["weight_decay"], fused=True
        )
        batches = batches_of(split.train_x, split.train_y, BATCH, seeded(0, "batches"))
        for _ in range(STEPS):
            x, y = next(batches)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():  # as the engine does: loss and accuracy on all rows, once trained
            for x, y in ((split.train_x, split.train_y), (split.test_x, split.test_y)):
                z = model(x)
                nn.functional.cross_entropy(z, y), (z.argmax(1) == y).float().mean()


def jax_inputs(split):
    """Per seed, what the rival needs; same initial weights and batches as ours."""
    from bench import engine_jax

    def batches(seed):
        numbers = torch.arange(len(split.train_x))
        order = batches_of(numbers, numbers, BATCH, seeded(seed, "batches"))
        return torch.stack([next(order)[0] for _ in range(STEPS)])

    return [
        engine_jax.inputs_for(seed, SPEC.initial(seed), grid(), split, batches(seed))
        for seed in range(SEEDS)
    ]


def floor_seconds():
    """Time of the job's matrix products alone, at the speed this machine multiplies [3072, 64] by
    [64, 64].
    """
    a, b = torch.randn(SETTINGS * 128, 64), torch.randn(64, 64)
    best = min(seconds(lambda: [a @ b for _ in range(100)]) for _ in range(20)) / 100
    speed = 2 * a.shape[0] * 64 * 64 / best
    first, *later = (n * m for n, m in zip(SPEC.widths, SPEC.widths[1:]))
    products = 2 * first + 3 * sum(later)  # forward and ∂W everywhere, ∂a but for the first layer
    return MODELS * STEPS * 2 * BATCH * products / (WORKERS * speed), speed


def compare_grid_job():
    split = digits()
    has_jax = importlib.util.find_spec("jax") is not None
    names = (
        "engine",
        "first curve",
        "plain",
        "jax",
        "jax cold, first curve",
        "floor",
        "engine cpu",
        "plain cpu",
    )
    times = {name: [] for name in names}
    inputs = jax_inputs(split) if has_jax else None
    engine(split)  # the first run of all pays for what is imported and allocated once
    for _ in range(ROUNDS):
        whole, first = engine(split)
        times["engine"].append(whole)
        times["engine cpu"].append(processor_seconds(lambda: engine(split)))
        times["plain cpu"].append(processor_seconds(lambda: plain_loop(split, 1)) * MODELS)
        times["first curve"].append(first)
        times["plain"].append(
            seconds(lambda: plain_loop(split, PLAIN_MODELS)) * MODELS / PLAIN_MODELS
        )
        floor, speed = floor_seconds()
        times["floor"].append(floor)
        if has_jax:
            from bench import engine_jax

            engine_jax.forget()
            times["jax cold, first curve"].append(seconds(lambda: engine_jax.one_seed(inputs[0])))
            times["jax"].append(seconds(lambda: engine_jax.all_seeds(inputs, WORKERS)))
    report_grid_job(times, speed, has_jax)
    seconds_of = {name: report.spread(values) for name, values in times.items() if values}
    pairs = [("plain", "engine"), ("plain cpu", "engine cpu"), ("floor", "engine")]
    if has_jax:
        pairs += [("jax", "engine"), ("jax cold, first curve", "first curve")]
    quotients = {
        f"{slower} / {faster}": report.spread([a / b for a, b in zip(times[slower], times[faster])])
        for slower, faster in pairs
    }
    return {"models": MODELS, "rounds": ROUNDS, "seconds": seconds_of, "ratios": quotients}


def ratio(times, slower, faster):
    return statistics.median(a / b for a, b in zip(times[slower], times[faster]))


def report_grid_job(times, speed, has_jax):
    def time_of(name, label, note=""):
        print(f"  {label:57} {statistics.median(times[name]):8.2f} s   {note}".rstrip())

    def compare(slower, faster, label, note, scale=1, unit="×"):
        print(f"  {label:30} {scale * ratio(times, slower, faster):6.2f} {unit}   ({note})")

    print(f"Grid job: {SETTINGS} settings × {SEEDS} seeds × {STEPS} steps, {WORKERS} workers")
    print(f"Medians of {ROUNDS} rounds")
    time_of("engine", f"engine, all {MODELS} models, losses and accuracies at the end")
    time_of("first curve", f"first full curve ({SETTINGS} settings, 1 seed)", "(≤ 0.8)")
    note = f"extrapolated: {PLAIN_MODELS} models measured, × {MODELS // PLAIN_MODELS}"
    time_of("plain", "plain loop, fused AdamW, 1 thread", note)
    time_of("floor", f"matrix products alone, {speed / 1e9:.0f} GF/s × {WORKERS}")
    if has_jax:
        time_of("jax", f"JAX, a chunk per seed over {WORKERS} threads, compiled before")
        time_of("jax cold, first curve", "JAX, cold (compiling), first full curve")
    compare("plain", "engine", "plain / engine", "≥ 10, goal 16")
    compare("plain cpu", "engine cpu", "the same in processor time", "per core")
    compare("floor", "engine", "share of the floor", "goal 60", 100, "%")
    if has_jax:
        compare("jax", "engine", "JAX / engine, warm", "goal 1.0")
        compare("jax cold, first curve", "first curve", "JAX / engine, cold, one curve", "goal 3")
    else:
        print("  JAX is not installed: no comparison (pip install jax)")


# many seeds of a small model


def curve(seed):
    """30 rows of a noisy sine, of its own for each seed."""
    return noisy_sine(30, seed=seed)


def train_curves(seeds):
    how = {"steps": 500, "batch_size": 30, "workers": WORKERS}
    list(
        train(ModelSpec((1, 32, 1), "regression", "tanh"), curve, {"lr": 0.01}, range(seeds), **how)
    )


def compare_seeds(seeds=200):
    """A band over many data sets: seeds joined in one program over seeds one by one (no two fit the
    cache).
    """
    times, cache = {"joined": [], "one by one": []}, training.CHUNK
    try:
        for _ in range(2):
            for name, fits in (("joined", cache), ("one by one", 0)):
                training.CHUNK = fits
                times[name].append(processor_seconds(lambda: train_curves(seeds)))
    finally:
        training.CHUNK = cache
    print(f"{seeds} seeds of a 1-32-1 network, 30 rows each, 500 steps, processor time")
    print(
        f"  joined {min(times['joined']):.2f} s, one by one {min(times['one by one']):.2f} s:"
        f" {ratio(times, 'one by one', 'joined'):5.1f} ×"
    )
    return {name: report.spread(values) for name, values in times.items()}


# growth


def growth():
    """Exponents of cost: slope of log time over the log of how much there is; processor time of one
    worker, so that others on the machine count less. Then memory.
    """
    split = digits()

    def job(settings=24, seeds=1, steps=15, width=128):
        how = {"steps": steps, "batch_size": BATCH, "workers": 1, "keep_parameters": False}
        spec = ModelSpec((64, width, 10))
        return lambda: list(train(spec, split, grid(settings), range(seeds), **how))

    sizes = (24, 96, 384, 960)
    axes = {  # axis → (how much, its jobs)
        "models, by settings": (sizes, [job(settings=models) for models in sizes]),
        "models, by seeds": (sizes, [job(seeds=models // 24) for models in sizes]),
        "steps": ((30, 120, 480), [job(steps=steps) for steps in (30, 120, 480)]),
        "weights, by width": (
            [75 * width + 10 for width in (64, 128, 256, 512)],
            [job(width=width, steps=30) for width in (64, 128, 256, 512)],
        ),
    }
    exponents = {}
    for axis, (amounts, jobs) in axes.items():
        times = [statistics.median(processor_seconds(work) for _ in range(3)) for work in jobs]
        exponent = exponents[axis] = slope(amounts, times)
        print(f"  {axis:20} {amounts[0]} → {amounts[-1]}: exponent {exponent:.2f}   (≤ 1.05)")
    return exponents | {"memory": memory_growth()}


MEMORY = """
import resource
from bench.engine import BATCH, ModelSpec, digits, grid, train
unit = 1 if __import__("sys").platform == "darwin" else 1024
split, peaks = digits(), []
for models in (24, {models}):
    how = dict(steps=15, batch_size=BATCH, workers=1, keep_parameters=False)
    for _ in train(ModelSpec((64, 128, 10)), split, grid(models), [0], **how):
        pass
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)
print(peaks[1] - peaks[0])
"""


def memory_growth(models=10_000):
    """MiB that so many models take beyond those of 24, at the highest: they come in chunks."""
    code = MEMORY.format(models=models)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    more = float(done.stdout)
    print(f"  memory of {models} models: {more:.0f} MiB more than of 24, at the highest")
    return {"models": models, "MiB beyond 24 models": more}


def slope(sizes, times):
    x, y = torch.tensor(sizes).double().log(), torch.tensor(times).double().log()
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())


# one optimizer step


def compare_steps():
    """`step()` of our classes over torch's with one loop over tensors (no foreach, not fused)."""
    grid_job = [p.shape for p in SPEC.initial(0)]
    deep = [shape for _ in range(32) for shape in ((64, 64), (64,))] + [(10, 64)]
    pairs = (
        ("AdamW", AdamW, torch.optim.AdamW, {}),
        ("SGD, momentum", SGD, torch.optim.SGD, {"momentum": 0.9}),
    )
    quotients = {}
    for name, ours, theirs, options in pairs:
        for shapes in (grid_job, deep):
            rivals = (
                stepper(ours, shapes, options),
                stepper(theirs, shapes, options | {"foreach": False}),
            )
            mine, torchs, quotient = microseconds(*rivals)
            quotients[f"{name}, {len(shapes)} tensors"] = quotient
            times = f"{mine:7.0f} µs, torch {torchs:7.0f} µs"
            print(f"  {name:14} {len(shapes):3} tensors {times}: {quotient:5.2f} ×   (goal ≤ 1.15)")
    return quotients


def stepper(optimizer_class, shapes, options):
    """A function that makes one step, on parameters and gradients of the given shapes."""
    generator = torch.Generator().manual_seed(0)
    params = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
    for param in params:
        param.grad = torch.randn(param.shape, generator=generator)
    return optimizer_class(params, lr=1e-3, **options).step


def microseconds(ours, theirs, calls=20, rounds=31):
    """Medians per call, and the median of the quotient, rivals taking turns."""

    def per_call(step):
        return seconds(lambda: [step() for _ in range(calls)]) / calls * 1e6

    mine, torchs = zip(*((per_call(ours), per_call(theirs)) for _ in range(rounds)))
    quotient = statistics.median(a / b for a, b in zip(mine, torchs))
    return statistics.median(mine), statistics.median(torchs), quotient


def main():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    load = (
        f", load {os.getloadavg()[0]:.1f} (above 0.5: figures suffer)"
        if hasattr(os, "getloadavg")
        else ""
    )
    print(f"torch {torch.__version__}, {os.cpu_count()} cores{load}")
    figures = {"grid job": compare_grid_job(), "seeds": compare_seeds()}
    print("Cost growth")
    figures["growth"] = growth()
    print("One optimizer step, ours over torch's single-tensor loop")
    figures["optimizer step"] = compare_steps()
    figures["backward"] = layers.main()
    report.save(figures)
    report.draw()
    print(f"All of it: {report.JSON}; a picture: {report.PICTURE}")
    torch.set_num_threads(threads)


if __name__ == "__main__":
    main()
