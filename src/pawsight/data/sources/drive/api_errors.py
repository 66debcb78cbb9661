"""What it means when Google Drive answers with an error.

One status has many meanings: 403 is sent for "slow down" and for "this is
not yours". The reason inside distinguishes them.
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
_OF_A_FILE = {
    "downloadQuotaExceeded": "it was downloaded too often today; try tomorrow, or make a copy "
    "in your own Drive and give that",
    "cannotDownloadFile": "its owner does not allow downloads",
    "cannotDownloadAbusiveFile": "Google takes it for malware",
    "fileNotDownloadable": "it is a document of Google's own, which has no bytes",
}
_OF_THE_SIGN_IN = {
    "accessNotConfigured": "The Google Drive API is not switched on in the Google Cloud project "
    "of this sign-in or API key.\nSwitch it on in the project's console, under APIs & Services.",
    "insufficientPermissions": "This sign-in does not allow reading Google Drive.\n"
    "Sign in again, with the read-only scope: pawsight drive login",
    "keyInvalid": "Google rejects the API key in PAWSIGHT_DRIVE_API_KEY.\n"
    "Copy it again from the project's console, under Credentials.",
    "dailyLimitExceeded": "This Google Cloud project has used up its quota of Google Drive "
    "requests for today.\nTry again tomorrow: what was copied is kept.",
    "authError": f"Google Drive does not accept this sign-in.\n{_SIGN_IN}",
}
# Newer answers name the same in another place and in other words.
_ALIASES = {
    "SERVICE_DISABLED": "accessNotConfigured",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "insufficientPermissions",
    "API_KEY_INVALID": "keyInvalid",
    "RATE_LIMIT_EXCEEDED": "rateLimitExceeded",
    "quotaExceeded": "rateLimitExceeded",
}


class NotFoundError(DownloadError):
    """There is no such file, or it is not shared with this account."""


def check_status(answer: Any) -> None:
    """Return what a requests.Response other than the file means.

    Raises:
        RetryableError, DownloadError, SourceError: As `meaning`.
    """
    if answer.status_code >= 400:
        raise meaning(answer.status_code, answer.headers.get("Retry-After", ""), answer.content)


def meaning(status: int, retry_after: str, content: bytes) -> Exception:
    """Return what a response means.

    Args:
        status: Of HTTP, 400 or more.
        retry_after: The header, "" if there is none.
        content: What Google wrote, if it is from Google.

    Returns:
        RetryableError; DownloadError where it is about one file; SourceError where no other
        file will fare better.
    """
    reasons, message = _read(content)
    if is_busy(status) or (status == 403 and reasons & _SLOW_DOWN):
        return RetryableError(f"Google Drive is busy ({status})", retry_after_seconds(retry_after))
    for reason in reasons:
        if reason in _OF_A_FILE:
            return DownloadError(_OF_A_FILE[reason])
        if reason in _OF_THE_SIGN_IN:
            return SourceError(_OF_THE_SIGN_IN[reason])
    if status == 401:
        return SourceError(_OF_THE_SIGN_IN["authError"])
    if status == 404:
        return NotFoundError("it is not there, or not shared with this account")
    if status == 403:
        return DownloadError(f"it is not shared with this account ({message or status})")
    return DownloadError(f"Google Drive answers {status}{f': {message}' if message else ''}")


def _read(content: bytes) -> tuple[set[str], str]:
    """Return the reasons and the message in a response; none where it is not from Google."""
    try:
        error = json.loads(content)["error"]
        parts = [*error.get("errors", ()), *error.get("details", ())]
        reasons = {part["reason"] for part in parts if "reason" in part}
        return {_ALIASES.get(reason, reason) for reason in reasons}, str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return set(), ""
