"""A store whose server is not there: an error at once, which names the server."""

import socket

import pytest

from pawsight.storage.download import DownloadError
from pawsight.storage.stores.access import translated
from pawsight.storage.stores.filesystems import require_answer


def test_a_port_that_nothing_listens_on_is_named():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match=rf"nothing answers at 127\.0\.0\.1, port {port}"):
        require_answer(f"http://127.0.0.1:{port}/store")


def test_behind_a_proxy_the_proxy_reports_the_address(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    require_answer("https://store.invalid")


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("NoCredentialsError", "Unable to locate credentials", "no credentials were found"),
        (
            "ClientAuthenticationError",
            "Operation returned an invalid status 'Server failed to authenticate the request.'",
            "the credentials are wrong",
        ),
        ("ClientAuthenticationError", "It is locked.", "It is locked"),
    ],
)
def test_missing_and_wrong_credentials_are_distinguished(kind, text, reason):
    error = type(kind, (Exception,), {})(text)
    with pytest.raises(DownloadError) as caught, translated():
        raise error
    assert str(caught.value) == reason


def test_a_bucket_that_cannot_be_one_is_named_without_what_is_in_it():
    exceptions = pytest.importorskip("botocore.exceptions")
    error = exceptions.ParamValidationError(report='Invalid bucket name "user:secret@bucket"')
    with pytest.raises(DownloadError, match=r"^the name of the bucket is not valid$"), translated():
        raise error
