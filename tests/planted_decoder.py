"""A decoder that some photos harm; worker processes import it by name, see `planted`."""

import ctypes
import os
import re
import time
from pathlib import Path

from pawsight.data.reading import reader
from pawsight.inference import decode_processes


def decode(request, timeout):
    reader.PROCESSOR_SECONDS = 0.5
    if b"CRASH" in request.data:
        ctypes.string_at(0)
    if b"HANG" in request.data:
        timeout.begin()
        re.match("(a*)*b", "a" * 40)  # for hours, and without letting another thread run
    if b"SLEEP" in request.data:
        reader.CLOCK_SECONDS = 1.0
        timeout.begin()
        time.sleep(600)
    if b"MEMORY" in request.data:
        try:
            bytearray(6 * 2**30)  # none of it touched: only the limit keeps it from being had
        except MemoryError:
            return decode_processes.PhotoError(decode_processes.NO_MEMORY)
    while b"WAIT" in request.data and not Path(os.environ["GO_ON"]).exists():
        time.sleep(0.01)
    return decode_processes.decode_request(request, timeout)
