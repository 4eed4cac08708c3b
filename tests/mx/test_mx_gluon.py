"""rectool.mx.gluon.data: data sets by position."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN, encoded, picture

import rectool.mx as mx
from rectool import IRHeader, RecordReader, RecordWriter, pack

data = mx.gluon.data


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key in (5, 3, 9):
            image = encoded(picture(key, 12, 10), "PNG")
            writer.write(pack(IRHeader(0, float(key), key, 0), image), key=key)
    return tmp_path / "a.rec"


def test_records_by_position() -> None:
    records = data.RecordFileDataset(str(GOLDEN / "faces.rec"))
    wanted = list(RecordReader(GOLDEN / "faces.rec"))
    assert len(records) == len(wanted) == 17
    assert [records[at] for at in range(17)] == wanted
    assert records[-1] == wanted[-1]
    with pytest.raises(IndexError):
        records[17]


def test_images_and_labels_of_records(rec: Path) -> None:
    images = data.vision.ImageRecordDataset(rec)
    assert [label for _, label in images] == [5, 3, 9]
    image, _ = images[1]
    assert type(image) is mx.nd.NDArray
    assert np.array_equal(image, np.asarray(picture(3, 12, 10)))
    assert data.vision.ImageRecordDataset(rec, flag=0)[0][0].shape == (10, 12, 1)
    made = data.vision.ImageRecordDataset(rec, transform=lambda image, label: (image.shape, -label))
    assert made[2] == ((10, 12, 3), -9)
    assert pickle.loads(pickle.dumps(images))[2][1] == 9


def test_images_of_folders(tmp_path: Path) -> None:
    for name in ("b/1.PNG", "b/0.png", "a/x.png", "a/notes.txt", "stray.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encoded(picture(1, 12, 10), "PNG"))
    with pytest.warns(UserWarning, match="left out") as said:
        images = data.vision.ImageFolderDataset(str(tmp_path))
    assert len(said) == 2
    assert images.synsets == ["a", "b"]
    found = [(Path(path).name, label) for path, label in images.items]
    assert found == [("x.png", 0), ("0.png", 1), ("1.PNG", 1)]
    assert (len(images), images[2][0].shape, images[2][1]) == (3, (10, 12, 3), 1)
    with warnings.catch_warnings(), pytest.raises(FileNotFoundError):
        data.vision.ImageFolderDataset(str(tmp_path / "none"))


def numbers() -> data.SimpleDataset:  # type: ignore[name-defined]
    return data.SimpleDataset([(at, at * 10) for at in range(7)])


def test_parts_are_all_of_it_and_about_equal() -> None:
    parts = [numbers().shard(3, index) for index in range(3)]
    assert [[one[at][0] for at in range(len(one))] for one in parts] == [[0, 1, 2], [3, 4], [5, 6]]
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match="from 0 to 2"):
            numbers().shard(3, wrong)


def test_chosen_samples() -> None:
    assert [first for first, _ in numbers().take(2)] == [0, 1]
    assert len(numbers().take(None)) == len(numbers().take(99)) == 7
    assert [first for first, _ in numbers().filter(lambda one: one[0] % 3 == 0)] == [0, 3, 6]
    assert [first for first, _ in numbers().sample([4, 4, 0])] == [4, 4, 0]


def test_transformed_samples() -> None:
    assert list(numbers().transform(lambda first, second: first + second))[:3] == [0, 11, 22]
    assert numbers().transform_first(str)[6] == ("6", 60)
    calls: list[int] = []
    eager = data.SimpleDataset([1, 2]).transform(lambda one: calls.append(one) or -one, lazy=False)
    assert calls == [1, 2]
    assert list(eager) == list(eager) == [-1, -2]
    assert calls == [1, 2]


def test_arrays_side_by_side() -> None:
    both = data.ArrayDataset([1, 2], np.array([3, 4]))
    assert (len(both), both[1]) == (2, (2, 4))
    assert data.ArrayDataset([1, 2])[1] == 2
    with pytest.raises(ValueError, match="one length"):
        data.ArrayDataset([1], [2, 3])


def test_a_dataset_of_ones_own() -> None:
    class Mine(data.Dataset):  # type: ignore[misc, name-defined]
        pass

    for use in (lambda: Mine()[0], lambda: len(Mine())):
        with pytest.raises(NotImplementedError, match="Mine has no"):
            use()


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(AttributeError, match="any framework's data loader"):
        _ = data.DataLoader
    with pytest.raises(AttributeError, match="ImageRecordDataset"):
        _ = data.vision.MNIST
