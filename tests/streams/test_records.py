from streams.records import in_parts


def test_parts_keep_the_order_and_their_bound() -> None:
    sizes = [5, 5, 11, 1, 10, 0, 0]
    assert list(in_parts(sizes, 10, int)) == [[5, 5], [11], [1], [10, 0, 0]]
    assert list(in_parts([], 10, int)) == []
    assert list(in_parts([30], 10, int)) == [[30]]
