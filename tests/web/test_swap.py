"""Another model takes over without a request dropped."""

import shutil
import subprocess
import sys
import threading

import httpx
import onnx
import pytest
from onnx import TensorProto, helper

from pawsight.errors import RunError
from pawsight.web import model_reloader
from pawsight.web.model_reloader import ModelReloader

from .conftest import eventually, form, png


@pytest.fixture
def link(make_colour_run, tmp_path):
    """A path, and a function that makes a run and lets the path lead to it."""
    path = tmp_path / "current"

    def lead_to(name, **changes):
        run = make_colour_run(name, **changes)
        fresh = tmp_path / "fresh"
        fresh.symlink_to(run.path, target_is_directory=True)
        fresh.replace(path)
        return run

    return path, lead_to


def make_endless(run):
    """Let the run's model multiply large matrices for minutes before it answers."""
    model = onnx.load(run.onnx_path)
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [3000, 3000])
    nodes = [helper.make_node("ConstantOfShape", ["shape"], ["product0"])]
    nodes += [
        helper.make_node("MatMul", ["product0", f"product{i}"], [f"product{i + 1}"])
        for i in range(1000)
    ]
    nodes.append(helper.make_node("ReduceMean", ["product1000"], ["nothing"], keepdims=0))
    last = model.graph.node[-1]
    last.output[0] = "answer"
    nodes.append(helper.make_node("Add", ["answer", "nothing"], ["logits"]))
    model.graph.initializer.append(shape)
    model.graph.node.extend(nodes)
    onnx.save(model, run.onnx_path)


def test_new_model_takes_over_without_a_request_dropped(serve, link):
    path, lead_to = link
    lead_to("first", class_names=["red", "green", "blue"])
    client = serve(path, check_seconds=0.1)
    labels, is_over = [], threading.Event()

    def ask():
        with httpx.Client(base_url=client.base_url, timeout=30) as own:
            while not is_over.is_set():
                answer = own.post("/predict", files=form(png()))
                labels.append(answer.json()["predictions"][0]["label"] if answer else answer.text)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        eventually(lambda: len(labels) > 20)
        lead_to("second", class_names=["rouge", "vert", "bleu"])
        eventually(lambda: labels[-1] == "rouge")
        done = len(labels)
        eventually(lambda: len(labels) > done + 20)
    finally:
        is_over.set()
        for asker in askers:
            asker.join()
    assert set(labels) == {"red", "rouge"}
    assert set(labels[-10:]) == {"rouge"}
    assert client.get("/model").json()["name"] == "second"
    info = [line for line in client.get("/metrics").text.splitlines() if "model_info{" in line]
    assert sorted(line[-3:] for line in info) == ["0.0", "1.0"]


def test_request_keeps_the_model_with_which_it_began(serve, link, gate):
    path, lead_to = link
    lead_to("first")
    client = serve(path, check_seconds=0.05)
    answers = []
    asker = threading.Thread(
        target=lambda: answers.append(client.post("/predict", files=form(*[png()] * 9)).json())
    )
    asker.start()
    eventually(lambda: gate.num_begun)
    lead_to("second", class_names=["rouge", "vert", "bleu"])
    eventually(lambda: client.service.model.now.name == "second")
    gate.open()
    asker.join()
    assert answers[0]["model"]["name"] == "first"
    assert {row["label"] for row in answers[0]["predictions"]} == {"red"}


def test_broken_model_does_not_take_over_and_is_reported_once(link, caplog):
    path, lead_to = link
    lead_to("first")
    model = ModelReloader(str(path))
    broken = lead_to("second")
    broken.onnx_path.write_bytes(b"no model")
    for _ in range(5):
        assert not model.refresh()
    assert model.now.name == "first"
    assert len(caplog.records) == 1
    assert "cannot be loaded; the previous model stays in use" in caplog.text
    lead_to("third", class_names=["rouge", "vert", "bleu"])
    assert [model.refresh() for _ in range(3)] == [False, True, False]
    assert model.now.name == "third"


def test_model_that_never_loads_does_not_keep_a_later_one_out(link, caplog, monkeypatch):
    monkeypatch.setattr(model_reloader, "_TEST_SECONDS", 5.0)
    path, lead_to = link
    lead_to("first")
    model = ModelReloader(str(path))
    make_endless(lead_to("second"))
    assert [model.refresh() for _ in range(3)] == [False, False, False]
    assert model.now.name == "first"
    assert "it was not loaded and run once within 5 seconds" in caplog.text
    lead_to("third", class_names=["rouge", "vert", "bleu"])
    monkeypatch.setattr(model_reloader, "_TEST_SECONDS", 120.0)
    assert [model.refresh() for _ in range(2)] == [False, True]


def test_trial_of_a_model_ends_with_the_service(make_colour_run):
    run = make_colour_run()
    make_endless(run)
    command = [sys.executable, "-c", model_reloader._TEST_PROGRAM, str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as trial:
        with pytest.raises(subprocess.TimeoutExpired):
            trial.wait(2)
        trial.stdin.close()
        assert trial.wait(20) == 1


def test_files_that_are_still_being_copied_are_left_alone(make_colour_run):
    run, other = make_colour_run("run"), make_colour_run("other", temperature=2.0)
    model = ModelReloader(str(run.path))
    shutil.copyfile(other.model_path, run.model_path)
    assert not model.refresh()  # it has just changed
    run.onnx_path.write_bytes(run.onnx_path.read_bytes())
    assert not model.refresh()  # and again
    assert model.refresh()
    assert model.now.classifier.temperature == 2.0


def test_a_run_that_is_removed_is_still_served(make_colour_run):
    run = make_colour_run()
    model = ModelReloader(str(run.path))
    shutil.rmtree(run.path)
    assert not any(model.refresh() for _ in range(3))
    assert model.now.classifier.predict(png())[0].label == "red"


def test_service_does_not_start_without_a_run(tmp_path):
    with pytest.raises(RunError, match="There is no run folder"):
        ModelReloader(str(tmp_path / "nothing"))
