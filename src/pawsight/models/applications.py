"""The networks of keras.applications.

applications.csv has their names, image sizes, pixel scaling, and the addresses of
their ImageNet weights without the last layer. Source: keras/src/applications of
Keras 3.15; a test compares the table with the installed Keras.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pawsight.errors import ModelError
from pawsight.models.network import Family, PretrainedNetwork, plain
from pawsight.progress import Progress
from pawsight.records import OpenSize
from pawsight.storage.cache import cache_dir, mark_in_use

if TYPE_CHECKING:
    import keras

# How pixels 0..255 are scaled before a network. "none": not at all, since the network does it;
# "tf": to -1..1; "torch": to 0..1, minus ImageNet's mean, divided by its standard deviation;
# "caffe": to BGR, minus ImageNet's mean.
Scaling = Literal["none", "tf", "torch", "caffe"]


@dataclass(frozen=True, kw_only=True)
class Application(PretrainedNetwork):
    """A network of keras.applications."""

    class_name: str  # its name in keras.applications, such as "MobileNetV2"
    scaling: Scaling  # how pixels are scaled
    weights_address: str  # of its weights, relative to `weight_downloads.ORIGIN`
    checksum: str  # MD5 (32 digits) or SHA-256 (64) of that file; "" where Keras states none

    takes_weights: ClassVar[bool] = True

    @property
    def kept_path(self) -> Path:
        """Path in the cache of its ImageNet weights; the file need not exist."""
        return cache_dir("weights") / self.name / self.weights_address.rpartition("/")[2]

    def weights_path(self, weights: str | None, progress: Progress) -> Path:
        """Return the path of its weights, which are downloaded if they are not in the cache."""
        path = Path(weights).expanduser() if weights else self.kept_path
        if not path.is_file():
            if weights:
                raise ModelError(f"There is no weights file {path}.\nGive another with --weights.")
            from pawsight.models.weight_downloads import fetch_file  # here: most runs fetch nothing

            mark_in_use(path.parent)
            fetch_file(self.weights_address, path, self.checksum, self.name, progress)
        return path

    def build_features(self, image_size: OpenSize, policy: keras.DTypePolicy) -> keras.Model:
        """Build the network up to its features: images 0..255 [B, H, W, 3] to float32 [B, F]."""
        from pawsight.models.pretrained import build_features

        return build_features(self, image_size, policy)

    def load_weights(self, model: keras.Model, path: Path) -> None:
        """Load a file of weights into the backbone of a model."""
        from pawsight.models.pretrained import backbone_of
        from pawsight.models.weight_files import load_backbone

        load_backbone(backbone_of(model), path, self.name)


def _read_table() -> dict[str, Application]:
    with Path(__file__).with_name("applications.csv").open(encoding="utf-8", newline="") as file:
        networks = [
            Application(
                name=plain(row["class_name"]),
                summary=f"{row['class_name']} of keras.applications, with ImageNet's weights.",
                image_size=(int(row["side"]), int(row["side"])),
                min_side=int(row["min_side"]),
                class_name=row["class_name"],
                scaling=row["scaling"],  # type: ignore[arg-type]
                weights_address=row["weights_address"],
                checksum=row["checksum"],
            )
            for row in csv.DictReader(file)
        ]
    return {network.name: network for network in networks}


APPLICATIONS = _read_table()
FAMILY = Family(
    "a network of keras.applications, such as mobilenetv2",
    lambda name: APPLICATIONS.get(plain(name)),
    tuple(APPLICATIONS.values()),
)
