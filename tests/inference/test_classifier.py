"""The classifier: right numbers, any form of photo, and no harm from a hostile run folder."""

import io
import itertools
import json
import pickle
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from math import exp

import numpy as np
import onnx
import pytest
from PIL import Image

from pawsight.errors import PawsightError, RunError, ShapeError
from pawsight.inference import decode_processes, model_runner, photo_decoder
from pawsight.inference.classifier import Classifier
from pawsight.machine import num_cpus
from pawsight.models.description import ModelDescription
from pawsight.records import Prediction
from pawsight.runs import Run

# The model's logits are 4 times the mean colour, so a red photo gives [4, 0, 0].
SURE = exp(4) / (exp(4) + 2)


@pytest.fixture
def classifier(colour_run):
    return Classifier.load(colour_run)


def test_logits_are_what_the_model_computes(classifier, plain_pixels):
    logits = classifier.logits(
        np.concatenate([plain_pixels((255, 0, 0)), plain_pixels((0, 0, 51))])
    )
    assert logits == pytest.approx(np.array([[4, 0, 0], [0, 0, 0.8]]))


def test_probabilities_are_the_softmax_of_the_logits(classifier, plain_pixels):
    probs = classifier.probs(plain_pixels((255, 0, 0)))
    assert probs == pytest.approx(np.array([[SURE, (1 - SURE) / 2, (1 - SURE) / 2]]))


def test_temperature_divides_the_logits(make_colour_run, plain_pixels):
    classifier = Classifier.load(make_colour_run(temperature=2.0))
    assert classifier.probs(plain_pixels((255, 0, 0)))[0, 0] == pytest.approx(exp(2) / (exp(2) + 2))


@pytest.fixture
def left_run(colour_run):
    """A run whose model regards the left half of an image alone."""
    model = onnx.load(colour_run.onnx_path)
    is_left = np.zeros((1, 8, 8, 1), np.float32)
    is_left[:, :, :4] = 1
    model.graph.initializer.append(onnx.numpy_helper.from_array(is_left, "is_left"))
    model.graph.node.insert(0, onnx.helper.make_node("Mul", ["images", "is_left"], ["half"]))
    model.graph.node[1].input[0] = "half"
    colour_run.onnx_path.write_bytes(model.SerializeToString())
    return colour_run


def test_the_mirror_image_counts_half_where_it_is_asked_for(left_run):
    classifier = Classifier.load(left_run)
    red_and_blue = np.zeros((8, 8, 3), np.uint8)
    red_and_blue[:, :4, 0] = red_and_blue[:, 4:, 2] = 255
    high, low = exp(2) / (exp(2) + 2), 1 / (exp(2) + 2)  # the logits are [2, 0, 0]
    plain, mean = [high, low, low], [(high + low) / 2, low, (high + low) / 2]
    for tta, expected in (({}, plain), ({"tta": False}, plain), ({"tta": True}, mean)):
        rows = [
            classifier.probs(red_and_blue[None], **tta)[0],
            *(
                list(found.probabilities.values())
                for found in (
                    *classifier.predict(red_and_blue, **tta),
                    *classifier.predict_iter([red_and_blue], **tta),
                    *classifier.predictions_of(["x"], [red_and_blue], **tta),
                )
            ),
        ]
        assert rows == pytest.approx(np.array([expected] * 4), abs=1e-6)


def test_a_classifier_has_the_settings_of_its_run(make_colour_run):
    classifier = Classifier.load(make_colour_run(temperature=2.5, resize="crop"))
    assert (classifier.temperature, classifier.resize) == (2.5, "crop")
    assert (classifier.image_size, classifier.class_names) == ((8, 8), ("red", "green", "blue"))
    assert repr(classifier).startswith("Classifier('")
    assert repr(classifier).endswith("/run', class_names=['red', 'green', 'blue'])")


def test_more_images_than_one_model_call_takes_keep_their_order(classifier, plain_pixels):
    images = np.concatenate([plain_pixels((i, 0, 0)) for i in range(100)])
    assert classifier.logits(images)[:, 0] == pytest.approx(np.arange(100) * 4 / 255, abs=1e-6)


def test_no_images_give_no_rows(classifier, plain_pixels):
    assert classifier.probs(plain_pixels((0, 0, 0), count=0)).shape == (0, 3)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 8, 8, 3), np.float32),
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((1, 9, 8, 3), np.uint8),
    ],
)
def test_images_of_another_shape_or_type_are_refused(classifier, images):
    with pytest.raises(ShapeError, match=r"uint8 images of shape \[N, 8, 8, 3\]"):
        classifier.logits(images)


def test_every_form_of_a_photo_gives_the_same_prediction(classifier, save_photo):
    path = save_photo("one.png", "blue")
    picture = Image.open(path)
    forms = [path, str(path), path.read_bytes(), picture, np.asarray(picture)]
    for form in forms:
        (found,) = classifier.predict(form)
        assert found.label == "blue"
        assert found.probability == pytest.approx(SURE)
        assert sum(found.probabilities.values()) == pytest.approx(1)
    assert len(classifier.predict(forms)) == 5


def test_prediction_keeps_the_path_as_it_was_given(classifier, save_photo):
    path = save_photo("one.png")
    assert classifier.predict(str(path))[0].path == str(path)
    with Image.open(path) as picture:
        assert classifier.predict(picture)[0].path == str(path)
    assert classifier.predict(path.read_bytes())[0].path == ""


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "F"])
def test_picture_of_any_mode_is_classified(classifier, mode):
    if mode == "I;16":
        picture = Image.fromarray(np.full((8, 8), 40_000, np.uint16))
    else:
        picture = Image.new("RGB", (8, 8), "white").convert("L" if mode in "LA I;16 F" else "RGB")
        picture = picture.convert(mode)
    (found,) = classifier.predict(picture)
    assert not found.error
    assert found.probability == pytest.approx(1 / 3)  # white and grey favour no colour


def test_open_picture_is_turned_upright_like_its_file(classifier):
    picture = Image.new("RGB", (40, 20), "red")
    exif = picture.getexif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.save(file, "PNG", exif=exif)
    (from_bytes,) = classifier.predict(file.getvalue())
    (from_picture,) = classifier.predict(Image.open(file))
    assert from_bytes.probabilities == from_picture.probabilities


def test_bad_photo_is_a_row_with_a_reason_among_the_others(classifier, save_photo, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no photo at all")
    rows = classifier.predict(
        [save_photo("a.png"), bad, tmp_path / "gone.jpg", save_photo("b.png")]
    )
    assert [bool(row.error) for row in rows] == [False, True, True, False]
    assert rows[1].label == "" and rows[1].probabilities == {}
    assert [row.path.rpartition("/")[2] for row in rows] == [
        "a.png",
        "bad.jpg",
        "gone.jpg",
        "b.png",
    ]


def test_row_that_is_decided_passes_through_in_its_place(classifier, save_photo):
    decided = Prediction("nowhere", error="no such folder")
    rows = classifier.predict([save_photo("a.png"), decided, save_photo("b.png")])
    assert rows[1] is decided


def test_array_that_is_no_picture_is_refused(classifier):
    with pytest.raises(ShapeError, match="values 0 to 255"):
        classifier.predict(np.zeros((4, 4, 3), np.float32))


@pytest.mark.parametrize("thing", [7, None, 1.5, {"content": b""}, [7], [None], [["a.jpg"]]])
def test_thing_that_is_no_photo_is_refused(classifier, thing):
    kind = type(thing[0] if isinstance(thing, list) else thing).__name__
    with pytest.raises(TypeError, match=rf"io.BytesIO.* not {kind}") as raised:
        classifier.predict(thing)
    assert isinstance(raised.value, PawsightError)


def test_opened_files_are_photos_alone_and_in_lists(classifier, save_photo):
    path = save_photo("a.png", "blue")
    data = path.read_bytes()
    (expected,) = classifier.predict(data)

    with path.open("rb") as file:
        (of_file,) = classifier.predict(file)
        assert of_file.path == str(path)
        assert of_file.probabilities == expected.probabilities
        many = classifier.predict([io.BytesIO(data), path, file, bytearray(data), file])
    assert [row.probabilities for row in many] == [expected.probabilities] * 5
    assert [row.path for row in many] == ["", str(path), str(path), "", str(path)]
    assert classifier.predict(memoryview(data))[0] == expected


def test_opened_file_is_read_from_its_start_whatever_was_read_before(classifier, save_photo):
    buffer = io.BytesIO()
    Image.open(save_photo("a.png", "blue")).save(buffer, "PNG")  # it stands at its end now
    assert classifier.predict(buffer)[0].label == "blue"


def test_upload_of_a_web_framework_is_a_photo_with_its_name(classifier, save_photo):
    from starlette.datastructures import UploadFile

    upload = UploadFile(io.BytesIO(save_photo("a.png", "blue").read_bytes()), filename="mine.png")
    (row,) = classifier.predict(upload)
    assert (row.path, row.label) == ("mine.png", "blue")


def test_file_that_a_generator_closes_was_read_before(classifier, save_photo):
    def opened():
        for colour in ("red", "blue"):
            with save_photo(f"{colour}.png", colour).open("rb") as file:
                yield file

    assert [row.label for row in classifier.predict(opened())] == ["red", "blue"]


def test_closed_file_is_a_row_and_one_of_text_is_refused(classifier, save_photo):
    path = save_photo("a.png")
    with path.open("rb") as closed:
        pass
    assert "closed file" in classifier.predict(closed)[0].error
    with path.open(encoding="latin-1") as text, pytest.raises(TypeError, match='mode "rb"'):
        classifier.predict(text)


def test_tie_goes_to_the_lower_class_index(classifier, plain_pixels):
    assert classifier.predict(plain_pixels((9, 9, 9))[0])[0].label == "red"


def test_stream_is_taken_only_as_far_as_four_batches_ahead_for_each_core(classifier, plain_pixels):
    taken = itertools.count()
    photos = (plain_pixels((255, 0, 0))[0] for _ in iter(lambda: next(taken), 1000))
    stream = classifier.predict_iter(photos, batch_size=4)
    assert next(stream).label == "red"
    assert next(taken) <= 4 * 4 * num_cpus() + 1
    stream.close()


def test_stream_left_early_leaves_no_thread_behind(classifier, plain_pixels):
    before = set(threading.enumerate())  # other tests in this process may have left some
    stream = classifier.predict_iter((plain_pixels((0, 0, 0))[0] for _ in range(50)), 4)
    next(stream)
    assert set(threading.enumerate()) - before
    stream.close()
    assert not set(threading.enumerate()) - before


def test_many_threads_may_use_one_classifier(classifier, plain_pixels):
    def ask(value: int) -> float:
        return float(classifier.logits(plain_pixels((value, 0, 0)))[0, 0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(200))) == pytest.approx([i * 4 / 255 for i in range(200)])


def test_pickled_classifier_opens_its_run_again(classifier, plain_pixels):
    again = pickle.loads(pickle.dumps(classifier))
    assert again.class_names == classifier.class_names
    assert np.array_equal(
        again.probs(plain_pixels((9, 8, 7))), classifier.probs(plain_pixels((9, 8, 7)))
    )


def test_pickled_classifier_keeps_its_error_rate(make_colour_run):
    points = [
        {"max_error": rate, "confidence": 0.95, "threshold": 1 - rate, "coverage": 0.9, "error": 0}
        for rate in (0.01, 0.05)
    ]
    run = make_colour_run(operating_points=points)
    for rate in (0.01, 0.05):
        again = pickle.loads(pickle.dumps(Classifier.load(run, max_error=rate)))
        assert again.answer_threshold == 1 - rate


def test_run_can_be_given_by_path(colour_run):
    assert Classifier.load(str(colour_run.path)).image_size == (8, 8)


def test_missing_run_is_reported(tmp_path):
    with pytest.raises(RunError, match="no run folder"):
        Classifier.load(tmp_path / "nowhere")


def test_newer_format_advises_to_upgrade(make_colour_run):
    with pytest.raises(RunError, match=r"newer pawsight.*\n.*pip install --upgrade"):
        Classifier.load(make_colour_run(format_version=3))


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("format_version", None),
        ("class_names", ["red"]),
        ("class_names", ["red", "red", "blue"]),
        ("class_names", "red"),
        ("class_names", ["red", "", "blue"]),
        ("image_size", [8]),
        ("image_size", [0, 8]),
        ("image_size", ["8", "8"]),
        ("image_size", [10**9, 8]),
        ("resize", "__import__('os')"),
        ("temperature", 0),
        ("temperature", "1"),
        ("input", "elsewhere"),
    ],
)
def test_damaged_description_names_the_entry(make_colour_run, entry, value):
    with pytest.raises(RunError, match=rf"model.json is damaged:\n  {entry}"):
        Classifier.load(make_colour_run(**{entry: value}))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"temperature": NaN}', "\x00\xff"])
def test_description_that_is_no_json_object_is_refused(colour_run, text):
    colour_run.model_path.write_text(text, encoding="latin-1")
    with pytest.raises(RunError):
        Classifier.load(colour_run)


def test_missing_model_is_reported(colour_run):
    colour_run.onnx_path.unlink()
    with pytest.raises(RunError, match="pawsight resume"):
        Classifier.load(colour_run)


@pytest.mark.parametrize("content", [b"", b"junk", b"\x08\x08" * 500])
def test_model_that_is_no_onnx_is_refused(colour_run, content, capfd):
    colour_run.onnx_path.write_bytes(content)
    with pytest.raises(RunError, match=r"not a model that ONNX Runtime can run|does not map"):
        Classifier.load(colour_run)
    assert capfd.readouterr() == ("", "")


def test_truncated_model_is_refused(colour_run):
    content = colour_run.onnx_path.read_bytes()
    colour_run.onnx_path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RunError):
        Classifier.load(colour_run)


def test_model_of_another_image_size_is_refused(make_colour_run):
    with pytest.raises(RunError, match=r"does not map images of 9 x 8 pixels"):
        Classifier.load(make_colour_run(image_size=[9, 8]))


def test_model_of_another_number_of_classes_is_refused(make_colour_run):
    with pytest.raises(RunError, match="logits of 4 classes"):
        Classifier.load(make_colour_run(class_names=["a", "b", "c", "d"]))


def test_other_outputs_of_a_model_are_left_alone(colour_run, plain_pixels):
    model = onnx.load(colour_run.onnx_path)
    mean = onnx.helper.make_tensor_value_info("mean", onnx.TensorProto.FLOAT, ["n", 3])
    model.graph.output.insert(0, mean)
    colour_run.onnx_path.write_bytes(model.SerializeToString())
    logits = Classifier.load(colour_run).logits(plain_pixels((255, 0, 0)))
    assert logits == pytest.approx(np.array([[4, 0, 0]]))


def test_model_cannot_read_files_beside_it(colour_run, tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.array([4 / 255], np.float32).tobytes())
    model = onnx.load(colour_run.onnx_path)
    (scale,) = model.graph.initializer
    scale.ClearField("float_data")
    scale.raw_data = secret.read_bytes()
    onnx.external_data_helper.set_external_data(scale, location="../../secret.bin", length=4)
    scale.ClearField("raw_data")
    colour_run.onnx_path.write_bytes(model.SerializeToString())
    with pytest.raises(RunError):
        Classifier.load(colour_run)


def test_model_that_gives_no_numbers_is_refused(colour_run, plain_pixels):
    model = onnx.load(colour_run.onnx_path)
    model.graph.initializer[0].float_data[0] = float("nan")
    colour_run.onnx_path.write_bytes(model.SerializeToString())
    with pytest.raises(RunError, match="not return finite logits"):
        Classifier.load(colour_run).probs(plain_pixels((1, 2, 3)))


def test_extra_entries_of_the_description_are_left_alone(make_colour_run):
    run = make_colour_run(created="today", versions={"keras": "3"}, source="photos")
    assert Classifier.load(run).class_names == ("red", "green", "blue")
    assert json.loads(run.model_path.read_text())["created"] == "today"


def test_folder_of_the_model_stands_for_its_run_and_works_alone(
    tmp_path, make_colour_run, save_photo
):
    run = make_colour_run(temperature=1.7)
    photo = save_photo("a.png", "orange")
    expected = Classifier.load(run).predict(photo)
    shutil.copytree(run.path / "model", tmp_path / "elsewhere")

    assert Classifier.load(run.path / "model").predict(photo) == expected
    alone = Classifier.load(tmp_path / "elsewhere")
    assert alone.predict(photo) == expected
    assert pickle.loads(pickle.dumps(alone)).predict(photo) == expected
    assert alone.fingerprint == Classifier.load(run).fingerprint

    run.config_path.write_text("{}")
    assert Run.open(run.path / "model").path == run.path


def test_model_that_was_damaged_on_the_disk_is_refused(make_colour_run):
    run = make_colour_run()
    ModelDescription.load(run).save(run)
    assert Classifier.load(run).class_names == ("red", "green", "blue")
    content = bytearray(run.onnx_path.read_bytes())
    content[-1] ^= 1
    run.onnx_path.write_bytes(content)
    with pytest.raises(RunError, match=r"model.onnx is damaged: its checksum"):
        Classifier.load(run)


def harmful(save_photo, marks):
    """Save twenty blue photos, to which the planted decoder does what the marks say."""
    paths = [save_photo(f"{number:02}.png", "blue") for number in range(20)]
    for number, mark in marks.items():
        paths[number].write_bytes(paths[number].read_bytes() + mark)
    return paths


@pytest.mark.skipif(sys.platform == "win32", reason="there a process has no such limits")
def test_photos_that_crash_block_or_exhaust_the_decoder_have_the_reason(
    classifier, planted, save_photo
):
    marks = {1: b"CRASH", 4: b"HANG", 7: b"MEMORY"}

    found = classifier.predict(iter(harmful(save_photo, marks)))

    assert {number: one.error for number, one in enumerate(found) if one.error} == {
        1: "reading it crashed the decoder, or took all memory",
        4: "took more than 10 seconds to decode",
        7: "needs more memory than there is",
    }
    assert [one.label for one in found].count("blue") == 17


def test_photos_are_decoded_where_no_process_starts(classifier, save_photo, monkeypatch):
    def refused():
        raise OSError("Resource temporarily unavailable")

    monkeypatch.setattr(decode_processes, "WorkerProcess", refused)

    assert [one.label for one in classifier.predict(iter(harmful(save_photo, {})))] == ["blue"] * 20


@pytest.mark.parametrize(
    ("photos", "num_processes"), [([0] * 192, 0), ([0] * 193, 3), (iter([0]), 3)]
)
def test_few_photos_start_no_process(photos, num_processes, monkeypatch):
    monkeypatch.setattr(photo_decoder, "num_cpus", lambda: 3)
    assert photo_decoder.num_processes_for(photos) == num_processes
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert photo_decoder.num_processes_for(photos) == 0


def test_missing_memory_is_not_taken_for_a_damaged_model(colour_run, monkeypatch):
    def fail(*_):
        raise RuntimeError("bfc_arena.cc Failed to allocate memory for requested buffer of size 9")

    classifier = Classifier.load(colour_run)
    monkeypatch.setattr(model_runner, "run_with_timeout", fail)
    with pytest.raises(RunError, match=r"not enough memory to run .*model\.onnx on 1 photo"):
        classifier.logits(np.zeros((1, *classifier.image_size, 3), np.uint8))
