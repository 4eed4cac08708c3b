"""`rectool list --csv`: numbers and class names, headers, and every bad row with its line."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.annotating import Runner, faults, in_pixels, listed, packed, write_images
from hypothesis import given, settings
from hypothesis import strategies as st

from rectool import RecordReader, unpack
from rectool.listing.annotations.csv import read_csv
from rectool.listing.lst import Entry, ImageList


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with a.jpg, b.jpg and cats/c.jpg."""
    write_images(tmp_path / "images", a_jpg=(20, 10), b_jpg=(10, 20), cats__c_jpg=(9, 9))
    return tmp_path


def table(folder: Path, text: str | bytes) -> str:
    (folder / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return "t.csv"


def test_numbers(run: Runner, folder: Path) -> None:
    name = table(folder, "a.jpg,3\ncats/c.jpg, -0.5 \n\n   \r\nb.jpg,1e3\n")
    entries, err = listed(run, "--csv", name)
    assert entries == [
        Entry(0, (3.0,), "a.jpg"),
        Entry(1, (-0.5,), "cats/c.jpg"),
        Entry(2, (1000.0,), "b.jpg"),
    ]
    assert err == []


@pytest.mark.parametrize("source", ["-", "/dev/stdin"])
def test_from_a_pipe(run: Runner, folder: Path, source: str) -> None:
    if not os.path.exists(source) and source != "-":
        pytest.skip("no such device")
    args = ("list", "images", "--no-shuffle", "--csv", source)
    result = run(*args, stdin=b"\xef\xbb\xbfa.jpg,3\nb.jpg,4\n")
    assert (result.status, result.err) == (0, "")
    assert [entry.labels for entry in ImageList(result.stdout, "stdout")] == [(3.0,), (4.0,)]
    result = run(*args, stdin=b"a.jpg,3\nc.jpg,4\n")
    name = "stdin" if source == "-" else source
    assert result.status == 1
    assert result.err.startswith(f"rectool: {name}:2: no such file: images/c.jpg\n")
    assert len(result.out.splitlines()) == 1


def test_several_columns(run: Runner, folder: Path) -> None:
    entries, err = listed(run, "--csv", table(folder, 'a.jpg,1,0.1\n"b.jpg","2",1e-30\n'))
    assert [(entry.path, np.float32(entry.labels).tolist()) for entry in entries] == [
        ("a.jpg", np.float32([1, 0.1]).tolist()),
        ("b.jpg", np.float32([2, 1e-30]).tolist()),
    ]
    assert err == []


def test_class_names(run: Runner, folder: Path) -> None:
    name = table(folder, "a.jpg, dog \nb.jpg,black cat\ncats/c.jpg,dog\n")
    entries, err = listed(run, "--csv", name)
    assert [entry.labels for entry in entries] == [(1.0,), (0.0,), (1.0,)]
    assert err == ["label  class", "    0  black cat", "    1  dog"]
    entries, err = listed(run, "--csv", name, "--classes-out", "c.txt")
    assert ([entry.labels for entry in entries], err) == ([(1.0,), (0.0,), (1.0,)], [])
    assert (folder / "c.txt").read_text() == "black cat 0\ndog 1\n"


def test_a_class_table(run: Runner, folder: Path) -> None:
    (folder / "c.txt").write_text("dog 7\ncat 5\n3 9\n")
    entries, err = listed(run, "--csv", table(folder, "a.jpg,dog\nb.jpg,3\n"), "--classes", "c.txt")
    assert ([entry.labels for entry in entries], err) == ([(7.0,), (9.0,)], [])
    name = table(folder, "a.jpg,cow\nb.jpg,dog\ncats/c.jpg, cow\n")
    says = ["t.csv:1: class cow is not in the class table"]
    assert faults("--csv", name, "--classes", "c.txt", folder=folder) == says
    says = ["t.csv: --classes requires one column of labels"]
    name = table(folder, "a.jpg,1,2\n")
    assert faults("--csv", name, "--classes", "c.txt", folder=folder) == says


def test_one_that_is_no_number_among_numbers(run: Runner, folder: Path) -> None:
    name = table(folder, "a.jpg,1\nb.jpg,nan\ncats/c.jpg, 1O\n")
    first, second = faults("--csv", name, folder=folder)
    assert first.startswith("t.csv:3: '1O': no number, and most labels are")
    assert "--classes FILE" in first
    assert second == "t.csv:2: a label must be a finite number, got nan"
    name = table(folder, "a.jpg,1\nb.jpg,A\n")
    entries, err = listed(run, "--csv", name)
    assert [entry.labels for entry in entries] == [(0.0,), (1.0,)]
    assert err[-1] == "labels are taken for class names: t.csv:2 has 'A'"


def test_row_numbers_of_pandas(folder: Path) -> None:
    name = table(folder, ",it,label\n0,a.jpg,1\n1,b.jpg,0\n")
    for line, says in enumerate(faults("--csv", name, folder=folder), 2):
        assert says.startswith(f"t.csv:{line}: no such file: ")
        assert says.endswith(
            "the path goes first: to_csv of pandas writes row numbers unless index=False"
        )


@pytest.mark.parametrize(
    ("first", "is_header"),
    [("path,label", True), (",label", True), ("image,a", True), ("plain,3", False)],
)
def test_headers(run: Runner, folder: Path, first: str, is_header: bool) -> None:
    (folder / "images" / "plain").write_bytes(encoded(picture()))
    entries, err = listed(run, "--csv", table(folder, f"{first}\na.jpg,1\n"))
    assert len(entries) == (1 if is_header else 2)
    column = first.partition(",")[2]
    assert err == ([f"t.csv:1 is taken for a header; column 0: {column}"] if is_header else [])


def test_the_names_of_columns(run: Runner, folder: Path) -> None:
    name = table(folder, "path,red, round ,\na.jpg,1,0,1\n")
    _, err = listed(run, "--csv", name)
    assert err == ["t.csv:1 is taken for a header; column 0: red, 1: round, 2: ''"]
    for count, end in ((100, ", 98: f98, 99: f99"), (101, ", 98: f98, 99: f99, ...")):
        names = "".join(f",f{number}" for number in range(count))
        _, (says,) = listed(run, "--csv", table(folder, f"path{names}\na.jpg{',1' * count}\n"))
        assert says.endswith(end)
    assert listed(run, "--csv", table(folder, "path\na.jpg,1\n"))[1] == [
        "t.csv:1 is taken for a header"
    ]


def test_true_and_false_are_the_labels_1_and_0(run: Runner, folder: Path) -> None:
    name = table(folder, "a.jpg,True,false,0.5\nb.jpg, FALSE ,TRUE,1\n")
    entries, err = listed(run, "--csv", name)
    assert ([entry.labels for entry in entries], err) == ([(1, 0, 0.5), (0, 1, 1)], [])
    for text, labels in (("a.jpg,True\nb.jpg,FALSE\n", [1, 0]), ("a.jpg,true\n", [1])):
        entries, err = listed(run, "--csv", table(folder, text))
        assert ([entry.labels for entry in entries], err) == ([(label,) for label in labels], [])
    entries, err = listed(run, "--csv", table(folder, "a.jpg,True\nb.jpg,cat\n"))
    assert err == ["label  class", "    0  True", "    1  cat"]


def test_classes_from_lists_of_names(run: Runner, folder: Path) -> None:
    name = table(folder, "a.jpg,dog\nb.jpg,cat\n")
    for file, text in (("c.txt", "cow\ncat\ndog\n"), ("c.yaml", "names: [cow, cat, dog]")):
        (folder / file).write_text(text)
        entries, err = listed(run, "--csv", name, "--classes", file)
        assert ([entry.labels for entry in entries], err) == ([(2,), (1,)], [])


def test_only_the_first_row_is_a_header(folder: Path) -> None:
    name = table(folder, "path,label\npath,label\na.jpg,1\n")
    assert faults("--csv", name, folder=folder) == ["t.csv:2: no such file: images/path"]


def test_what_spreadsheets_write(run: Runner, folder: Path) -> None:
    name = table(folder, b'\xef\xbb\xbf"a.jpg",1\r\n"b.jpg",2\r\n')
    entries, err = listed(run, "--csv", name)
    assert ([entry.path for entry in entries], err) == (["a.jpg", "b.jpg"], [])


def test_paths_without_detours(run: Runner, folder: Path) -> None:
    inside = folder / "images" / "b.jpg"
    entries, _ = listed(run, "--csv", table(folder, f"./cats/../a.jpg,1\n{inside},2\n"))
    assert [entry.path for entry in entries] == ["a.jpg", "b.jpg"]


FAULTS = [
    ('"path\nof it",label\na.jpg,1\nd.jpg,1\n', ["t.csv:4: no such file: images/d.jpg"]),
    ("a.jpg\n", ["t.csv:1: expected a path, a comma and a label, got 'a.jpg'"]),
    (
        "a;b.jpg,1;2\n,3\n",
        ["t.csv:1: no such file: images/a;b.jpg", "t.csv:2: the path is missing"],
    ),
    (
        "a.jpg,1,2\n\nb.jpg,1,2,3\ncats/c.jpg,1\n",
        [
            f"t.csv:{line}: {has}, and the first row has 3"
            for line, has in ((3, "4 columns"), (4, "2 columns"))
        ],
    ),
    (
        "a.jpg,1,2\nb.jpg,cat,1\n",
        [
            "t.csv:2: a label must be a number, got 'cat' (class names are for one column of"
            " labels: --csv-columns chooses it)"
        ],
    ),
    ("a.jpg,1\nb.jpg,nan\n", ["t.csv:2: a label must be a finite number, got nan"]),
    ("a.jpg,1\nb.jpg,1,\n", ["t.csv:2: 3 columns, and the first row has 2"]),
    ("a.jpg,1\nb.jpg, \n", ["t.csv:2: the label is empty (--csv-blank NUMBER gives it a value)"]),
    (
        "a.jpg,16777217\nb.jpg,16777217\ncats/c.jpg,1\n",
        [
            f"t.csv:{line}: label 16777217 would become 16777216 in float32, in which labels are"
            " stored"
            for line in (1, 2)
        ],
    ),
    ("a.jpg,0,inf\n", ["t.csv:1: a label must be a finite number, got inf"]),
    ("a.jpg,1\nb.jpg,2\n./a.jpg,3\n", ["t.csv:3: a.jpg is already in line 1"]),
    ("a.jpg,1\nd.jpg,2\n", ["t.csv:2: no such file: images/d.jpg"]),
    ("a.jpg,1\ncats,2\n", ["t.csv:2: no such file: images/cats"]),
    ("a.jpg,1\n,2\n", ["t.csv:2: the path is missing"]),
    ("a.jpg,1\n../t.csv,2\n", ["t.csv:2: ../t.csv is not below images"]),
    ("a.jpg,1\n/etc/passwd,2\n", ["t.csv:2: /etc/passwd is not below images"]),
    ("a.jpg,1\n.,2\n", ["t.csv:2: . is not below images"]),
    (
        'a.jpg,1\n"b\n.jpg",2\n',
        ["t.csv:2: 'b\\n.jpg': a path must not have a tab, a line's end or a zero byte"],
    ),
    (
        'a.jpg,"x\ty"\n',
        ["t.csv:1: 'x\\ty': a name must not have a tab, a line's end or a zero byte"],
    ),
    ('a.jpg,1\n"b.jpg,2\n', ["t.csv:2: a row that is no CSV: unexpected end of data"]),
    ("", ["t.csv: there are no rows with a path and labels"]),
    ("it\nthat,1\n", ["t.csv:2: no such file: images/that"]),
    ("it\na\na.jpg,1\n", ["t.csv:2: 1 column, and the first row has 2"]),
    ("it\na\nb\n", ["t.csv:1: expected a path, a comma and a label, got 'a'"]),
    ("path,label\n\n", ["t.csv: there are no rows with a path and labels"]),
    (b"a.jpg,1\0\n", ["t.csv: a table (CSV) is required, and this is a binary file"]),
    (b"PK\3\4" + bytes(99), ["t.csv: a table (CSV) is required, and this is a zip archive"]),
    (b"[1, 2]", ["t.csv: a table (CSV) is required, and this is a JSON document"]),
    (
        b"0\t1\ta.jpg\n",
        ["t.csv: a table (CSV) is required, and this is a list (.lst): rectool pack takes it"],
    ),
]


@pytest.mark.parametrize(("text", "says"), FAULTS, ids=range(len(FAULTS)))
def test_faults(folder: Path, text: str | bytes, says: list[str]) -> None:
    assert faults("--csv", table(folder, text), folder=folder) == says


def test_twenty_faults_and_a_count(folder: Path) -> None:
    text = "a.jpg,1\n" + "".join(f"{number}.jpg,1\n" for number in range(30))
    lines = faults("--csv", table(folder, text), folder=folder)
    assert len(lines) == 21
    assert lines[-1] == "t.csv: 10 more lines like these"


def test_files_that_are_not_there(run: Runner, folder: Path) -> None:
    says = ["none.csv: No such file or directory"]
    assert faults("--csv", "none.csv", folder=folder) == says
    result = run("list", "nowhere", "--csv", table(folder, "a.jpg,1\n"))
    assert (result.status, result.out) == (1, "")
    assert result.err == "rectool: nowhere: No such file or directory\n"


def test_through_the_pipe_into_a_rec(run: Runner, folder: Path) -> None:
    name = table(folder, "path,label\na.jpg,dog\nb.jpg,cat\ncats/c.jpg,cat\n")
    images = run("list", "images", "--csv", name)
    done = run("pack", "-", "out", "--root", "images", stdin=images.stdout)
    assert done.status == 0, done
    with RecordReader(folder / "out.rec") as reader:
        labels = {header.id: header.label for header, _ in map(unpack, reader)}
    assert labels == {0: 1.0, 1: 0.0, 2: 0.0}


pixels = st.integers(0, 99)


@settings(max_examples=20)
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 9), pixels, pixels, pixels, pixels), min_size=2, max_size=2
        ),
        min_size=1,
        max_size=3,
    )
)
def test_boxes_in_columns_come_out_of_the_rec(images: list[list[tuple[int, ...]]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = []
        for number, boxes in enumerate(images):
            (folder / f"{number}.jpg").write_bytes(encoded(picture(number, 100, 100)))
            numbers = [value for c, *box in boxes for value in (c, *(side / 100 for side in box))]
            rows.append(f"{number}.jpg,2,5,{','.join(map(str, numbers))}\n")
        (folder / "t.csv").write_text("".join(rows))
        made = read_csv(folder / "t.csv", folder).images
        rec = packed(made, folder, folder / "out.rec")
        found = in_pixels(rec, dict.fromkeys(range(len(images)), (100, 100)))
    for number, boxes in enumerate(images):
        assert np.abs(found[number] - np.array(boxes)).max() < 0.01
