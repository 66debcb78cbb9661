"""Credentials for Google Drive: a sign-in, a service account or an API key.

The first of these that exists is used: the sign-in of `pawsight drive login`; the key file
of a service account in $GOOGLE_APPLICATION_CREDENTIALS; an API key for public files in
$PAWSIGHT_DRIVE_API_KEY; the sign-in of Google Colab; the application-default credentials
of Google.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from pawsight.errors import DiskError, ExtraError, SourceError, first_line

SCOPE = "https://www.googleapis.com/auth/drive.readonly"
_SIGN_IN_SECONDS = 600  # how long to wait for the user to sign in
_SAVED_FIELDS = ("refresh_token", "token_uri", "client_id", "client_secret")
_PACKAGES = ("googleapiclient", "google_auth_httplib2", "google_auth_oauthlib")


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials or an API key for Google Drive."""

    description: str  # what grants the access, for display
    credentials: Any = None  # a google.auth.credentials.Credentials; None with an API key
    api_key: str = ""  # "" with credentials


def need_extra() -> None:
    """Check that the packages of the extra are installed; raises ExtraError."""
    if not all(importlib.util.find_spec(package) for package in _PACKAGES):
        raise ExtraError("Google Drive", "drive")


def token_path() -> Path:
    """Return the path of the saved sign-in."""
    return user_config_path("pawsight") / "drive-token.json"


def load_access() -> Access:
    """Load the first credentials that exist, in the order of the module's description.

    Raises:
        ExtraError: The packages of Google are not installed.
        SourceError: There are no credentials, or they cannot be used.
    """
    need_extra()
    if token_path().is_file():
        return Access("the sign-in of `pawsight drive login`", _saved_credentials())
    key_file = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if key_file:
        return Access(f"the key file {key_file}", _default(f"The key file {key_file}"))
    if api_key := os.environ.get("PAWSIGHT_DRIVE_API_KEY"):
        return Access("the API key in PAWSIGHT_DRIVE_API_KEY", api_key=api_key)
    if _sign_in_on_colab():
        return Access("Google Colab's sign-in", _default("Google Colab's sign-in"))
    return Access("the application-default credentials", _default(""))


def sign_in(client_file: Path, port: int = 0, open_browser: bool = True) -> Path:
    """Sign the user in with a browser, and save the credentials.

    Args:
        client_file: The JSON file of an OAuth client of the type "desktop app", downloaded
            from the console of Google.
        port: The local port to which the browser returns; 0 for any free port.
        open_browser: Whether to open a browser; otherwise the link is only printed.

    Returns:
        The path of the saved sign-in.

    Raises:
        ExtraError: The packages of Google are not installed.
        SourceError: The file is no OAuth client, or the sign-in was not completed.
        DiskError: The sign-in cannot be saved.
    """
    need_extra()
    from google_auth_oauthlib.flow import InstalledAppFlow

    try:
        flow = InstalledAppFlow.from_client_secrets_file(str(client_file), scopes=[SCOPE])
    except (OSError, ValueError, KeyError) as error:
        raise SourceError(
            f"{client_file} is not the file of an OAuth client: {first_line(error)}.\n"
            f"Create a client of the type 'Desktop app' in Google's console, and download it as "
            f"JSON; docs/drive.md shows how."
        ) from error
    try:
        credentials = flow.run_local_server(
            port=port,
            open_browser=open_browser,
            timeout_seconds=_SIGN_IN_SECONDS,
            authorization_prompt_message="Sign in to Google here: {url}",
            success_message="pawsight may read your Google Drive now. You may close this page.",
        )
    except Exception as error:
        raise SourceError(
            f"The sign-in to Google Drive was not completed: {first_line(error)}.\n"
            f"Run pawsight drive login again, and accept on Google's page."
        ) from error
    save_token(credentials.to_json())
    return token_path()


def save_token(text: str) -> None:
    """Write the sign-in to a file that only its owner can read; raises DiskError."""
    path = token_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp creates a file of mode 0600, and renaming keeps the mode.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".drive-token-")
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DiskError(f"The sign-in cannot be saved in {path}: {error.strerror}.") from error


def sign_out() -> bool:
    """Revoke the sign-in at Google, if there is a connection, and remove the saved sign-in.

    Returns:
        Whether a sign-in was saved.

    Raises:
        DiskError: The saved sign-in cannot be removed.
    """
    path = token_path()
    if not path.is_file():
        return False
    with contextlib.suppress(OSError, ImportError, ValueError, LookupError, TypeError):
        import requests  # its errors are OSErrors

        saved = json.loads(path.read_text(encoding="utf-8"))
        url = str(saved["token_uri"]).removesuffix("/token") + "/revoke"
        requests.post(url, data={"token": saved["refresh_token"]}, timeout=10).close()
    try:
        path.unlink()
    except OSError as error:
        raise DiskError(f"{path} cannot be removed: {error.strerror}.") from error
    return True


def _saved_credentials() -> Any:
    from google.oauth2.credentials import Credentials

    try:
        saved = json.loads(token_path().read_text(encoding="utf-8"))
        return Credentials(
            None,  # no access token: a saved token has mostly expired, so a new one is requested
            **{name: saved[name] for name in _SAVED_FIELDS},
            scopes=[SCOPE],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"The sign-in in {token_path()} cannot be used: {first_line(error)}.\n"
            f"Sign in again: pawsight drive login"
        ) from error


def _default(what: str) -> Any:
    """Load Google's application-default credentials.

    Args:
        what: What must exist, for the message; "" if nothing indicates that there are credentials.
    """
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    try:
        with warnings.catch_warnings():
            # It advises to set a project for billing, but reading Google Drive is free.
            warnings.simplefilter("ignore")
            return google.auth.default(scopes=[SCOPE])[0]
    except (GoogleAuthError, OSError, ValueError) as error:
        if what:
            raise SourceError(f"{what} cannot be used: {first_line(error)}.") from error
        raise SourceError(
            "You are not signed in to Google Drive.\n"
            "Sign in: pawsight drive login --client FILE\n"
            "For a public link set PAWSIGHT_DRIVE_API_KEY, for a service account "
            "GOOGLE_APPLICATION_CREDENTIALS; docs/drive.md describes how to get these."
        ) from error


def _sign_in_on_colab() -> bool:
    """Sign in the user of a Colab notebook; return False on other machines."""
    try:
        from google.colab import auth
    except ImportError:
        return False
    auth.authenticate_user()
    return True
