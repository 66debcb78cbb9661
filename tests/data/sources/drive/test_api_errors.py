import json
from types import SimpleNamespace

import pytest

from pawsight.data.sources.drive.api_errors import NotFoundError, check_status, error_of
from pawsight.errors import SourceError
from pawsight.storage.download import DownloadError, RetryableError


def content(*reasons, message="", place="errors"):
    parts = [{"reason": reason} for reason in reasons]
    return json.dumps({"error": {place: [{}, *parts], "message": message}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (403, content("userRateLimitExceeded"), RetryableError, "is busy (403)"),
        (403, content("RATE_LIMIT_EXCEEDED", place="details"), RetryableError, "is busy"),
        (403, content("quotaExceeded"), RetryableError, "is busy"),
        (500, b"", RetryableError, "is busy (500)"),
        (429, content("cannotDownloadFile"), RetryableError, "is busy (429)"),
        (403, content("cannotDownloadFile"), DownloadError, "does not allow downloads"),
        (403, content("downloadQuotaExceeded"), DownloadError, "too often today"),
        (403, content("SERVICE_DISABLED", place="details"), SourceError, "is not enabled"),
        (400, content("API_KEY_INVALID", place="details"), SourceError, "rejects the API key"),
        (403, content("dailyLimitExceeded"), SourceError, "quota"),
        (401, b"", SourceError, "does not accept this sign-in"),
        (404, content("notFound"), NotFoundError, "does not exist, or is not shared"),
        (403, content("forbidden", message="No."), DownloadError, "with this account (No.)"),
        (403, b"<html>", DownloadError, "with this account (403)"),
        (418, content(message="Tea."), DownloadError, "Google Drive responds 418: Tea."),
        (418, b'{"error": "text"}', DownloadError, "Google Drive responds 418"),
    ],
)
def test_the_reason_inside_tells_apart_what_one_status_means(status, body, kind, words):
    found = error_of(status, "", body)
    assert type(found) is kind
    assert words in str(found)


def test_the_time_to_wait_is_that_of_the_header():
    assert error_of(429, "7", b"").seconds == 7
    assert error_of(429, "", b"").seconds is None


@pytest.mark.parametrize(("status", "is_error"), [(206, False), (399, False), (400, True)])
def test_a_status_of_400_or_more_is_an_error(status, is_error):
    answer = SimpleNamespace(status_code=status, headers={}, content=b"")
    if is_error:
        with pytest.raises(DownloadError):
            check_status(answer)
    else:
        check_status(answer)
