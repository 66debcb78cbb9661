"""Photos that pawsight draws itself, or fetches from where a well-known set is published."""

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
    """Draw the built-in sample, cats/ and dogs/, into a folder; returns the folder."""
    return sample.draw_sample(Path(folder), count, seed, progress=progress)


@live_in_notebooks
def fetch_set(name: str, into: Source | None = None, progress: Progress = SILENT) -> Path:
    """Fetch a well-known set, unless it is there.

    Args:
        name: One of `known_sets`, such as "cats-vs-dogs".
        into: A new or empty folder; None leaves it in the cache.
        progress: Receives its size and licence before anything is fetched.

    Returns:
        The folder that its photos are in.

    Raises:
        ConfigError: There is no such set.
        SourceError: It cannot be fetched, or the folder holds something already.
        DiskError: It cannot be written, or the disk is too full.
    """
    found = known.find(name)
    if found is None:
        names = ", ".join(one.name for one in known.known_sets())
        raise ConfigError(f"There is no well-known set '{name}'.\nThere are: {names}")
    if into is None:
        return known.fetch(found, progress).root
    return known.copy_into(found, Path(into).expanduser(), progress)
