import pytest

from pawsight.class_weights import class_weights, imbalance_ratio, is_imbalanced


def test_weights_make_each_class_count_alike_and_a_photo_one_on_average():
    counts = [600, 300, 100]
    weights = class_weights(counts)
    # 1000 photos in 3 classes: each class counts 1000 / 3.
    each = [weight * count for weight, count in zip(weights, counts, strict=True)]
    assert each == pytest.approx([1000 / 3] * 3)


def test_weights_are_those_of_scikit_learn():
    import numpy as np
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.repeat([0, 1, 2], [7, 30, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert class_weights([7, 30, 2]) == pytest.approx(expected)


def test_a_class_without_photos_neither_counts_nor_divides_by_zero():
    assert class_weights([30, 0, 10]) == pytest.approx((2 / 3, 0.0, 2.0))
    assert imbalance_ratio([30, 0, 10]) == 3
    assert imbalance_ratio([]) == imbalance_ratio([0]) == imbalance_ratio([7]) == 1


@pytest.mark.parametrize(
    ("counts", "expected"), [([150, 100], False), ([151, 100], True), ([100, 151, 120], True)]
)
def test_uneven_is_more_than_one_and_a_half_to_one(counts, expected):
    assert is_imbalanced(counts) is expected
