"""Translate the error responses of Google Drive.

One status has many meanings: 403 is sent for too many requests and for a missing
permission. The reason in the response distinguishes them.
Source: https://developers.google.com/workspace/drive/api/guides/handle-errors
"""

from __future__ import annotations

import json
from typing import Any

from pawsight.errors import SourceError
from pawsight.storage.download import DownloadError, RetryableError
from pawsight.storage.http import is_busy, retry_after_seconds

_SLOW_DOWN = {"userRateLimitExceeded", "rateLimitExceeded", "backendError", "internalError"}
_SIGN_IN = "Sign in: pawsight drive login. Other ways are in docs/drive.md."
_FILE_ERRORS = {
    "downloadQuotaExceeded": "it was downloaded too often today; try again tomorrow, or make a "
    "copy in your own Drive and use that",
    "cannotDownloadFile": "its owner does not allow downloads",
    "cannotDownloadAbusiveFile": "Google classifies it as malware",
    "fileNotDownloadable": "it is a Google document, which cannot be downloaded as a file",
}
_ACCESS_ERRORS = {
    "accessNotConfigured": "The Google Drive API is not enabled in the Google Cloud project of "
    "this sign-in or API key.\nEnable it in the project's console, under APIs & Services.",
    "insufficientPermissions": "This sign-in does not allow reading Google Drive.\n"
    "Sign in again, with the read-only scope: pawsight drive login",
    "keyInvalid": "Google rejects the API key in PAWSIGHT_DRIVE_API_KEY.\n"
    "Copy it again from the project's console, under Credentials.",
    "dailyLimitExceeded": "This Google Cloud project has used up its quota of Google Drive "
    "requests for today.\nTry again tomorrow: what was copied is kept.",
    "authError": f"Google Drive does not accept this sign-in.\n{_SIGN_IN}",
}
# Newer responses use other names for the same reasons.
_ALIASES = {
    "SERVICE_DISABLED": "accessNotConfigured",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "insufficientPermissions",
    "API_KEY_INVALID": "keyInvalid",
    "RATE_LIMIT_EXCEEDED": "rateLimitExceeded",
    "quotaExceeded": "rateLimitExceeded",
}


class NotFoundError(DownloadError):
    """The file does not exist, or is not shared with this account."""


def check_status(response: Any) -> None:
    """Check the status of a requests.Response.

    Raises:
        RetryableError, DownloadError, SourceError: The error that `error_of` returns.
    """
    if response.status_code >= 400:
        retry_after = response.headers.get("Retry-After", "")
        raise error_of(response.status_code, retry_after, response.content)


def error_of(status: int, retry_after: str, content: bytes) -> Exception:
    """Return the exception for an error response.

    Args:
        status: The HTTP status, 400 or more.
        retry_after: The header of that name, "" if there is none.
        content: The body, which is JSON if Google sent the response.

    Returns:
        RetryableError; DownloadError if the error concerns one file; SourceError if it
        concerns all files.
    """
    reasons, message = _read(content)
    if is_busy(status) or (status == 403 and reasons & _SLOW_DOWN):
        return RetryableError(f"Google Drive is busy ({status})", retry_after_seconds(retry_after))
    for reason in reasons:
        if reason in _FILE_ERRORS:
            return DownloadError(_FILE_ERRORS[reason])
        if reason in _ACCESS_ERRORS:
            return SourceError(_ACCESS_ERRORS[reason])
    if status == 401:
        return SourceError(_ACCESS_ERRORS["authError"])
    if status == 404:
        return NotFoundError("it does not exist, or is not shared with this account")
    if status == 403:
        return DownloadError(f"it is not shared with this account ({message or status})")
    return DownloadError(f"Google Drive responds {status}{f': {message}' if message else ''}")


def _read(content: bytes) -> tuple[set[str], str]:
    """Return the reasons and the message in a body; empty if Google did not send it."""
    try:
        error = json.loads(content)["error"]
        parts = [*error.get("errors", ()), *error.get("details", ())]
        reasons = {part["reason"] for part in parts if "reason" in part}
        return {_ALIASES.get(reason, reason) for reason in reasons}, str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return set(), ""
