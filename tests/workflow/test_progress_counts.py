"""A stage of a stated length counts exactly to its end: a bar is full when the work is done."""

from pawsight.progress import Silent


class Counted(Silent):
    """Adds up what each stage reports."""

    def __init__(self):
        self.stages = []

    def start(self, task, total=None, unit=""):
        self.stages.append([task, total, 0])

    def advance(self, done, **facts):
        assert done >= 0
        self.stages[-1][2] += done

    def check(self, *tasks):
        """Check that these stages were there, and that all with a total were full."""
        counted = {task: (total, done) for task, total, done in self.stages if total is not None}
        assert set(tasks) <= set(counted), counted
        assert all(total == done for total, done in counted.values()), counted


def test_evaluating_counts_every_photo(run):
    from pawsight.workflow import evaluate

    progress = Counted()
    evaluate(run.path, progress=progress)
    assert any(task.startswith("Evaluating on the") for task, _, _ in progress.stages)
    progress.check()


def test_an_export_names_what_it_compares_with_the_model(run, tmp_path):
    from pawsight.workflow.exports import export_all

    progress = Counted()
    assert (
        len(list(export_all(run.path, ("onnx", "colab"), tmp_path / "out", progress=progress))) == 2
    )
    progress.check("Comparing onnx with the model", "Comparing colab with the model")
    assert not any(task.startswith("Evaluating") for task, _, _ in progress.stages)


def test_an_audit_counts_every_photo(photos, tmp_path, monkeypatch):
    from pawsight.workflow import audit

    monkeypatch.setenv("PAWSIGHT_CACHE", str(tmp_path / "cache"))  # else they may be read already

    progress = Counted()
    audit(photos, tmp_path / "audit", progress=progress)
    progress.check("Reading photos", "Comparing photos with their class")


def test_sorting_and_undoing_count_every_file(photos, run, tmp_path):
    from pawsight.workflow import sort, undo_sort

    sorting, undoing = Counted(), Counted()
    sort(photos / "cats", tmp_path / "sorted", run.path, progress=sorting)
    sorting.check()
    assert sorting.stages[-1][1:] == [40, 40]  # the broken photo is not sorted
    undo_sort(tmp_path / "sorted", progress=undoing)
    undoing.check("Undoing")
