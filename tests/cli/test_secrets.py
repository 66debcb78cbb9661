"""No password, token or signature is written or printed, whatever a source is called."""

import functools
import http.server
import shutil
import threading
from urllib.parse import urlsplit

import pytest

from pawsight import progress
from pawsight.addresses import public_address, public_text

SECRET = "hunter2secret"
SIGNATURE = "c2lnbmF0dXJlb2ZhcHJlc2lnbmVkbGluaw"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("https://example.org/pets.zip", "https://example.org/pets.zip"),
        ("s3://bucket/pets?anonymous", "s3://bucket/pets?anonymous"),
        ("https://ann:pw@example.org/pets", "https://***@example.org/pets"),
        ("https://token@example.org/pets", "https://***@example.org/pets"),
        ("sftp://ann:pw@host:22/~/pets", "sftp://ann@host:22/~/pets"),
        ("https://x.org/a?X-Amz-Signature=1f&id=7", "https://x.org/a?X-Amz-Signature=***&id=7"),
        ("https://x.org/a?sv=2&sig=a%2Fb&se=1", "https://x.org/a?sv=***&sig=***&se=***"),
        ("https://x.org/a#access_token=1", "https://x.org/a"),
        ("https://[half/a?token=1", "https://***"),
        ("photos/a?token=1", "photos/a?token=1"),  # a folder
        ("https://ann:p/w@host/a", "https://***"),  # a password that is not encoded
        ("https://x.org/a;token=1;v=2/b", "https://x.org/a;token=***;v=2/b"),
        ("az://account/pets?sas=1", "az://account/pets?sas=***"),
    ],
)
def test_secrets_are_taken_out_of_an_address(address, public):
    assert public_address(address) == public


def test_a_long_value_is_hidden_and_addresses_stay_distinct():
    first, second = (public_address(f"https://x.org/?a={letter * 30}") for letter in "ab")
    assert first.startswith("https://x.org/?a=***") and first != second
    assert "a" * 6 not in first.removeprefix("https://x.org/?a=***")


def test_addresses_inside_a_text_are_cleaned_too():
    text = f"Cannot open 'https://ann:{SECRET}@x.org/a?token={SECRET}' (404)"
    assert public_text(text) == "Cannot open 'https://***@x.org/a?token=***' (404)"


@pytest.mark.parametrize("start", ["", "//", "http:/", "http//", "There is no "])
def test_a_password_in_a_mistyped_address_is_hidden(start):
    assert public_text(f"{start}ann:{SECRET}@host:/pets.") == f"{start}***@host:/pets."
    assert public_text("epoch 3, 12:30, x@2x.png") == "epoch 3, 12:30, x@2x.png"


@pytest.fixture
def address(tmp_path):
    """A server of an archive, whose address has a user, a password and a signature in it."""
    (tmp_path / "served").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "served")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield (
        f"http://ann:{SECRET}@127.0.0.1:{server.server_port}/pets.zip"
        f"?X-Amz-Signature={SIGNATURE}&token={SECRET}"
    )
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def check(tmp_path):
    """Look for the secrets in a text, and in all that is below the folder of the test."""

    def look(*texts):
        found = [path for path in tmp_path.rglob("*") if path.is_file()]
        for content in (*(text.encode() for text in texts), *(p.read_bytes() for p in found)):
            assert SECRET.encode() not in content
            assert SIGNATURE.encode() not in content
        assert not [path for path in tmp_path.rglob("*") if SECRET in str(path)]
        return found

    return look


@pytest.mark.slow
def test_nothing_that_a_run_leaves_or_prints_has_a_secret_in_it(
    pawsight_process, address, check, tmp_path, monkeypatch
):
    from pawsight.workflow import draw_sample

    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))
    folder = draw_sample(tmp_path / "drawn" / "pets", count=60)
    shutil.make_archive(str(tmp_path / "served" / "pets"), "zip", folder)
    options = ("--model", "builtin", "--image-size", "32")
    run = tmp_path / "run"
    texts, codes = [], []
    for command in (
        ("train", address, "--out", run, *options),
        ("evaluate", run),
        ("evaluate", run, address),
        ("audit", address, "--out", tmp_path / "audit"),
        ("train", address.replace("pets.zip", "none.zip"), "--out", tmp_path / "none"),
        ("train", f"ftp://ann:{SECRET}@127.0.0.1/pets", "--out", tmp_path / "none"),
    ):
        done = pawsight_process(*command)
        texts += [done.stdout.decode(), done.stderr.decode()]
        codes.append(done.returncode)
    assert codes == [0, 0, 0, 0, 1, 1], texts
    found = check(*texts)
    names = {path.name for path in found}
    assert {"config.json", "metrics.json", "report.html", "log.txt", "audit.json"} <= names
    assert urlsplit(address).path in (run / "config.json").read_text()


def test_an_address_in_a_list_of_photos_is_named_without_its_secrets(pawsight_process, colour_run):
    address = f"https://ann:{SECRET}@127.0.0.1/a.jpg?token={SECRET}"
    done = pawsight_process("predict", "-", "--model", colour_run.path, input=address.encode())
    assert b"https://***@127.0.0.1/a.jpg?token=***,,," in done.stdout
    assert SECRET.encode() not in done.stdout + done.stderr


def test_a_log_has_no_secret_and_no_control_characters(tmp_path):
    log = progress.LoggedProgress(progress.Silent(), tmp_path / "log.txt")
    log.note(f"Fetching https://a:{SECRET}@x.org/\x1b[31m\x07\u202e")
    written = (tmp_path / "log.txt").read_text()
    assert SECRET not in written
    assert "\\x1b[31m\\x07\\u202e" in written
