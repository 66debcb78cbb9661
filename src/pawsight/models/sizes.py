"""The networks' own image sizes, known without TensorFlow.

Ingest needs the size before training starts TensorFlow, which takes seconds.
"""

from __future__ import annotations

IMAGE_SIZES: dict[str, tuple[int, int]] = {  # (height, width) in pixels
    "swift": (128, 128),
    "colab": (150, 150),
}
