"""Trials in children of one process: the packages are imported once, and each child is killed."""

import contextlib
import ctypes
import json
import os
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pawsight.errors import PawsightError

_LIMIT_SECONDS = 1800.0  # of a machine that others use too
REFUSED = 3  # exit code of a child that ended with an error for people


def import_everything() -> None:
    """Import what the tasks use, before the first child; no thread may be started by it."""
    import keras  # noqa: F401
    import matplotlib.backends.backend_agg  # noqa: F401
    import onnx  # noqa: F401
    import onnxruntime  # noqa: F401
    import scipy.optimize  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import tensorflow  # noqa: F401

    import pawsight.exporting.bundle
    import pawsight.report.page
    import pawsight.training.session
    import pawsight.training.transfer  # noqa: F401


class Child:
    """A child process in a process group of its own, with a cache in `root`."""

    def __init__(
        self,
        root: Path,
        work: Callable[[], Any],
        counter: Path | None = None,
        log: Path | None = None,
    ) -> None:
        self.answer_path = root.with_name(f"{root.name}.answer")
        self.answer_path.unlink(missing_ok=True)
        self.output_path = root.with_name(f"{root.name}.output")
        self.started = time.monotonic()
        self.process = os.fork()
        if self.process == 0:
            self._run(root, work, counter, log)

    def _run(
        self, root: Path, work: Callable[[], Any], counter: Path | None, log: Path | None
    ) -> None:
        code = 1
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            output = os.open(self.output_path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.environ["PAWSIGHT_CACHE"] = str(root / "cache")
            if counter is not None:
                arm(root, counter, log)
            self.answer_path.write_text(json.dumps(work()))
            code = 0
        except PawsightError as error:
            self.answer_path.write_text(json.dumps(str(error)))
            code = REFUSED
        except BaseException:  # noqa: BLE001 - the parent reads it
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def wait(self, kill_after: float | None = None) -> int:
        """Wait for its end; it is killed, with all that it started, after so many seconds.

        Returns:
            Its exit code; -9 where it was killed.
        """
        limit = _LIMIT_SECONDS if kill_after is None else kill_after
        try:
            while time.monotonic() - self.started < limit:
                done, status = os.waitpid(self.process, os.WNOHANG)
                if done:
                    return os.waitstatus_to_exitcode(status)
                time.sleep(min(0.01, max(0.0, limit - (time.monotonic() - self.started))))
        except BaseException:  # Ctrl-C or SIGTERM, which its process group does not get
            self._kill()
            raise
        self._kill()
        return -signal.SIGKILL

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)

    def answer(self) -> Any:
        """What its work returned, or the end of what it printed."""
        if self.answer_path.is_file():
            return json.loads(self.answer_path.read_text())
        return "\n".join(self.output_path.read_text(errors="replace").splitlines()[-3:])


def arm(root: Path, counter: Path, log: Path | None) -> None:
    """Let the shim number the changes below a folder, here and in processes started from here."""
    names = (str(root), str(counter), str(log or ""))
    os.environ.update(zip(("KILL_ROOT", "KILL_COUNTER", "KILL_LOG"), names, strict=True))
    if ctypes.CDLL(None).kill_shim_arm(*(os.fsencode(name) for name in names)):
        raise OSError("the shim could not be armed")


def new_counter(path: Path, kill_at: int = 0, code: int = 0) -> Path:
    """Write the file that the shim counts in.

    Args:
        path: The file.
        kill_at: The change before which the child is killed; 0 is none.
        code: An `errno`: from that change on all changes fail with it, and nobody is killed.
    """
    path.write_bytes(struct.pack("<QQQ", 0, kill_at, code))
    return path
