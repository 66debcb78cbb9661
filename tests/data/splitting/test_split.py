import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from pawsight.config import SplitConfig
from pawsight.data.catalog import Catalog
from pawsight.data.splitting.split import split
from pawsight.errors import DataError
from pawsight.records import PARTS, Photo

CONFIG = SplitConfig()


def catalog_of(**counts: int) -> Catalog:
    """So many different photos of each class."""
    photos = [
        Photo(f"{name}/{number:04}.jpg", name, sha256=f"{name}{number}")
        for name, count in counts.items()
        for number in range(count)
    ]
    return Catalog("pets", Path("/photos"), tuple(photos))


def counts(catalog: Catalog) -> dict[tuple[str, str], int]:
    return Counter((photo.label, photo.part) for photo in catalog.photos)


def with_copies(catalog: Catalog, *paths: str) -> Catalog:
    """Give the photos of these paths the same bytes."""
    photos = (replace(p, sha256="copy") if p.path in paths else p for p in catalog.photos)
    return replace(catalog, photos=tuple(photos))


def in_part(catalog: Catalog, part: str) -> Catalog:
    return replace(catalog, photos=tuple(replace(p, part=part) for p in catalog.photos))


def joined(*catalogs: Catalog) -> Catalog:
    photos = [photo for catalog in catalogs for photo in catalog.photos]
    return replace(catalogs[0], photos=tuple(photos))


def drawn(photo: Photo, seed: int = 0, purpose: str = "part") -> float:
    """The number, 0 to 1, that decides where a photo without copies or group goes."""
    digest = hashlib.sha256(f"{seed}:{purpose}:photo:{photo.sha256}".encode()).hexdigest()
    return int(digest[:14], 16) / 16**14


def test_each_photo_goes_where_its_draw_leads():
    # So many that each class has its share of each part anyway, give or take a tenth.
    chosen = split(catalog_of(cats=1200, dogs=1500), CONFIG)
    for photo in chosen.photos:
        draw = drawn(photo)
        assert photo.part == ("test" if draw < 0.15 else "validation" if draw < 0.3 else "train")


def test_every_class_has_its_share_of_each_part_give_or_take_a_tenth():
    for seed in range(40):
        found = counts(split(catalog_of(cats=200, dogs=200, eels=40), SplitConfig(seed=seed)))
        for label, test, train in (("cats", 30, 140), ("dogs", 30, 140), ("eels", 6, 28)):
            for part, share in (("test", test), ("validation", test), ("train", train)):
                assert abs(found[label, part] - share) <= max(1, share / 10), (seed, label, part)


def test_only_the_photos_nearest_to_a_bound_make_up_for_chance():
    # Of these dogs 39 instead of 30 draw below 0.15; 131 instead of 140 draw above 0.3.
    catalog = catalog_of(cats=200, dogs=200)
    dogs = sorted((p for p in catalog.photos if p.label == "dogs"), key=drawn)
    assert sum(drawn(dog) < 0.15 for dog in dogs) == 39
    assert sum(drawn(dog) < 0.3 for dog in dogs) == 69
    found = {p.path: p.part for p in split(catalog, CONFIG).photos}
    # A test part of 33, a tenth more than 30, is even enough.
    assert [found[dog.path] for dog in dogs] == (
        ["test"] * 33 + ["train"] * 6 + ["validation"] * 30 + ["train"] * 131
    )


def test_folds_have_their_share_of_each_class():
    for fold in (1, 2, 3):
        config = SplitConfig(folds=3, fold=fold)
        found = counts(split(catalog_of(cats=200, dogs=200), config))
        rest = 200 - found["cats", "test"], 200 - found["dogs", "test"]
        for label, total in zip(("cats", "dogs"), rest, strict=True):
            assert abs(found[label, "validation"] - total / 3) <= total / 30 + 1


def test_a_large_class_is_divided_by_the_fractions():
    found = counts(split(catalog_of(cats=20_000, dogs=2_000), CONFIG))
    # 15 % of n, give or take four times sqrt(0.15 * 0.85 * n): 50.5 and 16.0 photos.
    assert found["cats", "test"] == pytest.approx(3000, abs=202)
    assert found["cats", "validation"] == pytest.approx(3000, abs=202)
    assert found["dogs", "test"] == pytest.approx(300, abs=64)


def test_without_a_test_part_its_photos_are_trained_on():
    chosen = split(catalog_of(cats=1200, dogs=1500), SplitConfig(test_fraction=0))
    for photo in chosen.photos:
        assert photo.part == ("validation" if drawn(photo) < 0.15 else "train")


def test_the_nearest_photos_move_where_a_class_would_leave_parts_empty():
    # With this seed no cat draws a number below 0.3; some dogs do.
    catalog = catalog_of(cats=10, dogs=30)
    first, second = sorted(catalog.photos[:10], key=lambda cat: drawn(cat, seed=10))[:2]
    assert drawn(first, seed=10) == pytest.approx(0.395, abs=0.001)
    found = {p.path: p.part for p in split(catalog, SplitConfig(seed=10)).photos}
    assert (found[first.path], found[second.path]) == ("test", "validation")
    assert Counter(found[photo.path] for photo in catalog.photos[:10])["train"] == 8


def test_names_and_order_of_files_do_not_matter():
    catalog = catalog_of(cats=40, dogs=40)
    by_content = {photo.sha256: photo.part for photo in split(catalog, CONFIG).photos}
    renamed = [replace(photo, path=f"{i}.jpg") for i, photo in enumerate(catalog.photos)]
    Random(0).shuffle(renamed)
    other = split(replace(catalog, photos=tuple(renamed)), CONFIG)
    assert {photo.sha256: photo.part for photo in other.photos} == by_content


def test_the_split_is_the_same_on_any_machine():
    # sha256 of "0:part:photo:cats3" begins with 0035b1, and 0x0035b1 / 0x1000000 is 0.0008;
    # of dogs4 with 3354c2, which is 0.2005; of dogs0 with f5afbb, which is 0.9597.
    chosen = {
        photo.path: photo.part for photo in split(catalog_of(cats=10, dogs=10), CONFIG).photos
    }
    assert chosen["cats/0003.jpg"] == "test"
    assert chosen["dogs/0004.jpg"] == "validation"
    assert chosen["dogs/0000.jpg"] == "train"


def test_another_seed_gives_another_split():
    catalog = catalog_of(cats=40, dogs=40)
    assert split(catalog, SplitConfig(seed=1)).photos != split(catalog, CONFIG).photos
    assert split(catalog, CONFIG).photos == split(catalog, CONFIG).photos


def test_copies_land_in_one_part():
    paths = [f"cats/{number:04}.jpg" for number in range(0, 40, 10)]
    for seed in range(20):
        chosen = split(with_copies(catalog_of(cats=40, dogs=40), *paths), SplitConfig(seed=seed))
        assert len({p.part for p in chosen.photos if p.sha256 == "copy"}) == 1
        assert sum(p.sha256 == "copy" for p in chosen.photos) == 4


def test_copies_across_classes_land_in_one_part():
    for seed in range(20):
        chosen = split(
            with_copies(catalog_of(cats=20, dogs=20), "cats/0000.jpg", "dogs/0000.jpg"),
            SplitConfig(seed=seed),
        )
        assert len({p.part for p in chosen.photos if p.sha256 == "copy"}) == 1


def test_no_part_stays_empty_when_nearly_all_photos_are_copies():
    paths = [f"cats/{number:04}.jpg" for number in range(3, 100)]
    found = counts(split(with_copies(catalog_of(cats=100, dogs=100), *paths), CONFIG))
    # The copies are more than half of their class, so they are trained on whatever they drew.
    assert all(found["cats", part] for part in PARTS)
    assert found["cats", "train"] >= 97


def test_a_broken_photo_gets_no_part():
    catalog = catalog_of(cats=10, dogs=10)
    photos = (replace(catalog.photos[0], problem="empty file", sha256=""), *catalog.photos[1:])
    chosen = split(replace(catalog, photos=photos), CONFIG)
    assert chosen.photos[0].part == ""
    assert all(photo.part for photo in chosen.photos[1:])


def test_two_photos_of_each_class_are_enough():
    found = counts(split(catalog_of(cats=2, dogs=2), CONFIG))
    assert found == {(name, p): 1 for name in ("cats", "dogs") for p in ("train", "validation")}


@pytest.mark.parametrize(
    ("cats", "dogs", "has_test"), [(9, 10, False), (10, 10, True), (3, 50, False), (4, 50, True)]
)
def test_the_test_part_is_made_when_there_are_enough_photos(cats, dogs, has_test):
    found = counts(split(catalog_of(cats=cats, dogs=dogs), CONFIG))
    assert (("cats", "test") in found, ("dogs", "test") in found) == (has_test, has_test)
    assert ("cats", "validation") in found


def test_no_test_part_is_made_when_none_is_wanted():
    found = counts(split(catalog_of(cats=100, dogs=100), SplitConfig(test_fraction=0)))
    assert ("cats", "test") not in found
    assert found["cats", "validation"] > 0


def test_train_never_stays_empty():
    config = SplitConfig(validation_fraction=0.98, test_fraction=0.01)
    found = counts(split(catalog_of(cats=10, dogs=10), config))
    assert found["cats", "train"] >= 1
    assert found["cats", "validation"] >= 1


def test_split_names_the_class_that_is_too_small():
    with pytest.raises(DataError, match=r"Class 'dogs' has 1 photo, but 2 different photos"):
        split(catalog_of(cats=5, dogs=1), CONFIG)


def test_every_class_with_too_few_photos_is_named():
    few = {f"c{number}": 1 for number in range(8)}
    with pytest.raises(DataError) as caught:
        split(catalog_of(cats=50, **few), CONFIG)
    assert str(caught.value).startswith("Class 'c0' has 1 photo, but 2 different photos")
    *_, last = str(caught.value).splitlines()
    assert last.startswith("Other classes with too few: c1, c2, c3, c4, c5 and 2 more. Without all")
    assert last.endswith(": --exclude c0 --exclude c1 --exclude c2 --exclude c3 --exclude c4 ...")


def test_split_reports_how_many_of_a_small_class_are_broken_or_copies():
    catalog = with_copies(catalog_of(cats=5, dogs=3), "dogs/0000.jpg", "dogs/0001.jpg")
    photos = (*catalog.photos[:-1], replace(catalog.photos[-1], problem="empty file"))
    with pytest.raises(DataError, match="of which 1 cannot be read and 1 are copies of others"):
        split(replace(catalog, photos=photos), CONFIG)


def test_split_reports_when_there_is_one_class_only():
    with pytest.raises(DataError, match="only the class 'cats'"):
        split(catalog_of(cats=10), CONFIG)


def test_split_gives_the_first_reasons_when_no_photo_can_be_read():
    photos = tuple(Photo(f"{n}.jpg", "cats", problem="empty file") for n in range(5))
    with pytest.raises(
        DataError, match=r"No photo in .* can be used .5 files(.|\n)*0\.jpg: empty(.|\n)*and 2 more"
    ):
        split(Catalog("pets", Path("/photos"), photos), CONFIG)


def test_parts_of_the_source_are_kept():
    catalog = joined(
        in_part(catalog_of(cats=3, dogs=3), "train"),
        in_part(catalog_of(cats=2, dogs=2), "validation"),
    )
    assert split(catalog, CONFIG).photos == catalog.photos


def test_missing_validation_is_taken_out_of_train():
    catalog = joined(
        in_part(catalog_of(cats=20, dogs=20), "train"), in_part(catalog_of(cats=7, dogs=7), "test")
    )
    chosen = split(catalog, CONFIG)
    for before, after in zip(catalog.photos, chosen.photos, strict=True):
        is_drawn = before.part == "train" and 0.15 <= drawn(before) < 0.3
        assert after.part == ("validation" if is_drawn else before.part)


def test_photos_without_a_part_are_trained_on_beside_those_with_one():
    catalog = joined(catalog_of(cats=5, dogs=5), in_part(catalog_of(cats=2, dogs=2), "validation"))
    assert counts(split(catalog, CONFIG))["cats", "train"] == 5


def test_a_source_without_photos_to_train_on_is_refused():
    with pytest.raises(DataError, match="no photos to train on"):
        split(in_part(catalog_of(cats=5, dogs=5), "validation"), CONFIG)


def test_a_class_that_is_missing_in_train_is_named():
    catalog = joined(
        in_part(catalog_of(cats=5), "train"), in_part(catalog_of(cats=2, dogs=2), "validation")
    )
    with pytest.raises(DataError, match="Class 'dogs' has no photo that can be read in the train"):
        split(catalog, CONFIG)
