"""How many BLAS threads a linear head is fitted with, on a free machine and on a busy one.

    python benchmarks/few_photos/threads.py

Fits scikit-learn's logistic regression to drawn features of 5 classes, [N, 1280], with one thread
and with all, 5 times each, beside as many busy processes as there are cores, or none. Prints
seconds, and seconds of processor time, of a fit.
"""

import multiprocessing
import os
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import machine

REPEATS = 5


def main() -> None:
    print(machine.describe())
    print(
        "| busy processes | rows | threads | seconds | processor seconds |\n|---|---|---|---|---|"
    )
    for num_busy in (0, os.cpu_count() or 1):
        others = [multiprocessing.Process(target=work, daemon=True) for _ in range(num_busy)]
        for process in others:
            process.start()
        for num_rows in (350, 1000, 4000, 16_000):
            for threads in (1, None):
                wall, processor = seconds_of_a_fit(num_rows, threads)
                row = num_busy, num_rows, threads or "all", f"{wall:.3f}", f"{processor:.3f}"
                print(f"| {' | '.join(map(str, row))} |", flush=True)
        for process in others:
            process.terminate()


def seconds_of_a_fit(num_rows: int, threads: int | None) -> tuple[float, float]:
    random = np.random.default_rng(0)
    labels = random.integers(0, 5, num_rows)
    centres = 0.3 * random.normal(size=(5, 1280))
    rows = (random.normal(size=(num_rows, 1280)) + centres[labels]).astype(np.float32)
    model = LogisticRegression(C=1 / (0.3 * num_rows), max_iter=300, tol=1e-3)
    with threadpool_limits(threads):
        model.fit(rows, labels)
        began, used = time.perf_counter(), time.process_time()
        for _ in range(REPEATS):
            model.fit(rows, labels)
    return tuple(
        (now - then) / REPEATS
        for now, then in ((time.perf_counter(), began), (time.process_time(), used))
    )


def work() -> None:
    while True:
        sum(range(10_000))


if __name__ == "__main__":
    main()
