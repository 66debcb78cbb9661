"""A line break in the name of a file, folder or class begins no line of what a person reads."""

import csv

import pytest

LINE = "FORGED line"


def forged(name):
    return f"{name}\n{LINE}"


@pytest.fixture
def photos(tmp_path, save_photo):
    """Two classes with a copy, a broken and an empty photo, beside an empty folder."""
    root = tmp_path / "photos"
    for label, colour in (("cats", "red"), ("dogs", "blue")):
        folder = root / forged(label)
        folder.mkdir(parents=True)
        for i in range(6):
            save_photo("photo.png", colour, (16 + i, 12)).rename(folder / f"{forged(i)}.png")
        (folder / f"{forged('broken')}.jpg").write_bytes(b"\xff\xd8\xff nothing")
        (folder / f"{forged('empty')}.jpg").touch()
    copied = (root / forged("cats") / f"{forged(0)}.png").read_bytes()
    (root / forged("dogs") / f"{forged('copy')}.png").write_bytes(copied)
    (root / forged("nothing")).mkdir()
    return root


def lines(result):
    return [*result.stdout.splitlines(), *result.stderr.splitlines()]


def test_an_audit_shows_the_names_on_one_line(pawsight, photos, tmp_path):
    result = pawsight("audit", photos, "--out", tmp_path / "audit")
    assert result.exit_code == 0, result.stderr
    assert any(r"cats\nFORGED line" in line for line in lines(result))
    assert not [line for line in lines(result) if line.startswith(LINE)]


@pytest.mark.parametrize(
    ("options", "exit_code"),
    [
        ((), 0),
        (("--class-level", "2"), 1),
        (("--group-by", "absent(.)"), 1),
        (("--multi-label",), 0),
    ],
)
def test_training_and_its_errors_and_log_do_too(pawsight, photos, tmp_path, options, exit_code):
    out = tmp_path / "run"
    result = pawsight("train", photos, "--model", "builtin", "--out", out, *options)
    assert result.exit_code == exit_code, result.stderr
    assert not [line for line in lines(result) if line.startswith(LINE)]
    if exit_code == 0:
        log = (out / "log.txt").read_text(encoding="utf-8").splitlines()
        assert any(r"broken\nFORGED line.jpg: damaged" in line for line in log)
        assert not [line for line in log if line.startswith(LINE)]


def test_a_table_that_names_such_photos_does_too(pawsight, photos, tmp_path):
    table = tmp_path / "table.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label"])
        for path in sorted(photos.rglob("*.png")):
            rows.writerow([path.relative_to(tmp_path), forged("cat")])
            rows.writerow([path.relative_to(tmp_path), forged("dog")])
    result = pawsight("train", table, "--model", "builtin", "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert "two labels" in result.stderr, result.stderr
    assert not [line for line in lines(result) if line.startswith(LINE)]
