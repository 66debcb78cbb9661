"""`pawsight drive`: what a person sees when signing in and out."""

import pytest

from pawsight.data.sources.drive import credentials


@pytest.fixture(autouse=True)
def _nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(credentials, "user_config_path", lambda name: tmp_path / name)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "no-gcloud"))
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "PAWSIGHT_DRIVE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_login_wants_the_users_own_client(pawsight, tmp_path):
    assert pawsight("drive", "login").exit_code == 2
    answer = pawsight("drive", "login", "--client", tmp_path / "none.json")
    assert answer.exit_code == 1
    assert "none.json is not the file of an OAuth client" in answer.stderr


def test_logout_reports_whether_there_was_a_sign_in(pawsight):
    assert pawsight("drive", "logout").stdout == "Not signed in.\n"


def test_status_explains_how_to_sign_in(pawsight):
    answer = pawsight("drive", "status")
    assert answer.exit_code == 1
    assert "You are not signed in to Google Drive.\nSign in: pawsight drive login" in answer.stderr


def test_status_names_an_api_key(pawsight, monkeypatch):
    monkeypatch.setenv("PAWSIGHT_DRIVE_API_KEY", "key")
    assert "public files only" in pawsight("drive", "status").stdout
