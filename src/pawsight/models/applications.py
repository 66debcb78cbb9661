"""The networks of keras.applications: what must be known of them before TensorFlow starts.

applications.csv holds names, image sizes, how pixels are scaled, and where the
weights lie that ImageNet gave them, without the last layer. Source:
keras/src/applications of Keras 3.15; a test compares the table with the Keras
that is installed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# What a network wants of pixels from 0 to 255. "none": them as they are, since it scales them
# itself; "tf": -1 to 1; "torch": 0 to 1, less ImageNet's mean, over its deviation; "caffe": BGR,
# less ImageNet's mean.
Scaling = Literal["none", "tf", "torch", "caffe"]

ORIGIN = "https://storage.googleapis.com/"


@dataclass(frozen=True, slots=True)
class Application:
    """A network of keras.applications.

    Attributes:
        class_name: Its name there, such as "MobileNetV2".
        side: Height and width in pixels that its weights were trained on.
        min_side: The least it takes.
        scaling: What it wants of pixels.
        place: Where its weights lie, below `ORIGIN`.
        checksum: MD5 (32 digits) or SHA-256 (64) of that file; "" where Keras states none.
    """

    class_name: str
    side: int
    min_side: int
    scaling: Scaling
    place: str
    checksum: str

    @property
    def name(self) -> str:
        """What pawsight calls it: in small letters."""
        return self.class_name.lower()

    @property
    def file_name(self) -> str:
        """The name of the file of its weights."""
        return self.place.rpartition("/")[2]


def plain(name: str) -> str:
    """A network's name as pawsight writes it: "EfficientNet-V2-B0" is "efficientnetv2b0"."""
    return name.lower().replace("-", "").replace("_", "")


def application(name: str) -> Application | None:
    """Find a network by its name, however it is written; None if there is none."""
    return APPLICATIONS.get(plain(name))


def _read_table() -> dict[str, Application]:
    with Path(__file__).with_name("applications.csv").open(encoding="utf-8", newline="") as file:
        found = [
            Application(
                class_name=row["class_name"],
                side=int(row["side"]),
                min_side=int(row["min_side"]),
                scaling=row["scaling"],  # type: ignore[arg-type]
                place=row["place"],
                checksum=row["checksum"],
            )
            for row in csv.DictReader(file)
        ]
    return {one.name: one for one in found}


APPLICATIONS = _read_table()
