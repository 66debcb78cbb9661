"""What differs from store to store, as far as a person meets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Store:
    """One kind of store.

    Attributes:
        title: What people call it.
        top: What the first name in an address is.
        example: An address.
        sign_in: What to do where reading is not allowed.
        anonymous: What its module of fsspec takes for reading without signing in.
    """

    title: str
    top: str
    example: str
    sign_in: str
    anonymous: dict[str, Any] = field(default_factory=dict)


_PUBLIC = "For a public one, put ?anonymous at the end of the address."
_S3 = Store(
    "S3",
    "bucket",
    "s3://bucket/folder",
    "Sign in as for the `aws` command (`aws configure`, AWS_PROFILE, or AWS_ACCESS_KEY_ID with "
    f"AWS_SECRET_ACCESS_KEY). {_PUBLIC}",
    {"anon": True},
)
_GOOGLE = Store(
    "Google Cloud Storage",
    "bucket",
    "gs://bucket/folder",
    "Sign in with `gcloud auth application-default login`, or name a key file: "
    f"GOOGLE_APPLICATION_CREDENTIALS. {_PUBLIC}",
    {"token": "anon"},
)
_AZURE = Store(
    "Azure Blob Storage",
    "container",
    "az://container/folder",
    "Name the account (AZURE_STORAGE_ACCOUNT_NAME), and its key (AZURE_STORAGE_ACCOUNT_KEY), or "
    f"both at once (AZURE_STORAGE_CONNECTION_STRING). {_PUBLIC}",
    {"anon": True},
)
_HUB = Store(
    "Hugging Face",
    "repository",
    "hf://datasets/owner/name/folder",
    f"Accept the set's terms on its page, and sign in with `hf auth login` or HF_TOKEN. {_PUBLIC}",
    {"token": False},
)
_SFTP = Store(
    "SFTP",
    "host",
    "sftp://user@host/folder, or sftp://user@host/~/folder below your home",
    "Connect once with `ssh` to see that it lets you in, and that you may read the folder there: "
    "the same keys, known hosts and ~/.ssh/config are used here, and no password is asked for.",
)
STORES = {
    "s3": _S3,
    "gs": _GOOGLE,
    "gcs": _GOOGLE,
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
    "hf": _HUB,
    "sftp": _SFTP,
}
