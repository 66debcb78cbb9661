"""Photos that need no source: the drawn sample, and well-known sets."""

from __future__ import annotations

from pathlib import Path

from pawsight.data.sources import known, sample
from pawsight.errors import ConfigError
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.workflow.photo_sets import Source


@live_in_notebooks
def draw_sample(
    folder: Source, count: int = 1200, seed: int = 0, progress: Progress = SILENT
) -> Path:
    """Draw `count` sample photos, in cats/ and dogs/, into a new or empty folder, and return it."""
    return sample.draw_sample(Path(folder), count, seed, progress=progress)


@live_in_notebooks
def fetch_set(name: str, into: Source | None = None, progress: Progress = SILENT) -> Path:
    """Fetch a well-known set, unless it is in the cache.

    Args:
        name: A name of `known_sets`, such as "cats-vs-dogs".
        into: A new or empty folder to copy the photos to; None leaves them in the cache.
        progress: Receives its size and licence before anything is fetched.

    Returns:
        The folder of the photos.

    Raises:
        ConfigError: There is no such set.
        SourceError: The set cannot be fetched, or the folder is not empty.
        DiskError: The folder cannot be written, or the disk is too full.
    """
    known_set = known.find(name)
    if known_set is None:
        names = ", ".join(known_set.name for known_set in known.known_sets())
        raise ConfigError(f"There is no well-known set '{name}'.\nThere are: {names}")
    if into is None:
        return known.fetch(known_set, progress).root
    return known.copy_into(known_set, Path(into).expanduser(), progress)
