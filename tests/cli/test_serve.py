"""`pawsight serve` says what is wrong before it starts; that it serves, tests/web shows."""

import importlib
import socket

import pytest

from pawsight.web.settings import ServeSettings


def test_all_mistakes_in_settings_are_reported_together(pawsight, colour_run):
    done = pawsight(
        *("serve", colour_run.path, "--port", 70000, "--workers", 0),
        *("--cors", "example.org", "--sure", 2),
    )
    assert done.exit_code == 2
    for option in ("--port", "--workers", "--cors", "--sure"):
        assert f"{option}: " in done.stderr
    assert "--workers: must be at least 1, not 0\n" in done.stderr
    assert "'example.org' is not an origin such as https://example.org" in done.stderr


def test_short_key_is_refused_and_not_shown(pawsight, colour_run):
    done = pawsight("serve", colour_run.path, "--api-key", "k1")
    assert done.exit_code == 2
    assert "--api-key: must have at least 8 characters\n" in done.stderr
    assert "k1" not in done.stderr


def test_run_that_is_not_there_is_reported(pawsight, tmp_path):
    done = pawsight("serve", tmp_path / "nothing")
    assert done.exit_code == 1
    assert "There is no run folder" in done.stderr


def test_address_of_no_machine_is_reported(pawsight, colour_run):
    done = pawsight("serve", colour_run.path, "--host", "no.such.host.invalid")
    assert done.exit_code == 2
    assert "Cannot listen at no.such.host.invalid" in done.stderr


def test_port_that_is_taken_is_reported_in_plain_words(pawsight, colour_run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = pawsight("serve", colour_run.path, "--port", taken.getsockname()[1])
    assert done.exit_code == 2
    assert "is taken by another program.\nChoose another one with --port" in done.stderr


def test_missing_extra_is_named(pawsight, colour_run, monkeypatch):
    find = importlib.import_module

    def refuse(name, *arguments):
        if name == "fastapi":
            raise ModuleNotFoundError(name="fastapi")
        return find(name, *arguments)

    monkeypatch.setattr(importlib, "import_module", refuse)
    done = pawsight("serve", colour_run.path)
    assert done.exit_code == 1
    assert done.stderr == 'Error: `pawsight serve` needs an extra: pip install "pawsight[serve]"\n'


def test_defaults_of_the_command_are_those_of_the_settings():
    import inspect

    from pawsight.cli.serve import serve

    defaults = {name: one.default for name, one in inspect.signature(serve).parameters.items()}
    settings = ServeSettings()
    assert defaults.pop("cors") is None
    assert settings.cors == ()
    assert defaults == {name: getattr(settings, name) for name in defaults}
    assert settings.sure is None  # the model has a threshold of its own


@pytest.mark.parametrize(
    ("host", "is_local", "address"),
    [
        ("127.0.0.1", True, "http://127.0.0.1:8000"),
        ("127.0.0.2", True, "http://127.0.0.2:8000"),
        ("localhost", True, "http://localhost:8000"),
        ("::1", True, "http://[::1]:8000"),
        ("0.0.0.0", False, "http://127.0.0.1:8000"),
        ("192.168.1.5", False, "http://192.168.1.5:8000"),
        ("photos.example", False, "http://photos.example:8000"),
    ],
)
def test_settings_know_who_can_reach_the_service(host, is_local, address):
    settings = ServeSettings(host=host)
    assert (settings.is_local, settings.address) == (is_local, address)
