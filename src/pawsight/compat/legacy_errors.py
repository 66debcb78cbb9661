"""Errors of old scripts: pawsight's own, and those that such scripts catch as well."""

from __future__ import annotations

from pawsight.errors import ConfigError, DataError, SourceError


class SettingError(ConfigError, ValueError):
    """An argument has a value it cannot have."""


class KindError(ConfigError, TypeError):
    """An argument or a column holds things of the wrong kind."""


class NoFolderError(SourceError, FileNotFoundError):
    """The folder of photos is not there."""


class NoPhotoError(DataError, ValueError):
    """Not one of the photos can be used."""
