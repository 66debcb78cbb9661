"""The known sets: the entries of sets.toml.

The facts are from public sources, which `origin` names; none of the archives
is here.
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

    urls: tuple[str, ...]  # where it is, each with the same bytes; they are tried in turn
    num_bytes: int
    checksum: str  # MD5 (32 digits) or SHA-256 (64) of it, "" if no source states one
    # The part that its photos are, "" where its folders state it or nothing does.
    part: Part | Literal[""] = ""

    @property
    def file_name(self) -> str:
        """The name of the file."""
        return urlsplit(self.urls[0]).path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class KnownSet:
    """A well-known set of photos.

    Attributes:
        name: What it is called here, such as "cats-vs-dogs".
        title: What it shows.
        licence: What its photos may be used for, as far as a source states it.
        page: Where it is described.
        num_photos: How many photos it has, broken ones included.
        num_classes: How many classes.
        archives: What has to be fetched.
        labels: "folders", or "names": a photo's class is its name up to the last "_".
        class_names: What folders are called that have another name in the archive.
        origin: Where each of these facts is from.
        is_verified: Whether the set was fetched by these facts and they were right.
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
        """What has to be fetched, in bytes."""
        return sum(archive.num_bytes for archive in self.archives)


@functools.cache
def known_sets() -> tuple[KnownSet, ...]:
    """Return the sets that can be trained on by name: `pawsight.train("cats-vs-dogs")`.

    Returns:
        One record a set, in the order of `pawsight data list`. Nothing is fetched.
    """
    text = Path(__file__).with_name("sets.toml").read_text(encoding="utf-8")
    return tuple(_record(name, facts) for name, facts in tomllib.loads(text).items())


def find(name: str) -> KnownSet | None:
    """Return a set by its name; "Cats_vs_Dogs" means the same as "cats-vs-dogs"."""
    plain = name.strip().lower().replace("_", "-")
    return next((known for known in known_sets() if known.name == plain), None)


def _record(name: str, facts: dict[str, Any]) -> KnownSet:
    archives = tuple(
        SetArchive(**archive | {"urls": tuple(archive["urls"])}) for archive in facts["archives"]
    )
    rest = {"class_names": {}} | facts | {"origin": tuple(facts["origin"])}
    return KnownSet(**rest | {"name": name, "archives": archives})
