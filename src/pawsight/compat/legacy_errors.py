"""Errors for old scripts: both PawsightError and the built-in error that they catch."""

from __future__ import annotations

from pawsight.errors import ConfigError, DataError, SourceError


class SettingError(ConfigError, ValueError):
    """An argument has an invalid value."""


class KindError(ConfigError, TypeError):
    """An argument or a column has the wrong type."""


class NoFolderError(SourceError, FileNotFoundError):
    """The folder of photos does not exist."""


class NoPhotoError(DataError, ValueError):
    """No photo can be used."""
