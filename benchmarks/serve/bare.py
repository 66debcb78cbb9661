"""Decode and model in one process, without HTTP: prints photos a second.

python benchmarks/serve/bare.py PHOTO MODEL SECONDS
"""

import itertools
import sys
import time
from pathlib import Path

import pawsight
from pawsight.machine import keep_memory


def main() -> None:
    data, model, seconds = Path(sys.argv[1]).read_bytes(), sys.argv[2], float(sys.argv[3])
    keep_memory()  # as `pawsight predict` and the service do
    classifier = pawsight.load(model or None)
    classifier.predict([data] * 16)
    count, start = 0, time.perf_counter()
    for _ in classifier.predict_iter(itertools.repeat(data)):
        count += 1
        if time.perf_counter() - start > seconds:
            break
    print(count / (time.perf_counter() - start))


if __name__ == "__main__":
    main()
