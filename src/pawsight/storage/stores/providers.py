"""The table of supported stores: their schemes, their texts for users, and how each is opened.

A new store is one entry of `_STORES`. `open_by_fsspec` opens every store for which fsspec has a
thread-safe module.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pawsight.storage.stores.filesystems import (
    OpenFileSystem,
    open_azure,
    open_by_fsspec,
    open_google,
    open_s3,
    open_sftp,
)


@dataclass(frozen=True, slots=True)
class Store:
    """One kind of store."""

    schemes: tuple[str, ...]  # the schemes of its addresses, without "://"
    title: str  # its name, for messages
    top: str  # what the first name in an address denotes, such as "bucket"
    example: str  # an address, for messages
    sign_in: str  # how to sign in, for the message of a refused access
    # The options of its fsspec module for reading without signing in.
    anonymous: dict[str, Any] = field(default_factory=dict)
    open_file_system: OpenFileSystem = open_by_fsspec


_PUBLIC = "To read public data without signing in, put ?anonymous at the end of the address."
_STORES: tuple[Store, ...] = (
    Store(
        ("s3",),
        "S3",
        "bucket",
        "s3://bucket/folder",
        "Sign in as for the `aws` command (`aws configure`, AWS_PROFILE, or AWS_ACCESS_KEY_ID with "
        f"AWS_SECRET_ACCESS_KEY). {_PUBLIC}",
        {"anon": True},
        open_s3,
    ),
    Store(
        ("gs", "gcs"),
        "Google Cloud Storage",
        "bucket",
        "gs://bucket/folder",
        "Sign in with `gcloud auth application-default login`, or name a key file: "
        f"GOOGLE_APPLICATION_CREDENTIALS. {_PUBLIC}",
        {"token": "anon"},
        open_google,
    ),
    Store(
        ("az", "abfs", "abfss"),
        "Azure Blob Storage",
        "container",
        "az://container/folder",
        "Name the account (AZURE_STORAGE_ACCOUNT_NAME), and its key (AZURE_STORAGE_ACCOUNT_KEY), "
        f"or both at once (AZURE_STORAGE_CONNECTION_STRING). {_PUBLIC}",
        {"anon": True},
        open_azure,
    ),
    Store(
        ("hf",),
        "Hugging Face",
        "repository",
        "hf://datasets/owner/name/folder",
        "Accept the set's terms on its page, and sign in with `hf auth login` or HF_TOKEN. "
        f"{_PUBLIC}",
        {"token": False},
    ),
    Store(
        ("sftp",),
        "SFTP",
        "host",
        "sftp://user@host/folder, or sftp://user@host/~/folder below your home",
        "Connect once with `ssh` to see that it lets you in, and that you may read the folder "
        "there: the same keys, known hosts and ~/.ssh/config are used here, and no password is "
        "asked for.",
        open_file_system=open_sftp,
    ),
)
STORES = {scheme: store for store in _STORES for scheme in store.schemes}
