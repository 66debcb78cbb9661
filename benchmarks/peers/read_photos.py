"""Read and compare photos as `pawsight train` does first, so that its minutes begin with training.

python read_photos.py FOLDER MODEL
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "time_to_accuracy"))

from contestants import ingest

if __name__ == "__main__":
    ingest(Path(sys.argv[1]), sys.argv[2])
