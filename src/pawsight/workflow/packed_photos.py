"""Pack labelled photos into tar shards, resumable after an interruption."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from dataclasses import dataclass

from pawsight.config import SourceConfig
from pawsight.data.catalog import Catalog
from pawsight.data.file_types import SHARD_INDEX
from pawsight.data.sources.tar_shards.contents import Member, assigned, checksum_of, members_of
from pawsight.data.sources.tar_shards.destinations import Destination, open_destination
from pawsight.data.sources.tar_shards.index import ShardIndex, parse_index
from pawsight.data.sources.tar_shards.writing import write_shard
from pawsight.errors import ConfigError, DataError, DiskError
from pawsight.formatting import counted
from pawsight.notebook import live_in_notebooks
from pawsight.progress import SILENT, Progress
from pawsight.results_folders import check_outside
from pawsight.workflow.photo_sets import Source, list_photos

SHARD_MB = 256


@dataclass(frozen=True, slots=True)
class PackedSet:
    """A packed set of photos.

    Attributes:
        place: The folder or address, without secrets.
        num_photos: The number of photos.
        num_labelled: The number of photos with a label.
        num_shards: The number of tar files.
        num_bytes: The size of all tar files together.
    """

    place: str
    num_photos: int
    num_labelled: int
    num_shards: int
    num_bytes: int


@live_in_notebooks
def pack(
    source: Source,
    into: Source,
    shard_mb: int = SHARD_MB,
    config: SourceConfig | None = None,
    group_by: str | None = None,
    progress: Progress = SILENT,
) -> PackedSet:
    """Pack photos with their labels, parts and groups into tar files with an index.

    Photos are packed as they are, byte for byte, and each shard is a random sample of them.
    The folder or address of the shards can be used wherever a source can. An interrupted call is
    resumed by the same call.

    Args:
        source: As `train` takes it.
        into: A folder, or an address in a cloud store (s3:// gs:// az://), new or empty.
        shard_mb: The size of a full shard in MB, at least 1.
        config: What the folders or the table mean, and which photos are used.
        group_by: The group of a photo, as in `SplitConfig`.
        progress: Receives the progress.

    Raises:
        ConfigError: `shard_mb` is below 1.
        SourceError: There are no photos, or the place cannot be reached.
        DataError: A photo cannot be read.
        DiskError: `into` has other files, or cannot be written.
    """
    if shard_mb < 1:
        raise ConfigError(f"The size of a shard is invalid: {shard_mb} MB; it must be at least 1.")
    check_outside(into, source, "--into")
    destination = open_destination(os.fspath(into))
    names = destination.names()
    catalog = list_photos(source, progress, group_by, config=config)
    members = _checked_members(catalog, progress)
    shard_bytes = shard_mb * 1_000_000
    shards = assigned(members, shard_bytes)
    index = ShardIndex(
        name=catalog.name,
        checksum=checksum_of(members, shard_bytes),
        num_shards=len(shards),
        shards=(),
    )
    index = _resumed(destination, names, index, progress)
    size = sum(member.num_bytes for shard in shards[len(index.shards) :] for member in shard)
    progress.start("Packing", size, "bytes")
    for number in range(len(index.shards), len(shards)):
        name = f"photos-{number:05}.tar"
        with destination.write(name) as path:
            shard = write_shard(path, name, shards[number], progress.advance)
        index = index.model_copy(update={"shards": (*index.shards, shard)})
        _write_index(destination, index)
    num_bytes = sum(shard.num_bytes for shard in index.shards)
    num_labelled = sum(bool(member.lines[0].label) for member in members)
    return PackedSet(destination.name, index.num_photos, num_labelled, index.num_shards, num_bytes)


def _checked_members(catalog: Catalog, progress: Progress) -> list[Member]:
    problems = Counter(photo.problem for photo in catalog.photos if photo.problem)
    for problem, count in problems.most_common():
        progress.note(f"Left out {counted(count, 'photo')}: {problem}.")
    members = members_of(catalog)
    if not members:
        raise DataError(f"No photo of {catalog.name} can be packed: all are left out.")
    return members


def _resumed(
    destination: Destination, names: list[str], index: ShardIndex, progress: Progress
) -> ShardIndex:
    """Return the index of an interrupted call for the same photos; write a new index if none."""
    if SHARD_INDEX not in names:
        if others := [name for name in names if not name.startswith(".")]:
            raise DiskError(
                f"{destination.name} is not empty: it holds {others[0]}, and pawsight never "
                f"overwrites anything.\nChoose another place."
            )
        _write_index(destination, index)
        return index
    earlier = parse_index(destination.read(SHARD_INDEX), f"{destination.name}/{SHARD_INDEX}")
    if earlier.checksum != index.checksum:
        raise DiskError(
            f"{destination.name} holds shards of other photos, labels or sizes, and pawsight "
            f"never overwrites anything.\nChoose another place, or remove these first."
        )
    # A shard that was removed meanwhile is written again, with all shards after it.
    kept = tuple(itertools.takewhile(lambda shard: shard.file in names, earlier.shards))
    if kept:
        progress.note(f"{len(kept)} of {earlier.num_shards} shards are there already.")
    return earlier.model_copy(update={"shards": kept})


def _write_index(destination: Destination, index: ShardIndex) -> None:
    with destination.write(SHARD_INDEX) as path:
        path.write_bytes(index.to_bytes())
