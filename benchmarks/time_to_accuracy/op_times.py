"""Where the time of a TensorFlow function goes, by kind of operation, from TensorFlow's profiler.

Operations may run at the same time; a moment is shared out evenly among those
that run in it, so that the times of all kinds and of "nothing runs" add up to
the time by the clock.
"""

import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

# The profiler names what an operation does "path/of/its/name:Type".
_OPERATION = re.compile(r"^[^:\s]+:([A-Za-z_]\w*)$")
_PICOSECONDS = 1e-12
# The first kind whose pattern is found in an operation's type; oneDNN's begin with _Mkl.
_KINDS = (
    ("convolutions", "Conv2D|Depthwise"),
    ("matrix products", "MatMul|Einsum"),
    ("batch normalisation", "BatchNorm"),
    ("pooling", "Pool"),
    ("update of the weights", "^ResourceApply|^Assign|Optimizer"),
    ("casts between formats", "Cast"),
    ("activations and sums", "Relu|^Add|Swish|Silu|Sigmoid|Gelu"),
)
_OTHER, _NOTHING = "everything else", "nothing runs"
# These contain other operations, whose times are counted by themselves.
_CONTAINERS = re.compile("PartitionedCall|^While|^If$|Iterator")

# (from, to, type of the operation), in seconds
Interval = tuple[float, float, str]


def op_times(work: Callable[[], object], num_calls: int) -> tuple[float, dict[str, float]]:
    """Call something under the profiler.

    Args:
        work: It must wait for its results. Called once before, to compile.
        num_calls: How often it is profiled, at least 1.

    Returns:
        Seconds by the clock of one call, and of those the seconds of each kind
        of operation, the largest first.
    """
    work()
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        try:
            started = time.perf_counter()
            for _ in range(num_calls):
                work()
            seconds = time.perf_counter() - started
        finally:
            tf.profiler.experimental.stop()
        shared = share_out(read_intervals(Path(folder)))
    kinds: dict[str, float] = defaultdict(float)
    for op_type, share in shared.items():
        kinds[kind_of(op_type)] += share / num_calls
    kinds[_NOTHING] = max(0.0, seconds / num_calls - sum(kinds.values()))
    return seconds / num_calls, dict(sorted(kinds.items(), key=lambda item: -item[1]))


def read_intervals(folder: Path) -> list[Interval]:
    """Every run of an operation that the profiler saw."""
    found = []
    for path in folder.rglob("*.xplane.pb"):
        space = xplane_pb2.XSpace()
        space.ParseFromString(path.read_bytes())
        for plane in space.planes:
            names = {number: one.name for number, one in plane.event_metadata.items()}
            for line in plane.lines:
                begin = line.timestamp_ns * 1e-9
                for event in line.events:
                    operation = _OPERATION.match(names[event.metadata_id])
                    if operation and not _CONTAINERS.search(operation[1]):
                        start = begin + event.offset_ps * _PICOSECONDS
                        end = start + event.duration_ps * _PICOSECONDS
                        found.append((start, end, operation[1]))
    return found


def share_out(intervals: Iterable[Interval]) -> dict[str, float]:
    """Seconds of each type of operation, a moment shared evenly by all that run in it."""
    moments = []
    for start, end, op_type in intervals:
        moments += [(start, 1, op_type), (end, -1, op_type)]
    running: dict[str, int] = defaultdict(int)
    seconds: dict[str, float] = defaultdict(float)
    before = 0.0
    for moment, change, op_type in sorted(moments):
        num_running = sum(running.values())
        if num_running:
            for name, count in running.items():
                seconds[name] += (moment - before) * count / num_running
        running[op_type] += change
        if not running[op_type]:
            del running[op_type]
        before = moment
    return dict(seconds)


def kind_of(op_type: str) -> str:
    """The kind of an operation, in words."""
    return next((kind for kind, pattern in _KINDS if re.search(pattern, op_type)), _OTHER)
