"""Help, exit codes, and what a person sees when something fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import pawsight as package
from pawsight.cli import error_output
from pawsight.cli.main import app
from pawsight.errors import ConfigError, DataError, StoppedError

COMMANDS = [
    "train",
    "cross-validate",
    "resume",
    "evaluate",
    "predict",
    "report",
    "sample",
    "audit",
    "doctor",
]


def test_version_is_reported(pawsight):
    result = pawsight("--version")
    assert (result.exit_code, result.stdout) == (0, f"pawsight {package.__version__}\n")


def test_help_lists_every_command(pawsight):
    result = pawsight("--help")
    assert result.exit_code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_help_with_an_example(pawsight, name):
    result = pawsight(name, "--help")
    assert result.exit_code == 0
    assert f"Example: pawsight {name}" in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_command_shows_at_most_12_options(name):
    parameters = typer.main.get_command(app).commands[name].params
    options = [found for found in parameters if found.param_type_name == "option"]
    assert len([found for found in options if not found.hidden]) <= 12


def test_first_line_of_every_help_fits_the_list_of_commands(pawsight):
    assert "..." not in pawsight("--help").stdout.split("Commands:")[1]


def test_option_of_train_has_the_name_of_its_setting():
    from pawsight.config import SourceConfig, SplitConfig, TrainConfig

    parameters = {found.name for found in typer.main.get_command(app).commands["train"].params}
    configs = (TrainConfig, SourceConfig, SplitConfig)
    fields = {name for config in configs for name in config.model_fields}
    # What --build names is code, which no settings file may hold; --workers and --cluster are where
    # a run is trained, which does not decide its result.
    others = {"source", "out", "config", "set_", "build", "workers", "cluster"}
    assert parameters - others <= fields


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["train"],
        ["predict", "a.jpg", "--model", "r", "--format", "xml"],
        ["train", "x", "--image-size", "big"],
        ["train", "x", "--epochs", "0"],
        ["sample", "x", "--count", "many"],
    ],
)
def test_wrong_usage_gives_exit_code_2(pawsight, arguments):
    result = pawsight(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "--help" in result.stderr


def test_error_for_people_is_plain_lines_on_standard_error(pawsight):
    result = pawsight("predict", "a.jpg", "--model", "nowhere")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: There is no run folder nowhere.\n")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--debug", "predict", "a.jpg", "--model", "nowhere"],
        ["predict", "a.jpg", "--model", "nowhere", "--debug"],
    ],
)
def test_debug_shows_the_traceback_wherever_it_stands(pawsight_process, arguments):
    done = pawsight_process(*arguments)
    assert done.returncode == 1
    assert b"Traceback" in done.stderr
    assert b"RunError" in done.stderr


@pytest.mark.parametrize(
    ("error", "exit_code", "text"),
    [
        (DataError("No photos.\nAdd some."), 1, "Error: No photos.\nAdd some.\n"),
        (ConfigError("epochs: too few"), 2, "Error: epochs: too few\n"),
        (StoppedError("Stopped. Go on with: x"), 130, "Stopped. Go on with: x\n"),
        (KeyboardInterrupt(), 130, "Stopped.\nRun the command again"),
        (ModuleNotFoundError(name="keras.layers"), 1, '"pawsight[train]"'),
        (MemoryError(), 1, "not enough memory"),
        (ImportError("a.so: failed to map segment from shared object"), 1, "not enough memory"),
        (RuntimeError("can't start new thread"), 1, "not enough memory"),
        (OSError(28, "No space left on device"), 1, "The disk is full"),
        (PermissionError(13, "Permission denied", "a.txt"), 1, "Permission denied: a.txt"),
        (ModuleNotFoundError("gone", name="json5"), 1, "This is a bug"),
        (ZeroDivisionError("division by zero"), 1, "pawsight --debug train"),
    ],
)
def test_what_is_raised_becomes_plain_lines_and_an_exit_code(capsys, error, exit_code, text):
    assert error_output.show(error, "train") == exit_code
    recorded = capsys.readouterr()
    assert text in recorded.err
    assert recorded.out == ""


def test_error_inside_a_command_is_reported_as_a_bug_without_traceback(pawsight, monkeypatch):
    def fail() -> dict:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("pawsight.doctor.examine", fail)
    result = pawsight("doctor")
    assert result.exit_code == 1
    assert "bug in pawsight" in result.stderr
    assert "ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr


def test_notes_on_an_error_are_shown_below_it(capsys):
    error = DataError("No photos.")
    error.add_note("Continue with: pawsight resume runs/a")
    assert error_output.show(error, "train") == 1
    assert capsys.readouterr().err == "Error: No photos.\nContinue with: pawsight resume runs/a\n"


def test_the_traceback_has_no_secret(capsys):
    error = ValueError("Max retries exceeded with url: /pets.zip?sig=c2lnbmF0dXJl")
    assert error_output.show(error, "train", with_traceback=True) == 1
    shown = capsys.readouterr().err
    assert "/pets.zip?sig=***" in shown and "c2lnbmF0dXJl" not in shown


def test_interrupt_inside_a_command_is_one_line(pawsight, monkeypatch):
    def stop() -> dict:
        raise KeyboardInterrupt

    monkeypatch.setattr("pawsight.doctor.examine", stop)
    result = pawsight("doctor")
    assert (result.exit_code, result.stderr) == (130, "Stopped.\n")


def test_reader_that_goes_away_is_no_error(colour_run, save_photo):
    folder = save_photo("photos/a.png").parent
    for number in range(300):
        (folder / f"{number}.png").write_bytes((folder / "a.png").read_bytes())
    command = [sys.executable, "-m", "pawsight", "predict", folder, "--model", colour_run.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().startswith(b"path,label")
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == error_output.BROKEN_PIPE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_reader_that_goes_away_from_a_table_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pawsight", "doctor"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=120)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_full_disk_is_reported(pawsight_process, colour_run, save_photo):
    command = [sys.executable, "-m", "pawsight", "predict", save_photo("a.png")]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*command, "--model", colour_run.path], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b"Error: The disk is full.\nFree some space and try again.\n"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["predict", "PHOTO", "--model", "RUN"]]
)
def test_no_heavy_package_is_imported(arguments, colour_run, save_photo):
    places = {"PHOTO": str(save_photo("a.png")), "RUN": str(colour_run.path)}
    heavy = "tensorflow keras sklearn matplotlib onnx jinja2 scipy pandas pawsight.workflow"
    if "--help" in arguments:
        heavy += " numpy PIL rich onnxruntime pawsight.config pawsight.runs"
    script = (
        "import sys\n"
        "from pawsight.cli.main import app\n"
        f"app({[places.get(word, word) for word in arguments]!r}, standalone_mode=False)\n"
        f"heavy = {heavy!r}.split()\n"
        "sys.exit(', '.join(name for name in heavy if name in sys.modules) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_module_runs_like_the_command(pawsight_process):
    done = pawsight_process("--version")
    assert done.stdout.decode() == f"pawsight {package.__version__}\n"


def test_name_that_the_terminal_cannot_show_does_not_end_a_command(pawsight_process, colour_run):
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = pawsight_process("predict", "x.jpg", "--model", "läuft", env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: There is no run folder l\\xe4uft.")


def test_matplotlib_is_silent_on_a_home_folder_that_cannot_be_written():
    script = (
        "import contextlib, sys\nfrom pawsight.cli.main import main\n"
        "sys.argv = ['pawsight', '--version']\n"
        "with contextlib.suppress(SystemExit):\n    main()\n"
        "import matplotlib\nmatplotlib.get_configdir()"
    )
    environment = {name: text for name, text in os.environ.items() if name != "MPLCONFIGDIR"}
    environment |= {"HOME": os.devnull, "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stderr == ""
