"""An earlier split that is kept when photos come, go, move and change."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from pawsight.config import SplitConfig
from pawsight.data.catalog import Catalog
from pawsight.data.splitting.saved_split import restore
from pawsight.data.splitting.split import split
from pawsight.errors import DataError, SourceError
from pawsight.records import Photo
from pawsight.runs import Run


def photos_of(label: str, numbers) -> list[Photo]:
    return [Photo(f"{label}/{n:03}.jpg", label, sha256=f"{label}{n}") for n in numbers]


def catalog_of(*photos: Photo) -> Catalog:
    return Catalog("pets", Path("/photos"), tuple(sorted(photos, key=lambda photo: photo.path)))


def parts_by_bytes(catalog: Catalog) -> dict[str, str]:
    return {photo.sha256: photo.part for photo in catalog.photos}


@pytest.fixture
def before() -> Catalog:
    """Divided by another seed, so that a fresh draw would give other parts."""
    catalog = catalog_of(*photos_of("cats", range(40)), *photos_of("dogs", range(40)))
    return split(catalog, SplitConfig(seed=99))


@pytest.fixture
def run(before, tmp_path) -> Run:
    run = Run(tmp_path / "run")
    before.save(run.catalog_path)
    before.save_split(run.split_path)
    return run


def keeping(where, **settings) -> SplitConfig:
    return SplitConfig(keep=str(where), **settings)


def test_a_fresh_draw_would_differ(before):
    undivided = replace(before, photos=tuple(replace(p, part="") for p in before.photos))
    assert split(undivided, SplitConfig()).photos != before.photos


@pytest.mark.parametrize("file", ["", "catalog.csv", "split.csv"])
def test_photos_keep_their_parts_and_new_ones_draw_theirs(before, run, file):
    everything = catalog_of(*photos_of("cats", range(80)), *photos_of("dogs", range(80)))
    found = parts_by_bytes(split(everything, keeping(run.path / file)))
    assert found.items() >= parts_by_bytes(before).items()
    fresh = parts_by_bytes(split(everything, SplitConfig()))
    new = fresh.keys() - parts_by_bytes(before).keys()
    assert len(new) == 80
    assert {found[sha256] for sha256 in new} == {"train", "validation", "test"}
    for sha256 in new:  # as their draws lead, whatever the shares are then
        digest = hashlib.sha256(f"0:part:photo:{sha256}".encode()).hexdigest()
        draw = int(digest[:14], 16) / 16**14
        assert found[sha256] == ("test" if draw < 0.15 else "validation" if draw < 0.3 else "train")


def test_photos_that_were_moved_are_known_by_their_bytes(before, run):
    moved = [replace(p, path=f"new/{p.path}", part="") for p in before.photos]
    found = parts_by_bytes(split(catalog_of(*moved), keeping(run.path)))
    assert found == parts_by_bytes(before)


def test_other_bytes_under_a_known_path_are_a_new_photo_where_bytes_are_known(before, run):
    changed = [replace(p, sha256=f"new {p.sha256}", part="") for p in before.photos[:40]]
    catalog = catalog_of(*changed, *(replace(p, part="") for p in before.photos[40:]))
    fresh = parts_by_bytes(split(catalog, SplitConfig()))
    found = parts_by_bytes(split(catalog, keeping(run.path)))
    assert all(found[photo.sha256] == fresh[photo.sha256] for photo in changed)


def test_a_new_copy_follows_the_part_of_its_original(before, run):
    test = next(i for i, photo in enumerate(before.photos) if photo.part == "test")
    copy = replace(before.photos[test], path="zebra.jpg", part="")
    near = replace(copy, path="zulu.jpg", sha256="re-encoded")
    catalog = replace(before, photos=(*before.photos, copy, near))
    undivided = replace(catalog, photos=tuple(replace(p, part="") for p in catalog.photos))
    chosen = split(undivided, keeping(run.path), [[test, len(before.photos) + 1]])
    assert [photo.part for photo in chosen.photos[-2:]] == ["test", "test"]


def test_kept_parts_stay_even_where_they_tear_copies_apart_and_a_new_one_is_trained_on(before, run):
    train, test = (
        next(i for i, photo in enumerate(before.photos) if photo.part == part)
        for part in ("train", "test")
    )
    new = Photo("zulu.jpg", "cats", sha256="new")
    photos = (*(replace(p, part="") for p in before.photos), new)
    catalog = replace(before, photos=photos)
    chosen = split(catalog, keeping(run.path), [[train, test, len(photos) - 1]])
    assert chosen.photos[:-1] == before.photos
    assert chosen.photos[-1].part == "train"


def test_the_test_part_is_kept_when_folds_are_made(before, run):
    undivided = replace(before, photos=tuple(replace(p, part="") for p in before.photos))
    for fold in (1, 2, 3):
        chosen = split(undivided, keeping(run.path, folds=3, fold=fold))
        assert [p.part == "test" for p in chosen.photos] == [
            p.part == "test" for p in before.photos
        ]


def test_validation_taken_out_of_a_given_train_part_is_kept(tmp_path):
    given = catalog_of(
        *(replace(p, part="train") for p in photos_of("cats", range(30))),
        *(replace(p, part="train") for p in photos_of("dogs", range(30))),
        *(replace(p, part="test") for p in photos_of("dogs", range(30, 40))),
    )
    before = split(given, SplitConfig(seed=99))
    before.save(tmp_path / "catalog.csv")
    assert split(given, SplitConfig()).photos != before.photos
    assert split(given, keeping(tmp_path / "catalog.csv")).photos == before.photos


def test_a_table_of_a_persons_own_is_understood(before, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("Path;Part\ncats/000.jpg;Test\ndogs/001.jpg;val\ncats/002.jpg;\n")
    undivided = replace(before, photos=tuple(replace(p, part="") for p in before.photos))
    chosen = {p.path: p.part for p in split(undivided, keeping(table)).photos}
    assert (chosen["cats/000.jpg"], chosen["dogs/001.jpg"]) == ("test", "validation")


def test_a_folder_that_is_no_run_is_named(before, tmp_path):
    with pytest.raises(DataError, match=r"is not a run folder: it has neither catalog\.csv nor"):
        split(catalog_of(*photos_of("a", range(9)), *photos_of("b", range(9))), keeping(tmp_path))


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"gone\.csv cannot be read: No such file"):
        split(
            catalog_of(*photos_of("a", range(9)), *photos_of("b", range(9))),
            keeping(tmp_path / "gone.csv"),
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\nb.jpg,cat\n", "has no column part"),
        ("path,part\na/000.jpg,left\n", "Line 2 of .* has the part 'left'"),
        ("path,part\nelsewhere.jpg,train\n", "None of the photos in /photos is named in"),
    ],
)
def test_a_table_that_keeps_nothing_is_refused(tmp_path, text, message):
    (tmp_path / "kept.csv").write_text(text)
    catalog = catalog_of(*photos_of("a", range(9)), *photos_of("b", range(9)))
    with pytest.raises(DataError, match=message):
        split(catalog, keeping(tmp_path / "kept.csv"))


def test_parts_that_leave_nothing_for_validation_are_refused(tmp_path):
    (tmp_path / "kept.csv").write_text(
        "path,part\n" + "".join(f"{c}/{n:03}.jpg,train\n" for c in "ab" for n in range(9))
    )
    catalog = catalog_of(*photos_of("a", range(9)), *photos_of("b", range(9)))
    with pytest.raises(DataError, match=r"no photo was in the validation part"):
        split(catalog, keeping(tmp_path / "kept.csv"))


def test_a_split_is_restored_exactly_whatever_made_it(before, run, tmp_path):
    given = tuple(
        replace(p, part=("train", "validation")[i % 2]) for i, p in enumerate(before.photos)
    )
    folded = split(replace(before, photos=given), SplitConfig(folds=4, fold=3))
    folded.save(tmp_path / "catalog.csv")
    assert restore(replace(before, photos=given), str(tmp_path / "catalog.csv")).photos == (
        folded.photos
    )


def test_a_new_photo_has_no_part_in_a_restored_split(before, run):
    new = Photo("new.jpg", "cats", sha256="new", part="train")
    restored = restore(replace(before, photos=(*before.photos, new)), str(run.path))
    assert restored.photos == (*before.photos, replace(new, part=""))


@pytest.mark.parametrize("file", ["catalog.csv", "split.csv"])
def test_a_photo_with_the_name_of_a_formula_keeps_its_part(tmp_path, file):
    catalog = catalog_of(Photo("=1.jpg", "=cats", "test"), Photo("cats/1.jpg", "=cats", "train"))
    run = Run(tmp_path / "run")
    catalog.save(run.catalog_path)
    catalog.save_split(run.split_path)
    undivided = replace(catalog, photos=tuple(replace(p, part="") for p in catalog.photos))

    assert restore(undivided, str(run.path / file)) == catalog
