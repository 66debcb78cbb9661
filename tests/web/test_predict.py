"""POST /predict: photos in, answers out, in every form in which photos come."""

import io
from math import exp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pawsight.inference.classifier import Classifier

from .conftest import BLUE, GREEN, RED, form, png

SURE = exp(4) / (exp(4) + 2)  # of a photo in one colour, by the model of the fixture


def test_photos_of_a_form_are_answered_in_their_order(client, colour_run):
    answer = client.post("/predict", files=form(png(GREEN), png(RED), png(BLUE)))
    assert answer.status_code == 200
    found = answer.json()
    assert [row["name"] for row in found["predictions"]] == ["0.png", "1.png", "2.png"]
    assert [row["label"] for row in found["predictions"]] == ["green", "red", "blue"]
    assert found["model"]["name"] == "run"
    assert found["model"]["fingerprint"] == Classifier.load(colour_run).fingerprint
    first = found["predictions"][0]
    assert first["probability"] == pytest.approx(SURE)
    assert list(first["probabilities"]) == ["red", "green", "blue"]
    assert sum(first["probabilities"].values()) == pytest.approx(1)
    assert first["error"] == ""


def test_one_photo_may_be_sent_as_it_is(client):
    headers = {"content-type": "image/png", "x-filename": "my%20cat.png"}
    (row,) = client.post("/predict", content=png(BLUE), headers=headers).json()["predictions"]
    assert (row["name"], row["label"]) == ("my cat.png", "blue")


def test_name_of_a_photo_may_be_in_any_script(client):
    headers = {"content-type": "application/octet-stream", "x-filename": "čička.png".encode()}
    (row,) = client.post("/predict", content=png(), headers=headers).json()["predictions"]
    assert row["name"] == "čička.png"


def test_answers_are_those_of_the_classifier(serve, save_photo):
    path = save_photo("a.png", "orange", (60, 40))
    headers = {"content-type": "image/png"}
    (row,) = (
        serve(None)
        .post("/predict", content=path.read_bytes(), headers=headers)
        .json()["predictions"]
    )
    import pawsight

    (expected,) = pawsight.load().predict(path)
    assert row["label"] == expected.label
    assert row["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)


@pytest.mark.parametrize(
    ("query", "expected"), [("", False), ("?tta=false", False), ("?tta=1", True)]
)
def test_tta_is_off_unless_asked_for(client, monkeypatch, query, expected):
    asked = []
    predict = client.service.predict
    monkeypatch.setattr(
        client.service, "predict", lambda request, tta: asked.append(tta) or predict(request, tta)
    )
    assert client.post(f"/predict{query}", files=form(png())).status_code == 200
    assert asked == [expected]


def test_tta_looks_at_the_mirrored_photo_too(client, colour_run):
    row = client.post("/predict?tta=true", files=form(png())).json()["predictions"][0]
    assert row["probability"] == pytest.approx(SURE)  # a plain photo is its own mirror


def test_answer_is_sure_from_the_threshold_on(serve, colour_run):
    # A photo in one colour has a probability of 0.965.
    for least, is_sure in ((0.96, True), (0.97, False)):
        client = serve(colour_run.path, sure=least)
        row = client.post("/predict", files=form(png())).json()["predictions"][0]
        assert row["is_sure"] is is_sure


def test_photo_that_cannot_be_read_is_a_row_among_others(client):
    rows = client.post("/predict", files=form(png(), b"no photo", png(BLUE))).json()["predictions"]
    assert [row["label"] for row in rows] == ["red", "", "blue"]
    bad = rows[1]
    assert bad["error"] == "not a photo: text"
    assert (bad["probability"], bad["probabilities"], bad["is_sure"]) == (0.0, {}, False)


def test_when_no_photo_can_be_read_the_reasons_are_reported(client):
    answer = client.post("/predict", files=form(b"no photo"))
    assert answer.status_code == 422
    assert answer.json() == {"detail": "No photo could be read: 0.png: not a photo: text"}


def test_half_a_photo_is_refused_with_a_reason(client):
    answer = client.post("/predict", files=form(png(size=(300, 300))[:150]))
    assert answer.status_code == 422
    assert "0.png: " in answer.json()["detail"]


def test_decompression_bomb_is_refused(client):
    file = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(file, "PNG")
    assert len(file.getvalue()) < 100_000
    answer = client.post("/predict", files=form(file.getvalue()))
    assert answer.status_code == 422
    assert "more pixels than the limit" in answer.json()["detail"]


def test_pixels_have_a_limit_of_their_own(serve, colour_run):
    client = serve(colour_run.path, max_pixels=1_000_000)
    answer = client.post("/predict", files=form(png(size=(1001, 1000))))
    assert answer.status_code == 422
    assert "more pixels than the limit of 1 million" in answer.json()["detail"]
    assert client.post("/predict", files=form(png(size=(1000, 1000)))).status_code == 200


def test_body_that_declares_it_is_too_large_is_refused(serve, colour_run):
    answer = serve(colour_run.path, max_bytes=2000).post("/predict", files=form(bytes(2001)))
    assert answer.status_code == 413
    assert answer.json() == {"detail": "At most 2,000 bytes may be sent in one request."}


@pytest.mark.parametrize("kind", ["image/png", "multipart/form-data; boundary=b"])
def test_body_that_turns_out_too_large_is_refused(serve, colour_run, kind):
    def chunks():
        yield b'--b\r\nContent-Disposition: form-data; name="photos"; filename="a"\r\n\r\n'
        for _ in range(50):
            yield bytes(100)

    client = serve(colour_run.path, max_bytes=2000)
    answer = client.post("/predict", content=chunks(), headers={"content-type": kind})
    assert answer.status_code == 413
    assert client.service._memory.num_bytes == 0


@pytest.mark.parametrize(("last", "is_refused"), [(1000, False), (1001, True)])
def test_all_bytes_of_a_body_count_against_the_limit(
    serve, colour_run, last, is_refused, monkeypatch
):
    chunks = iter([bytes(1000), bytes(last)])
    client = serve(colour_run.path, max_bytes=2000)
    kept, memory = [], client.service._memory
    add = memory.add
    monkeypatch.setattr(memory, "add", lambda count: kept.append(count) or add(count))
    answer = client.post("/predict", content=chunks, headers={"content-type": "image/png"})
    assert (answer.status_code == 413) is is_refused
    assert sum(kept) <= 2000


def test_more_photos_than_a_request_may_have_are_refused(serve, colour_run):
    client = serve(colour_run.path, max_photos=2)
    answer = client.post("/predict", files=form(png(), png(), png()))
    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("At most 2 photos may be in a request")
    assert client.post("/predict", files=form(png(), png())).status_code == 200


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        ({}, 415, "Send photos as multipart/form-data in the field 'photos'"),
        ({"json": {"a": 1}}, 415, "Send photos as"),
        ({"headers": {"content-type": "image/jpeg"}}, 422, "its body is empty"),
        ({"files": [("pictures", ("a.png", png()))]}, 422, "send files in the field 'photos'"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "boundary"),
        (
            {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}},
            400,
            "The form cannot be read",
        ),
        ({"params": {"tta": "perhaps"}}, 422, "tta: Input should be a valid boolean"),
    ],
)
def test_what_is_no_photo_gets_a_reason(client, request_, status, reason):
    answer = client.post("/predict", **request_)
    assert answer.status_code == status
    assert reason in answer.json()["detail"]
    assert list(answer.json()) == ["detail"]


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    head=st.sampled_from([b"", png(), b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\0\0\0\0WEBP"]),
    rest=st.binary(max_size=300),
    kind=st.sampled_from(["image/png", "application/octet-stream", "form"]),
    part=st.sampled_from(
        [
            b'Content-Disposition: form-data; name="photos"; filename="a"\r\n\r\n',
            b"Content-Disposition: form-data; name=photos; filename*=utf-8''%ff%fe\r\n\r\n",
            b'Content-Disposition: form-data; name="\xff\xfe"; filename="\0"\r\n\r\n',
            b"Content-Disposition: \r\n\r\n",
            b"\r\n",
            b"",
        ]
    ),
)
def test_no_bytes_make_the_service_fail(client, head, rest, kind, part):
    body = head + rest
    if kind == "form":
        body = b"--b\r\n" + part + body + b"\r\n--b--\r\n"
        kind = "multipart/form-data; boundary=b"
    answer = client.post("/predict", content=body, headers={"content-type": kind})
    assert answer.status_code < 500
    assert answer.status_code == 200 or answer.json()["detail"]


def test_several_labels_are_those_that_reach_their_threshold(serve, make_colour_run):
    # A red photo has the logits 4, 0 and 0: probabilities 0.982, 0.5 and 0.5.
    run = make_colour_run(
        "several", format_version=2, task="multi-label", thresholds=[0.5, 0.6, 0.4]
    )
    client = serve(run.path)
    card = client.get("/model").json()
    assert (card["task"], card["thresholds"]) == ("multi-label", [0.5, 0.6, 0.4])
    (row,) = client.post("/predict", files=form(png())).json()["predictions"]
    assert (row["label"], row["labels"], row["answer"]) == ("blue;red", ["red", "blue"], "blue;red")
    assert row["probabilities"] == pytest.approx(
        {"red": 0.982, "green": 0.5, "blue": 0.5}, abs=1e-3
    )
    assert row["probability"] == pytest.approx(0.5)  # of the least certain decision
    assert row["is_sure"] is True
