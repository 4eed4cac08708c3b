"""rectool.mx.image.ImageDetIter: last batches, shapes that change, hooks, drawings."""

from __future__ import annotations

import logging
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_mx_det_iter import BOX, NONE, SHAPE, counted, epoch, write

import rectool.mx as mx
from rectool import ImageError

ImageDetIter = mx.image.ImageDetIter


def classes(batch: Any) -> list[tuple[int, int]]:
    """Each row's key and number of boxes."""
    (data,), (label,) = batch.data, batch.label
    counts = (label[:, :, 0] >= 0).sum(axis=1)
    return list(zip(data[:, 0, 0, 0].astype(int).tolist(), counts.tolist(), strict=True))


def test_the_last_batch(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(3, 1, 0, 2, 1))
    one, two, three, four, five = (10, 3), (11, 1), (12, 0), (13, 2), (14, 1)
    source = ImageDetIter(3, SHAPE, path_imgrec=rec)
    for _ in range(2):
        batches = list(source)
        assert [batch.pad for batch in batches] == [0, 1]
        assert [classes(batch) for batch in batches] == [[one, two, three], [four, five, one]]
        assert list(source) == []
        source.reset()
    source = ImageDetIter(3, SHAPE, path_imgrec=rec, last_batch_handle="discard")
    assert [classes(batch) for batch in source] == [[one, two, three]]
    source = ImageDetIter(3, SHAPE, path_imgrec=rec, last_batch_handle="roll_over")
    assert [classes(batch) for batch in source] == [[one, two, three]]
    source.reset()
    batches = list(source)
    assert [classes(batch) for batch in batches] == [[four, five, one], [two, three, four]]
    assert batches[0].label[0][1].tolist() == [[0, *BOX], NONE, NONE]


def test_a_set_smaller_than_a_batch(tmp_path: Path) -> None:
    (batch,) = ImageDetIter(5, SHAPE, path_imgrec=write(tmp_path / "a.rec", counted(2, 0)))
    assert batch.pad == 3
    assert classes(batch) == [(10, 2), (11, 0), (10, 2), (11, 0), (10, 2)]


# Shapes.


def test_room_for_more_boxes(tmp_path: Path) -> None:
    source = ImageDetIter(1, SHAPE, path_imgrec=write(tmp_path / "a.rec", counted(2, 1)))
    source.reshape(label_shape=[3, 5])
    assert source.label_shape == (3, 5)
    assert source.provide_label == [("label", (1, 3, 5))]
    assert epoch(source) == [
        (10, [[0, *BOX], [1, *BOX], NONE]),
        (11, [[0, *BOX], NONE, NONE]),
    ]
    source.reshape()
    assert source.label_shape == (3, 5)
    for bad in ((2, 5), (3, 6), (3, 4), (3,), (3, 5, 1)):
        for refuse in (source.check_label_shape, lambda bad: source.reshape((3, 9, 9), bad)):
            with pytest.raises(ValueError, match=r"label_shape \(\d.* it is \(3, 5\)"):
                refuse(bad)
    assert (source.label_shape, source.data_shape) == ((3, 5), SHAPE)
    source.check_label_shape((3, 5))


def test_images_of_another_size(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(2, 1, 1))
    source = ImageDetIter(2, (3, 6, 8), path_imgrec=rec, mean=True, last_batch_handle="roll_over")
    kinds = [type(one) for one in source.auglist]
    source.reshape([3, 9, 5], (4, 5))
    assert source.data_shape == (3, 9, 5)
    assert source.provide_data == [("data", (2, 3, 9, 5))]
    assert [type(one) for one in source.auglist] == kinds
    batch = source.next()
    assert batch.data[0].shape == (2, 3, 9, 5)
    assert batch.label[0].shape == (2, 4, 5)
    with pytest.raises(ValueError, match=r"data_shape .*got \(1, 9, 5\)"):
        source.reshape((1, 9, 5))
    with pytest.raises(StopIteration):
        source.next()
    with pytest.raises(ValueError, match=r"samples of \(3, 9, 5\) are to be rolled over"):
        source.reshape((3, 6, 8))
    source.reshape((3, 9, 5), (5, 5))
    source.reset()
    batch = source.next()
    assert batch.label[0].shape == (2, 5, 5)
    assert batch.label[0][0].tolist() == [[0, *BOX], *[NONE] * 4]
    source.hard_reset()
    source.reshape((3, 6, 8))
    assert source.next().data[0].shape == (2, 3, 6, 8)


def test_only_what_resizes_to_the_old_size_changes(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(1))
    borrow, force = mx.image.DetBorrowAug, mx.image.ForceResizeAug
    given = [borrow(force((9, 9))), borrow(force((4, 4), 0)), borrow(mx.image.CastAug())]
    source = ImageDetIter(1, SHAPE, path_imgrec=rec, aug_list=given)
    assert source.auglist is given
    source.reshape((3, 6, 8))
    sizes = [(one.augmenter.size, one.augmenter.interp) for one in source.auglist[:2]]
    assert sizes == [((9, 9), 2), ((8, 6), 0)]
    assert given[1].augmenter.size == (4, 4)
    assert source.next().data[0].shape == (1, 3, 6, 8)


def test_two_of_one_shape(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train, val, other = (
        write(tmp_path / f"{name}.rec", labels)
        for name, labels in (
            ("train", counted(1, 4)),
            ("val", counted(2)),
            ("other", counted(9, width=6)),
        )
    )
    for first, second in ((train, val), (val, train)):
        here, there = (ImageDetIter(1, SHAPE, path_imgrec=rec) for rec in (first, second))
        with caplog.at_level(logging.INFO):
            caplog.clear()
            assert here.sync_label_shape(there, verbose=True) is there
            assert [record.message for record in caplog.records] == ["label_shape is now (4, 5)"]
            assert here.sync_label_shape(there) is there
            ImageDetIter(1, SHAPE, path_imgrec=val).sync_label_shape(here)
            assert len(caplog.records) == 1
        assert here.label_shape == there.label_shape == (4, 5)
        assert here.next().label[0].shape == there.next().label[0].shape == (1, 4, 5)
    with pytest.raises(ValueError, match="boxes have 5 numbers here, and 6 there"):
        here.sync_label_shape(ImageDetIter(1, SHAPE, path_imgrec=other))
    with pytest.raises(TypeError, match="requires an ImageDetIter"):
        here.sync_label_shape(mx.image.ImageIter(1, SHAPE, imglist=[[1, "a"]]))


# Hooks.


class Own(mx.image.ImageDetIter):  # type: ignore[misc, name-defined]
    """Leaves out the image 11, takes only the first box, and paints."""

    def check_valid_image(self, data: Any) -> None:
        (image,) = data
        if image[0, 0, 0].asscalar() == 11:
            raise RuntimeError

    def _parse_label(self, label: Any) -> Any:
        return super()._parse_label(label)[:1]

    def augmentation_transform(self, data: Any, label: Any) -> Any:
        data, label = super().augmentation_transform(data, label)
        return data + 100, label + 1

    def postprocess_data(self, datum: Any) -> Any:
        return super().postprocess_data(datum) * 2


def test_hooks(tmp_path: Path) -> None:
    source = Own(2, SHAPE, path_imgrec=write(tmp_path / "a.rec", counted(2, 1, 3)))
    assert source.label_shape == (1, 5)
    moved = [1 + value for value in BOX]
    assert epoch(source) == [(220, [[1, *moved]]), (224, [[1, *moved]])]


class Give(mx.image.DetAugmenter):  # type: ignore[misc, name-defined]
    def __init__(self, label: Any) -> None:
        super().__init__()
        self.label = label

    def __call__(self, src: Any, label: Any) -> Any:
        return src, self.label


def test_boxes_of_own_augmenters(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(2))
    rows = np.full((2, 5), 0.5)
    for fits in (rows, rows[:1], rows[:0]):
        (batch,) = ImageDetIter(1, SHAPE, path_imgrec=rec, aug_list=[Give(fits)])
        assert batch.label[0][0].tolist() == [*fits.tolist(), *[NONE] * (2 - len(fits))]
    for bad in (np.zeros((3, 5)), np.zeros((1, 6)), np.zeros(5)):
        source = ImageDetIter(1, SHAPE, path_imgrec=rec, aug_list=[Give(bad)])
        with pytest.raises(ValueError, match=r"a\.rec: .* key 10: boxes of shape \(.* is \(2, 5\)"):
            source.next()
    source = ImageDetIter(1, (3, 9, 9), path_imgrec=rec, aug_list=[])
    with pytest.raises(ValueError, match=r"the key 10: augmented it has the shape \(3, 4, 4\)"):
        source.next()


# Drawings. Images are grey, 40 pixels wide and high; BOX is from 10 to 30.

SQUARE = (3, 40, 40)


@pytest.fixture
def source(tmp_path: Path) -> Any:
    rec = write(tmp_path / "a.rec", [*counted(1, 0), [2, 5, 4, 0, 0, 0.25, 0.5]])
    return ImageDetIter(2, SQUARE, path_imgrec=rec)


def differing(picture: Any, grey: int) -> set[tuple[int, int]]:
    return {(int(x), int(y)) for y, x in np.argwhere((picture != grey).any(axis=2))}


def edge(left: int, top: int, right: int, bottom: int) -> set[tuple[int, int]]:
    whole = {(x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)}
    return {(x, y) for x, y in whole if x in (left, right) or y in (top, bottom)}


def test_drawing(source: Any) -> None:
    first, second, third = source.draw_next(color=(255, 128, 1), thickness=1)
    for picture in (first, second, third):
        assert (type(picture), picture.dtype, picture.shape) == (np.ndarray, np.uint8, (40, 40, 3))
    assert differing(first, 10) == edge(10, 10, 30, 30)
    assert first[10, 10].tolist() == [1, 128, 255]
    assert third[0, 0].tolist() == [1, 128, 255]
    assert differing(second, 11) == set()
    assert differing(third, 12) == edge(0, 0, 10, 20)
    assert list(source.draw_next()) == []
    source.reset()
    first[...] = 0  # it is the caller's
    assert len(list(source.draw_next())) == 3


def test_thick_and_filled(source: Any) -> None:
    thick = next(source.draw_next(color=(1, 2, 3), thickness=3))
    rings = (edge(9, 9, 31, 31), edge(10, 10, 30, 30), edge(11, 11, 29, 29))
    assert differing(thick, 10) == set.union(*rings)
    source.reset()
    filled = next(source.draw_next(color=(1, 2, 3), thickness=-1))
    assert differing(filled, 10) == {(x, y) for x in range(10, 31) for y in range(10, 31)}


def test_colours_at_random_are_numpys(source: Any) -> None:
    np.random.seed(3)
    wanted = [np.rint(np.random.rand(3) * 255).tolist() for _ in range(2)]
    np.random.seed(3)
    first, _, third = source.draw_next()
    assert [first[10, 10].tolist(), third[0, 0].tolist()] == wanted


def test_names_of_classes(source: Any) -> None:
    first, second, third = source.draw_next((0, 0, 0), 1, id2labels={4: "name", 7: "other"})
    assert differing(first, 10) == edge(10, 10, 30, 30)
    assert differing(second, 11) == set()
    letters = differing(third, 12) - edge(0, 0, 10, 20)
    assert letters
    assert min(x for x, _ in letters) >= 5
    assert third.max() > 200  # white


def test_normalizing_is_undone(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(0, 0))
    arrays = {"mean": np.array([1.0, 2, 3]), "std": np.array([4.0])}
    for options in ({"mean": True, "std": True}, arrays):
        source = ImageDetIter(1, SQUARE, path_imgrec=rec, **options)
        assert abs(source.next().data[0][0, 0, 0, 0].asscalar() - 10) > 1
        assert differing(next(source.draw_next(**options)), 11) == set()
    source.reset()
    over = np.array([250.0, 0, -20])  # RGB: 260, 10, -10
    picture = next(source.draw_next(mean=over + arrays["mean"], std=arrays["std"]))
    assert picture[0, 0].tolist() == [0, 10, 255]
    source.reset()
    picture = next(source.draw_next(mean=over + arrays["mean"], std=arrays["std"], clip=False))
    assert picture[0, 0].tolist() == [246, 10, 4]


def test_drawn_is_what_is_augmented(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", [[2, 5, 1, 0, 0, 0.25, 0.5]])
    source = ImageDetIter(1, SQUARE, path_imgrec=rec, rand_mirror=True)
    found = set()
    random.seed(1)
    for _ in range(20):
        (picture,) = source.draw_next((0, 0, 0), 1)
        found.add(min(differing(picture, 10)))
        source.reset()
    assert found == {(0, 0), (30, 0)}


def test_own_rows_of_no_class_and_images_left_out_are_not_drawn(tmp_path: Path) -> None:
    rec = write(tmp_path / "a.rec", counted(1, 1))
    give = Give(np.array([[-1, *BOX], [-1] * 5]))
    (first, _) = ImageDetIter(1, SHAPE, path_imgrec=rec, aug_list=[give]).draw_next()
    assert differing(first, 10) == set()
    assert len(list(Own(1, SQUARE, path_imgrec=rec).draw_next())) == 1


def test_windows(source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2 = pytest.importorskip("cv2")
    shown: list[Any] = []
    monkeypatch.setattr(cv2, "imshow", lambda name, picture: shown.append((name, picture)))
    monkeypatch.setattr(cv2, "waitKey", shown.append)
    pictures = list(source.draw_next(waitKey=7, window_name="here"))
    assert shown[1::2] == [7] * 3
    assert all(name == "here" for name, _ in shown[::2])
    assert all(seen is picture for (_, seen), picture in zip(shown[::2], pictures, strict=True))


def test_windows_need_opencv(source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "rectool.imaging.opencv", raising=False)
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert next(source.draw_next()).shape == (40, 40, 3)
    with pytest.raises(ImageError, match="needs OpenCV"):
        next(source.draw_next(waitKey=0))
