from pawsight.cli.metrics import headline_rows, print_metrics
from pawsight.evaluation.results import Evaluation

EVEN = {
    "n": 2000,
    "accuracy": 0.871,
    "accuracy_interval": [0.8556, 0.8849],
    "balanced_accuracy": 0.7,
    "balanced_accuracy_interval": [0.65, 0.75],
    "log_loss": 0.3,
    "is_imbalanced": False,
}
IMBALANCED_RATIO = EVEN | {"is_imbalanced": True}


def of(part) -> Evaluation:
    return Evaluation.from_json({"headline": "test", "parts": {"test": part}})


def printed(capsys, part) -> list[str]:
    print_metrics(of(part))
    return [line for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_an_accuracy_is_written_with_its_interval():
    assert headline_rows(of(EVEN))[0] == (
        "accuracy on 2,000 test photos",
        "87.1 % (85.6 to 88.5)",
    )


def test_where_classes_are_uneven_the_balanced_accuracy_comes_first():
    first, others = headline_rows(of(IMBALANCED_RATIO))
    assert first == ("balanced accuracy on 2,000 test photos", "70.0 % (65.0 to 75.0)")
    assert others[1].startswith("accuracy 87.1 %, ")


def test_the_table_leads_with_the_number_to_quote(capsys):
    head, _, photos, *rows = printed(capsys, EVEN)
    assert head.split() == ["score", "(95", "%", "interval)", "test"]
    assert photos.split() == ["photos", "2,000"]
    assert rows[0].split() == ["accuracy", "87.1", "%", "(85.6", "to", "88.5)"]
    assert printed(capsys, IMBALANCED_RATIO)[3].split()[:4] == ["balanced", "accuracy", "70.0", "%"]


def test_metrics_of_an_earlier_version_are_printed_too(capsys):
    old = {name: EVEN[name] for name in ("n", "accuracy", "accuracy_interval")}
    rows = printed(capsys, old)
    assert "87.1 % (85.6 to 88.5)" in "".join(rows)
    assert "log loss -" in " ".join("".join(rows).split())


def test_copies_of_training_photos_are_left_out_in_a_column_of_their_own(capsys):
    copies = {"num_photos": 1500, "without": EVEN | {"n": 500, "accuracy": 0.73}}
    found = {"headline": "test", "parts": {"test": EVEN}, "training_copies": copies}
    print_metrics(Evaluation.from_json(found))
    head, _, photos, accuracy, *_ = (
        line for line in capsys.readouterr().out.splitlines() if line.strip()
    )
    assert head.strip().endswith("without copies of training photos")
    assert photos.split() == ["photos", "2,000", "500"]
    assert "73.0 %" in accuracy
