from pawsight.data.disjoint_sets import DisjointSets


def test_joined_indices_are_one_group_whatever_the_order_of_joining():
    joined = DisjointSets(6)
    joined.join(5, 3)
    joined.join_all([1, 4])
    joined.join(4, 5)
    assert joined.groups(range(6)) == [[0], [1, 3, 4, 5], [2]]
    assert joined.root(5) == 1


def test_groups_have_the_given_indices_only():
    joined = DisjointSets(4)
    joined.join_all([3, 0, 2])
    assert joined.groups([2, 1, 3]) == [[2, 3], [1]]
