"""Write the difference hashes of the photos that the shipped model was made with.

    python builtin/training_photos.py cats-vs-dogs.zip

A report compares the photos of a run with them: a score on photos that the network was made with
says less about new ones.
"""

from __future__ import annotations

import argparse

import numpy as np

from pawsight.data.catalog import Catalog
from pawsight.data.duplicates.near_duplicates import BLANK_CONTRAST
from pawsight.data.reading.ingest import ingest
from pawsight.models import builtin


def main() -> None:
    """Write the hashes into the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", help="cats-vs-dogs.zip, with parts train/ and validation/")
    catalog, _ = ingest(
        parser.parse_args().photos, (32, 32)
    )  # the smallest: only the facts are needed
    found = hashes(catalog)
    np.save(builtin.training_photos_path(), found)
    print(f"{len(found):,} hashes of {len(catalog.part('train')):,} photos.")


def hashes(catalog: Catalog) -> np.ndarray:
    """Return the hashes of the train part, uint64 [N], ascending, each once.

    Blank photos are left out: their hashes are chance.
    """
    photos = [catalog.photos[i] for i in catalog.part("train")]
    return np.unique(
        np.array([int(p.phash, 16) for p in photos if p.contrast >= BLANK_CONTRAST], np.uint64)
    )


if __name__ == "__main__":
    main()
