"""Who asks Google Drive, and that the sign-in is nobody else's to read."""

import json
import os
import stat
import sys
import threading
import types
import urllib.parse
import urllib.request
import webbrowser

import pytest

from pawsight.data.sources.drive import credentials
from pawsight.data.sources.drive.client import Drive
from pawsight.data.sources.drive.credentials import (
    load_access,
    save_token,
    sign_in,
    sign_out,
    token_path,
)
from pawsight.errors import ExtraError, SourceError


@pytest.fixture
def nobody(world, monkeypatch):
    monkeypatch.delenv("PAWSIGHT_DRIVE_API_KEY")
    return world


@pytest.fixture
def client_file(nobody, tmp_path, monkeypatch):
    """An OAuth client whose Google is on loopback."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    path = tmp_path / "client_secret.json"
    path.write_text(
        json.dumps(
            {
                "installed": {
                    "client_id": "me",
                    "client_secret": "secret",
                    "auth_uri": f"{nobody.url}/auth",
                    "token_uri": f"{nobody.url}/token",
                    "redirect_uris": ["http://localhost"],
                }
            }
        )
    )
    return path


class Browser:
    """Says yes (or no) on Google's page, at once."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = {}

    def open(self, url, **_):
        self.asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        answer = urllib.parse.urlencode(self.answer | {"state": self.asked["state"]})
        back = f"{self.asked['redirect_uri']}?{answer}"
        threading.Thread(target=lambda: urllib.request.urlopen(back).close(), daemon=True).start()


def test_a_sign_in_is_kept_for_its_owner_alone_and_used(nobody, client_file, monkeypatch):
    browser = Browser({"code": "yes"})
    monkeypatch.setattr(webbrowser, "get", lambda *_: browser)
    assert sign_in(client_file) == token_path()
    assert browser.asked["scope"] == "https://www.googleapis.com/auth/drive.readonly"
    assert stat.S_IMODE(token_path().stat().st_mode) == 0o600
    assert [path.name for path in token_path().parent.iterdir()] == ["drive-token.json"]
    drive = Drive(load_access())
    assert drive.account() == "ann@example.org"
    drive.close()


def test_a_refusal_on_googles_page_is_reported(nobody, client_file, monkeypatch):
    monkeypatch.setattr(webbrowser, "get", lambda *_: Browser({"error": "access_denied"}))
    with pytest.raises(SourceError, match=r"was not completed: .*access_denied"):
        sign_in(client_file)
    assert not token_path().exists()


@pytest.mark.parametrize("text", ["", "{}", '{"web": {}}', '{"installed": {"client_id": "me"}}'])
def test_another_file_is_no_client(nobody, tmp_path, text):
    (tmp_path / "client.json").write_text(text)
    with pytest.raises(SourceError, match=r"(?s)is not the file of an OAuth client.*Desktop app"):
        sign_in(tmp_path / "client.json")


def test_the_sign_in_is_private_from_its_first_byte(nobody, monkeypatch):
    modes = []
    really_open = os.open

    def watched(path, flags, mode=0o777, **options):
        if flags & os.O_CREAT:
            modes.append((str(path), mode))
        return really_open(path, flags, mode, **options)

    monkeypatch.setattr(os, "open", watched)
    before = os.umask(0)
    try:
        save_token("{}")
    finally:
        os.umask(before)
    assert [mode for path, mode in modes if "drive-token" in path] == [0o600]
    assert stat.S_IMODE(token_path().stat().st_mode) == 0o600


def test_signing_out_withdraws_the_sign_in_and_removes_it(signed_in):
    assert sign_out()
    assert ("/revoke", {"token": "again"}) in [(path, query) for path, query, _ in signed_in.asked]
    assert not token_path().exists()
    assert not sign_out()


def test_without_a_connection_signing_out_removes_it_all_the_same(nobody):
    save_token(json.dumps({"refresh_token": "x", "token_uri": "http://127.0.0.1:9/token"}))
    assert sign_out()
    assert not token_path().exists()


@pytest.mark.parametrize("text", ["[]", "{}", '{"token_uri": 1}'])
def test_a_damaged_sign_in_is_removed_all_the_same(nobody, text):
    save_token(text)
    assert sign_out()
    assert not token_path().exists()


def test_a_spoilt_sign_in_advises_to_sign_in_again(nobody):
    save_token("[]")
    with pytest.raises(SourceError, match=r"(?s)cannot be used.*pawsight drive login"):
        load_access()


def test_nobody_signed_in_is_reported_every_way(nobody):
    with pytest.raises(
        SourceError, match=r"(?s)not signed in.*drive login.*PAWSIGHT_DRIVE_API_KEY"
    ):
        load_access()


def test_a_service_account_asks_with_the_read_only_scope(nobody, tmp_path, monkeypatch):
    path = tmp_path / "key.json"
    path.write_text(json.dumps(_service_account(nobody.url)))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    access = load_access()
    assert access.credentials.service_account_email == "robot@example.org"
    drive = Drive(access)
    assert drive.account() == "ann@example.org"
    drive.close()
    assertion = next(query for path, query, _ in nobody.asked if path == "/token")["assertion"]
    from google.auth.jwt import decode

    assert decode(assertion, verify=False)["scope"] == credentials.SCOPE


def test_a_key_file_that_is_none_is_named(nobody, tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(SourceError, match=r"key file .*none\.json cannot be used"):
        load_access()


def test_on_colab_its_own_sign_in_is_asked(nobody, tmp_path, monkeypatch):
    key = tmp_path / "key.json"
    key.write_text(json.dumps(_service_account(nobody.url)))
    colab = types.ModuleType("google.colab")
    colab.auth = types.SimpleNamespace(
        authenticate_user=lambda: monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    )
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    assert load_access().description == "Google Colab's sign-in"


def test_the_missing_extra_is_named(nobody, monkeypatch):
    monkeypatch.setattr(credentials, "_PACKAGES", ("no_such_package",))
    with pytest.raises(ExtraError, match=r'pip install "pawsight\[drive\]"'):
        load_access()


def _service_account(url):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "client_email": "robot@example.org",
        "private_key": pem.decode(),
        "private_key_id": "1",
        "token_uri": f"{url}/token",
    }
