"""`.lst` files: im2rec's bytes, every name the file system has, every fault with its line."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN
from hypothesis import given
from hypothesis import strategies as st

from rectool import LimitError, ListError
from rectool.listing.classes import class_table, read_classes
from rectool.listing.lst import (
    Entry,
    HeaderFields,
    ImageList,
    format_header_line,
    format_label,
    format_line,
    parse_line,
    read_list,
    shuffled_order,
)
from rectool.listing.scan import scan
from rectool.listing.split import shuffled, split

TREE = GOLDEN / "tree"


def golden(name: str) -> bytes:
    return (GOLDEN / "lists" / f"{name}.lst").read_bytes()


@pytest.mark.parametrize(
    ("name", "options", "shuffle"),
    [
        ("recursive", {}, True),
        ("recursive_noshuffle", {}, False),
        ("flat", {"recursive": False}, True),
        ("exts", {"exts": [".bmp", ".png"]}, True),
        ("exts", {"exts": ["BMP", "Png"]}, True),
    ],
)
def test_golden_lists(
    name: str, options: dict[str, object], shuffle: bool, expected: dict[str, dict[str, str]]
) -> None:
    found = scan(TREE, **options)  # type: ignore[arg-type]
    images = shuffled(found.images) if shuffle else found.images
    assert images.contents() == golden(name)
    assert class_table(found.classes).decode() == expected["lists"][name]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("split", {"train_ratio": 0.6, "test_ratio": 0.2}),
        ("chunks", {"chunks": 3}),
        ("chunks_split", {"chunks": 2, "train_ratio": 0.5, "test_ratio": 0.25}),
    ],
)
def test_golden_splits(name: str, options: dict[str, float]) -> None:
    parts = split(shuffled(scan(TREE).images), **options)  # type: ignore[arg-type]
    wanted = {path.stem for path in (GOLDEN / "lists").glob(f"{name}_*.lst")}
    if name == "chunks":
        wanted = {stem for stem in wanted if "split" not in stem}
    assert {name + part.suffix for part in parts} == wanted
    for part in parts:
        assert part.images.contents() == golden(name + part.suffix)


@given(st.integers(1, 60), st.integers(1, 8), st.floats(0.01, 1), st.floats(0, 0.99))
def test_no_split_loses_or_doubles_an_image(
    count: int, chunks: int, train: float, test: float
) -> None:
    images = ImageList(b"".join(b"%d\t0\t%d.jpg\n" % (key, key) for key in range(count)), "x")
    if train + test > 1 + 1e-9 or chunks > count:
        with pytest.raises(ValueError, match=r"exceed 1|chunks must be"):
            split(images, chunks=chunks, train_ratio=train, test_ratio=test)
        return
    parts = split(images, chunks=chunks, train_ratio=train, test_ratio=test)
    assert sorted(entry for part in parts for entry in part.images) == list(images)


def test_halves_of_an_odd_number() -> None:
    images = ImageList(b"".join(b"%d\t0\tx\n" % key for key in range(11)), "x")
    parts = split(images, train_ratio=0.5, test_ratio=0.5)
    assert [(part.suffix, len(part.images)) for part in parts] == [("_test", 5), ("_train", 6)]


labels = st.lists(
    st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=9
)
paths = st.text(st.characters(exclude_characters="\t\n\r\0"), min_size=1).filter(
    lambda path: not path.endswith(tuple("\t\r\n"))
)


@given(st.integers(0, 2**63 - 1), labels, paths)
def test_any_entry_comes_back(key: int, values: list[float], path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        path = path.encode("utf-8", "replace").decode()
    entry = Entry(key, tuple(values), path)
    line = format_line(entry)
    again = parse_line(line)
    assert (again.key, again.path) == (key, path)
    assert np.array_equal(np.float32(again.labels), np.float32(values))


def test_labels_as_im2rec_writes_them() -> None:
    assert [format_label(label) for label in (0, 3.0, 0.5, -12.0)] == [
        "0.000000",
        "3.000000",
        "0.500000",
        "-12.000000",
    ]
    assert np.float32(format_label(0.1)) == np.float32(0.1)
    assert np.float32(format_label(1e-30)) == np.float32(1e-30)


def test_names_that_are_not_utf8() -> None:
    line = b"3\t1.000000\tcaf\xe9/\xff.jpg\n"
    entry = parse_line(line)
    assert os.fsencode(entry.path) == b"caf\xe9/\xff.jpg"
    assert format_line(entry) == line


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (b"1\t2\ta b.jpg\r\n", Entry(1, (2.0,), "a b.jpg")),
        (b" 1 \t 2 \t a.jpg", Entry(1, (2.0,), " a.jpg")),
        (b"1\t2\ta.jpg\t\t\n", Entry(1, (2.0,), "a.jpg")),
        (b"+1\t-0.5\t1e3\t/abs/a.jpg", Entry(1, (-0.5, 1000.0), "/abs/a.jpg")),
        (b"9223372036854775807\t0\tx", Entry(2**63 - 1, (0.0,), "x")),
    ],
)
def test_lines_met_in_the_wild(line: bytes, entry: Entry) -> None:
    assert parse_line(line) == entry


FAULTS = [
    (b"1 2 a.jpg", ListError, "expected key, label and path with tabs between, found '1 2 a.jpg'"),
    (b"1\ta.jpg", ListError, "expected key, label and path"),
    (b"1.0\t2\ta.jpg", ListError, "a key must be a whole number, got '1.0'"),
    (b"1_0\t2\ta.jpg", ListError, "a key must be a whole number"),
    (b"\t2\ta.jpg", ListError, "a key must be a whole number, got ''"),
    (b"-1\t2\ta.jpg", LimitError, "a key must be 0 to 9223372036854775807, got -1"),
    (b"9223372036854775808\t2\ta.jpg", LimitError, "got 9223372036854775808"),
    (b"1\tcat\ta.jpg", ListError, "a label must be a number, got 'cat'"),
    (b"1\t\ta.jpg", ListError, "a label must be a number, got ''"),
    (b"1\t1_0\ta.jpg", ListError, "a label must be a number, got '1_0'"),
    (b"1\tnan\ta.jpg", LimitError, "a finite number, got nan"),
    (b"1\t1\tinf\ta.jpg", LimitError, "a finite number, got inf"),
    (b"1\t1e400\ta.jpg", LimitError, "a finite number, got 1e400"),
    (b"1\t9007199254740995\ta.jpg", LimitError, "would become 9007199254740992"),
    (b"1\t1e39\ta.jpg", LimitError, "too large for float32"),
    (b"1\t16777217\ta.jpg", LimitError, "would become 16777216"),
]


@pytest.mark.parametrize(("line", "error", "says"), FAULTS)
def test_faults_of_a_line(line: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        parse_line(line)
    assert says in str(caught.value)
    with pytest.raises(ListError) as in_list:
        ImageList(b"5\t0\tb.jpg\n\n" + line + b"\n6\t0\tc.jpg\n", "some.lst")
    assert str(in_list.value).startswith("some.lst:3: ")
    assert says in str(in_list.value)


def test_a_zero_byte_far_into_a_list() -> None:
    lines = b"".join(b"%d\t0\ta.jpg\n" % key for key in range(1000))
    with pytest.raises(ListError, match="x:1001: the line has a zero byte"):
        ImageList(lines + b"1000\t0\ta\0.jpg\n", "x")


def test_all_faults_are_named_up_to_twenty() -> None:
    with pytest.raises(ListError) as caught:
        ImageList(b"oops\n" * 50, "x.lst")
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[19].startswith("x.lst:20:")
    assert lines[20] == "x.lst: 30 more lines like these"


def test_a_key_that_occurs_twice() -> None:
    data = b"7\t0\ta\n3\t0\tb\n\n7\t0\tc\n7\t0\td\n"
    with pytest.raises(ListError) as caught:
        ImageList(data, "x.lst")
    assert str(caught.value).splitlines() == [
        "x.lst:4: key 7 is that of line 1 already",
        "x.lst:5: key 7 is that of line 4 already",
    ]


@pytest.mark.parametrize("name", ["faces.rec", "tree/cats/c1.jpg"])
def test_read_list_refuses_records_and_images(name: str) -> None:
    with pytest.raises(
        ListError, match=r"a list .*required, and this is a (record file|JPEG image)"
    ):
        read_list(GOLDEN / name)


def test_a_list_is_a_sequence() -> None:
    images = read_list(GOLDEN / "lists" / "packed.lst")
    assert len(images) == 13
    assert images[0] == Entry(9, (4.0,), "dogs/d1.jpg")
    assert images[-1] == Entry(2, (1.0,), "Zed/upper.jpg")
    assert images.keys[:3].tolist() == [9, 1, 8]
    assert images.contents() == images.data
    assert len(ImageList(b"", "x")) == 0


def test_header_lines() -> None:
    fields = HeaderFields(2, 0.5, 2**64 - 1, 7)
    line = format_header_line(5, fields)
    images = ImageList(b"5\t1\t2\ta.jpg\n" + line + b"6\t1\tb.jpg\n", "x")
    assert images.headers == {5: fields}
    assert [entry.key for entry in images] == [5, 6]
    assert images.line_number(1) == 3
    with pytest.raises(ListError, match="x:1: expected #header, key, flag"):
        ImageList(b"#header\t5\t1\n", "x")


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=12))
def test_a_scanned_list_is_what_reading_it_gives(names: list[bytes]) -> None:
    lines = b"".join(b"%d\t0.000000\tx%s\n" % pair for pair in enumerate(names))
    try:
        read = ImageList(lines, "x")
    except ListError:
        return
    made = ImageList.numbered(lines, "x")
    if len(made) == len(read):
        assert [made.line(at) for at in range(len(made))] == lines.split(b"\n")[:-1]
        assert made.keys.tolist() == read.keys.tolist()


def test_another_order_keeps_what_belongs_to_each_line() -> None:
    data = b"\n7\t1\ta.jpg\n\n3\t1\t2\tb.jpg\r\n#header\t7\t0\t1.0\t9\t0\n5\t4\tc.jpg"
    images = ImageList(data, "x")
    taken = images.take(np.array([2, 0, 1]))
    assert [entry.key for entry in taken] == taken.keys.tolist() == [5, 7, 3]
    assert [taken.line_number(at) for at in range(3)] == [6, 2, 4]
    assert taken.contents() == b"5\t4\tc.jpg\n7\t1\ta.jpg\n3\t1\t2\tb.jpg\r\n"
    assert taken.headers == {7: HeaderFields(0, 1.0, 9, 0)}
    with pytest.raises(ListError, match="x:6: 1 label, not 2\nx:2: 1 label, not 2"):
        taken.check_width(2)
    assert len(images.take(slice(1, 1))) == 0


@pytest.mark.parametrize("count", [0, 1, 2, 10, 1000])
def test_the_random_order_is_pythons(count: int) -> None:
    order = list(range(count))
    random.Random(100).shuffle(order)
    assert shuffled_order(count).tolist() == order
    assert (shuffled_order(1000, 1) != shuffled_order(1000, 2)).any()


def test_endings_left_out_are_counted(tree: Path) -> None:
    (tree / "cats" / "a.BMP").touch()
    (tree / "dogs" / "b.webp").touch()
    (tree / "dogs" / "notes.txt").touch()
    found = scan(tree)
    assert len(found.images) == 10
    assert found.left_out == {".bmp": 1, ".webp": 1}


def test_a_fixed_class_table(tree: Path, tmp_path: Path) -> None:
    table = tmp_path / "classes.txt"
    table.write_bytes(b"dogs   0\nempty of images 1\ncats\t2\r\n\n")
    classes = read_classes(table)
    assert classes == {"dogs": 0, "empty of images": 1, "cats": 2}
    found = scan(tree, classes=classes)
    assert {entry.labels for entry in found.images if entry.path.startswith("cats")} == {(2.0,)}
    with pytest.raises(ListError, match="images/dogs: not in the class table"):
        scan(tree, classes={"cats": 0})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the class table is empty"),
        (b"cats\n", ":1: expected a name, a blank and a number, found 'cats'"),
        (b"cats 0\ndogs x\n", ":2: expected a name"),
        (b"cats 0\ncats 1\n", ":2: a second number for cats"),
        (b"cats 0\ndogs 16777217\n", "t:2: label 16777217 would become 16777216 in float32"),
    ],
)
def test_faults_of_a_class_table(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(ListError, match=says):
        read_classes(tmp_path / "t")


posix = pytest.mark.skipif(sys.platform == "win32", reason="needs links and any bytes in names")


@posix
def test_links(tree: Path) -> None:
    (tree / "cats" / "up").symlink_to(tree)
    (tree / "cats" / "self").symlink_to(tree / "cats")
    (tree / "pets").symlink_to(tree / "dogs")
    (tree / "gone.jpg").symlink_to(tree / "nothing.jpg")
    found = scan(tree)
    assert sorted(entry.path for entry in found.images if "pets" in entry.path) == [
        f"pets/{n}.jpg" for n in range(6, 10)
    ]
    assert len(found.images) == 14
    assert sorted(found.loops) == [
        "cats/self",
        "cats/up",
    ]
    assert found.unusable == ["gone.jpg"]
    assert found.classes == {"cats": 0, "dogs": 1, "pets": 2}


@posix
def test_names_of_every_kind(tree: Path) -> None:
    raw = os.path.join(os.fsencode(tree), b"cats", b" caf\xe9 '\"\\ \xf0\x9f\x90\xb1 .jpg")
    with open(raw, "wb") as file:
        file.write(b"x")
    data = scan(tree).images.contents()
    assert b"\tcats/ caf\xe9 '\"\\ \xf0\x9f\x90\xb1 .jpg\n" in data
    images = ImageList(data, "x")
    assert any(os.path.exists(os.path.join(tree, e.path)) and "caf" in e.path for e in images)
    for bad in ("a\tb.jpg", "a\nb.jpg", "a\rb.jpg"):
        (tree / "dogs" / bad).touch()
    found = scan(tree)
    assert found.images.contents() == data
    assert found.faults.images == 3
    assert "images/dogs/a\\tb.jpg': a name with a tab or a line's end" in found.faults.text(tree)


@posix
def test_a_class_whose_name_no_list_can_hold_shifts_no_label(tree: Path) -> None:
    (tree / "a\nb").mkdir()
    (tree / "a\nb" / "1.jpg").touch()
    found = scan(tree)
    assert found.classes == {"cats": 0, "dogs": 1}
    assert found.faults.images == 1


def test_nothing_found(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ListError, match="no images in this folder"):
        scan(tmp_path)
    with pytest.raises(FileNotFoundError):
        scan(tmp_path / "none")
    with pytest.raises(NotADirectoryError):
        scan(tmp_path / "notes.txt")
