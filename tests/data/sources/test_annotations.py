"""Files that annotate what is where in photos are recognised by their first lines."""

import pytest

from pawsight.data.sources.annotations import advice_on_annotations, names_photos

BOX = "0 0.5 0.5 0.2 0.1\n"


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.json", '{"file_name": "a.jpg"}', "COCO"),
        ("a.json", '{"image_id" : 3}', "COCO"),
        ("a.json", '{"images": [], "annotations": []}', "COCO"),
        ("a.json", '{"images": []}', ""),
        ("a.json", '{"shapes": [], "imagePath": "a.jpg"}', "LabelMe"),
        ("a.json", '{"shapes": []}', ""),
        ("a.json", '{"regions": [{"shape_attributes": {}}]}', "VIA"),
        ("a.json", '{"regions": []}', ""),
        ("a.xml", "<annotation><object/></annotation>", "Pascal VOC"),
        ("a.xml", "<annotation></annotation>", ""),
        ("a.txt", BOX * 3, "YOLO"),
        ("a.txt", BOX + "0 0.5 0.", "YOLO"),  # the last line may be cut
        ("a.txt", BOX + "cats\n" + BOX, ""),
        ("a.txt", "0 0.5 0.5 0.2\n", ""),
        ("a.txt", BOX * 20 + "cats\n", "YOLO"),  # twenty lines are enough
        ("a.txt", "", ""),
        ("a.yaml", "names: [a]\ntrain: x", "YOLO"),
        ("a.YML", "nc: 2\nnames: [a]", "YOLO"),
        ("a.yaml", "names: [a]", ""),
        ("a.yaml", "my names: 1\nnc: 2", ""),
        ("a.md", BOX, ""),
    ],
)
def test_annotations_are_known_by_what_they_hold(tmp_path, name, text, kind):
    (tmp_path / name).write_text(text)
    advice = advice_on_annotations(tmp_path)
    assert advice.startswith(f"{name} holds {kind} annotations: pawsight classifies") == bool(kind)
    assert bool(advice) == bool(kind)


@pytest.mark.parametrize(("depth", "is_found"), [(0, True), (3, True), (4, False)])
def test_folders_are_searched_three_levels_deep(tmp_path, depth, is_found):
    folder = tmp_path.joinpath(*"abcd"[:depth])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "boxes.txt").write_text(BOX)
    assert bool(advice_on_annotations(tmp_path)) is is_found


@pytest.mark.parametrize(("num_others", "is_found"), [(2, True), (3, False)])
def test_three_files_of_an_ending_are_read(tmp_path, num_others, is_found):
    for number in range(num_others):
        (tmp_path / f"a{number}.txt").write_text("cats")
    (tmp_path / "b.txt").write_text(BOX)
    assert bool(advice_on_annotations(tmp_path)) is is_found
    (tmp_path / "c.xml").write_text("<annotation><object/>")
    assert advice_on_annotations(tmp_path)


def test_hidden_files_and_folders_that_are_gone_are_passed_over(tmp_path):
    (tmp_path / ".boxes.txt").write_text(BOX)
    assert advice_on_annotations(tmp_path) == advice_on_annotations(tmp_path / "gone") == ""


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a.jpg 0\n\nb.png 1\n", True),
        ("cats,a.jpg\ndogs,b.jp", True),  # the last line may be cut
        ("cats\na.jpg\nb.jpg\n", False),
        ("a.jpg", True),
        ("cats", False),
        ("", False),
        ("a.jpg\n" * 20 + "cats\ncats\n", True),
    ],
)
def test_a_list_names_a_photo_in_each_line(tmp_path, text, names):
    (tmp_path / "list.txt").write_text(text)
    assert names_photos(tmp_path / "list.txt") is names
