"""The known sets: the entries of sets.toml.

Their facts are from public sources, which `origin` names. pawsight does not contain
the archives.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pawsight.records import Part


@dataclass(frozen=True, slots=True)
class SetArchive:
    """One archive of a set."""

    urls: tuple[str, ...]  # URLs of the same file, which are tried in this order
    num_bytes: int
    checksum: str  # MD5 (32 digits) or SHA-256 (64 digits), "" if no source states it
    part: Part | Literal[""] = ""  # the part of all its photos, or ""

    @property
    def file_name(self) -> str:
        """The name of the archive, from its first URL."""
        return urlsplit(self.urls[0]).path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class KnownSet:
    """A well-known set of photos.

    Attributes:
        name: The name in pawsight, such as "cats-vs-dogs".
        title: What the photos show.
        licence: What the photos may be used for, as far as a source states it.
        page: The URL of a description.
        num_photos: The number of photos, including broken photos.
        num_classes: The number of classes.
        archives: The archives to fetch.
        labels: "folders", or "names": the class is the name of a photo up to the last "_".
        class_names: New names of folders, by their names in the archive.
        origin: The sources of these facts.
        is_verified: Whether the set was fetched with these facts, and they were correct.
    """

    name: str
    title: str
    licence: str
    page: str
    num_photos: int
    num_classes: int
    archives: tuple[SetArchive, ...]
    labels: Literal["folders", "names"]
    class_names: dict[str, str]
    origin: tuple[str, ...]
    is_verified: bool

    @property
    def num_bytes(self) -> int:
        """The size of all archives in bytes."""
        return sum(archive.num_bytes for archive in self.archives)


@functools.cache
def known_sets() -> tuple[KnownSet, ...]:
    """Return the sets that can be used by name, as in `pawsight.train("cats-vs-dogs")`.

    Returns:
        A record for each set, in the order of `pawsight data list`. Nothing is fetched.
    """
    text = Path(__file__).with_name("sets.toml").read_text(encoding="utf-8")
    return tuple(_record(name, facts) for name, facts in tomllib.loads(text).items())


def find(name: str) -> KnownSet | None:
    """Return a set by its name, None if unknown; "Cats_vs_Dogs" is the same as "cats-vs-dogs"."""
    plain = name.strip().lower().replace("_", "-")
    return next((known_set for known_set in known_sets() if known_set.name == plain), None)


def _record(name: str, facts: dict[str, Any]) -> KnownSet:
    archives = tuple(
        SetArchive(**archive | {"urls": tuple(archive["urls"])}) for archive in facts["archives"]
    )
    rest = {"class_names": {}} | facts | {"origin": tuple(facts["origin"])}
    return KnownSet(**rest | {"name": name, "archives": archives})
