from pawsight.cli.metrics import accuracy_text, print_metrics

EVEN = {
    "n": 2000,
    "accuracy": 0.871,
    "accuracy_interval": [0.8556, 0.8849],
    "balanced_accuracy": 0.7,
    "balanced_accuracy_interval": [0.65, 0.75],
    "log_loss": 0.3,
    "is_imbalanced": False,
}
UNEVEN = EVEN | {"is_imbalanced": True}


def printed(capsys, part) -> list[str]:
    print_metrics({"headline": "test", "parts": {"test": part}})
    return [line for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_an_accuracy_is_written_with_its_interval():
    assert accuracy_text(EVEN) == "87.1 % (85.6 to 88.5)"


def test_where_classes_are_uneven_the_balanced_accuracy_comes_first():
    assert accuracy_text(UNEVEN) == (
        "70.0 % (65.0 to 75.0) balanced, each class counting alike; "
        "87.1 % (85.6 to 88.5) of all photos"
    )


def test_the_table_leads_with_the_number_to_quote(capsys):
    head, _, row = printed(capsys, EVEN)[:3]
    assert head.index("accuracy (95 % interval)") < head.index("balanced accuracy")
    assert row.index("87.1 % (85.6 to 88.5)") < row.index("70.0 %")
    head, _, row = printed(capsys, UNEVEN)[:3]
    assert "balanced accuracy (95 % interval)" in head
    assert row.index("70.0 % (65.0 to 75.0)") < row.index("87.1 %")


def test_metrics_of_an_earlier_version_are_printed_too(capsys):
    old = {name: EVEN[name] for name in ("n", "accuracy", "accuracy_interval")}
    assert "87.1 % (85.6 to 88.5)" in "".join(printed(capsys, old))
