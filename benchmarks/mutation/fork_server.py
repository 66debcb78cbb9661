"""Run pytest many times without importing TensorFlow many times.

Started as a process of its own. Reads a line of JSON per run from standard
input: folder, arguments, environment, output file, log and seconds. Each run is a
fork of this process, which has imported the libraries but nothing of pawsight;
its exit status, or "timeout", is written to standard output as a line. A run is
ended where nothing was written to its log for `seconds`: a test does not end.
"""

import contextlib
import importlib.metadata
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

# What takes long to import; nothing that starts threads.
LIBRARIES = (
    *("fastapi", "h5py", "httpx", "hypothesis", "jinja2", "keras", "matplotlib.figure", "onnx"),
    *("onnxruntime", "PIL.Image", "pillow_heif", "pydantic", "pytest", "requests", "rich.progress"),
    *("scipy.stats", "sklearn.linear_model", "tensorflow", "tf2onnx", "tifffile", "typer.testing"),
    *("uvicorn",),
)


def main() -> None:
    """Serve until standard input ends."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for plugin in importlib.metadata.entry_points(group="pytest11"):
        plugin.load()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            _run(request)
        print(_waited(child, request["log"], request["seconds"]), flush=True)


def _run(request: dict) -> None:
    status = 3
    try:
        os.setsid()
        output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.chdir(request["folder"])
        os.environ.update(request["environment"])
        sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in request["environment"]
        sys.path[:0] = request["environment"]["PYTHONPATH"].split(os.pathsep)
        import pytest

        status = int(pytest.main(request["arguments"]))
    except BaseException:  # noqa: BLE001 - this process ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _waited(child: int, log: str, seconds: float) -> str:
    begun = time.time()
    while time.time() - max(begun, _written(log)) < seconds:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            _end_group(child)
            return str(os.waitstatus_to_exitcode(status))
        time.sleep(0.1)
    _end_group(child)
    os.waitpid(child, 0)
    return "timeout"


def _written(log: str) -> float:
    """Return when a file was last written; 0 where it is not there yet."""
    try:
        return Path(log).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _end_group(child: int) -> None:
    """End what the run left behind as well, such as a server that a test started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
