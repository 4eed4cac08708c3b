"""Names of YOLO's classes: lists, class tables, YAML in its usual forms, where they are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.annotating import Runner, faults, listed, write_images

from rectool import ListError
from rectool.listing.annotations.class_names import read_names

ROOT = "set/images/train"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set as YOLO has it: images/train/a.jpg, labels/train/a.txt with classes 0 and 2."""
    top = tmp_path / "set"
    write_images(top / "images" / "train", a_jpg=(9, 9))
    (top / "labels" / "train").mkdir(parents=True)
    (top / "labels" / "train" / "a.txt").write_text("0 .5 .5 .2 .2\n2 .5 .5 .2 .2\n")
    return tmp_path


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("dog\nblack cat\r\n", {"dog": 0, "black cat": 1}),
        ("dog\ncat\n\n\n", {"dog": 0, "cat": 1}),
        ("\ufeffdog\ncat", {"dog": 0, "cat": 1}),
        ("dog 5\nblack cat 1\n\n", {"dog": 5, "black cat": 1}),
        ("0-9\n3d printer\n", {"0-9": 0, "3d printer": 1}),
        ("resnet50\n3\n", {"resnet50": 0, "3": 1}),
    ],
)
def test_lists_and_tables(tmp_path: Path, content: str, names: dict[str, int]) -> None:
    (tmp_path / "n.txt").write_text(content, "utf-8")
    assert read_names(tmp_path / "n.txt").classes == names


def test_a_long_line(tmp_path: Path) -> None:
    """Blanks are gone through once: twice for each would take an hour."""
    (tmp_path / "n.txt").write_text("1" + " " * 1_000_000)
    assert read_names(tmp_path / "n.txt").classes == {"1": 0}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "n.txt: there are no names of classes in it"),
        ("dog\n\ncat\n", "n.txt: class 1: a class has no name"),
        ("dog\ndog\n", "n.txt: class 1: dog is already the name of class 0"),
        ("a 0\ndog\n", "a list of names at none, found 1 of 2"),
        ("dog,0\ncat,1\n", "n.txt: expected a name, a blank and a number, found 'dog,0'"),
        ("dog: 0\n\ncat: 1", "n.txt: expected a name, a blank and a number, found 'dog: 0'"),
        ("0 dog\n1\tcat\n", "n.txt: expected a name, a blank and a number, found '0 dog'"),
        ("dog 0\ncat 99999999\n", "n.txt:2: label 99999999 would become 100000000"),
        ("type 1\ntype 2\n", "n.txt:2: a second number for type"),
        ("a\tb\n", "a name must not have a tab"),
        ("a\0b\n", "this is a binary file"),
    ],
)
def test_a_file_that_is_no_table_of_classes_raises_list_error(
    tmp_path: Path, content: str, says: str
) -> None:
    (tmp_path / "n.txt").write_text(content)
    with pytest.raises(ListError) as caught:
        read_names(tmp_path / "n.txt")
    assert says in str(caught.value)


IN_ORDER = {"dog": 0, "black cat": 1, "it's": 2}


@pytest.mark.parametrize(
    "names",
    [
        "names: [dog, 'black cat', \"it's\"]",
        "names: ['dog','black cat','it''s']  # three",
        "'names': ['dog','black cat','it''s']",
        'names: [\n  dog,  # it barks\n  black cat,\n  # and\n  "it\'s",  # last\n]\n',
        '"names":\n  \'0\': dog\n  "1": black cat\n  2: it\'s\n',
        'names: {\'0\': dog, "1": black cat, 2: "it\'s"}',
        "names: [dog,\n        black cat,  \n  it's ,\n]",
        "names:\n- dog\n- black cat  # of all\n- 'it''s'",
        'names:   # three\n\n  - dog\n  # here\n  - "black cat"\n  - it\'s',
        "names:\n  0: dog\n  1: 'black cat'\n  2: it's",
        "names:\n    2: it's\n    1:  black cat\n    0: dog",
        'names: {0: dog, 1: black cat, 2: "it\'s"}',
        "names : [dog, black cat, it's]",
    ],
)
@pytest.mark.parametrize("after", ["", "\n", "\nroboflow:\n  project: [x]\n"])
def test_yaml(tmp_path: Path, names: str, after: str) -> None:
    (tmp_path / "n.yaml").write_text(f"# names: [x]\ntrain: ../images\nnc: 3\n{names}{after}")
    assert read_names(tmp_path / "n.yaml").classes == IN_ORDER


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("nc: 3\n", "no names in it"),
        ("x:\n  names: [dog]\n", "no names in it"),
        ("names:\nnc: 3\n", "no names of classes in it"),
        ("names: []\n", "no names of classes in it"),
        ("names: {99999999: dog}\n", "class 99999999: label 99999999 would become 100000000"),
        ("names: [dog, dog]\n", "class 1: dog is already the name of class 0"),
        ("names: ['']\n", "class 0: a class has no name"),
        *(
            (f"names: {text}\nnc: 3\n", "its names must be a plain list or map")
            for text in (
                "dog", "*names", "!!seq [dog]", "[dog", "[dog, [cat]]", "[a: b]", "[&x dog]",
                "{0: dog, 0: cat}", "{a: dog}", "[dog # c\n, cat]", '["\\n"]', "|\n  dog",
                "\n- dog\n- - cat", "\n- dog: 1", "\n- dog\n 1: cat", "\n  0: dog\n  0: cat",
                "\n- *x", "\n- a#b: c", "\n  dog",
            )
        ),
    ],
)  # fmt: skip
def test_other_yaml(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "n.yaml").write_text(content)
    with pytest.raises(ListError) as caught:
        read_names(tmp_path / "n.yaml")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("set/labels/train/classes.txt", "a\nb\nc\n"),
        ("set/labels/obj.names", "a\nb\nc"),
        ("set/data.yaml", "names: [a, b, c]"),
        ("set/images/dataset.yaml", "names:\n  0: a\n  1: b\n  2: c"),
    ],
)
def test_names_are_found(run: Runner, folder: Path, place: str, content: str) -> None:
    (folder / place).write_text(content)
    result = run("list", ROOT, "--yolo", "set/labels/train")
    assert result.status == 0, result
    assert result.err.splitlines() == [
        "label  class", "    0  a", "    1  b", "    2  c", f"class names are those of {place}"
    ]  # fmt: skip
    result = run("list", ROOT, "--yolo", "set/labels/train", "--classes-out", "c")
    assert (folder / "c").read_text() == "a 0\nb 1\nc 2\n"


def test_a_class_without_a_name(folder: Path) -> None:
    (folder / "set" / "data.yaml").write_text("names: [a, b]")
    says = ["set/labels/train/a.txt:2: there is no class 2 in set/data.yaml (2 classes)"]
    assert faults("--yolo", "set/labels/train", folder=folder, root=ROOT) == says
    (folder / "c.txt").write_text("x\n")
    says = [
        "set/data.yaml: number 0: class a is not in the class table",
        "set/data.yaml: number 1: class b is not in the class table",
    ]
    assert (
        faults("--yolo", "set/labels/train", "--classes", "c.txt", folder=folder, root=ROOT) == says
    )
    (folder / "set" / "data.yaml").unlink()
    says = ["set/labels/train/a.txt:2: there is no class 2 in c.txt (1 class)"]
    assert (
        faults("--yolo", "set/labels/train", "--classes", "c.txt", folder=folder, root=ROOT) == says
    )


def test_a_table_numbers_what_is_named_near_the_labels(run: Runner, folder: Path) -> None:
    """YOLO's class 0 is a, by the YAML, and a's label is 7, by the table."""
    (folder / "set" / "data.yaml").write_text("names: [a, b, c]")
    (folder / "c.txt").write_text("b 0\nc 3\na 7\n")
    args = ("--yolo", "set/labels/train", "--classes", "c.txt")
    entries, err = listed(run, *args, "--classes-out", "d.txt", root=ROOT)
    assert entries[0].labels[2::5] == (7, 3)
    assert err == ["class names are those of set/data.yaml, labels those of c.txt"]
    assert (folder / "d.txt").read_text() == "b 0\nc 3\na 7\n"
    (folder / "set" / "data.yaml").write_text("names: [a, cow, c, x]")
    assert faults(*args, folder=folder, root=ROOT) == [
        "set/data.yaml: number 1: class cow is not in the class table",
        "set/data.yaml: number 3: class x is not in the class table",
    ]
    (folder / "set" / "data.yaml").write_text("names: [a, b]")
    says = ["set/labels/train/a.txt:2: there is no class 2 in set/data.yaml (2 classes)"]
    assert faults(*args, folder=folder, root=ROOT) == says


@pytest.mark.parametrize("place", ["c.txt", "set/labels/train/classes.txt"])
def test_a_table_alone_names_numbers(run: Runner, folder: Path, place: str) -> None:
    (folder / place).write_text("x 0\ny 2\n")
    args = ("--yolo", "set/labels/train", "--classes", place)
    entries, err = listed(run, *args, root=ROOT)
    assert entries[0].labels[2::5] == (0, 2)
    assert err == [f"class numbers are those of {place}: no other file near the labels has names"]


def test_a_table_among_the_labels_is_no_file_of_names(run: Runner, folder: Path) -> None:
    (folder / "set" / "classes.txt").write_text("a 2\nb 1\nc 0\n")  # as --classes-out wrote it
    (folder / "set" / "data.yaml").write_text("names: [a, b, c]")
    args = ("--yolo", "set/labels/train", "--classes", "set/classes.txt")
    entries, _ = listed(run, *args, root=ROOT)
    assert entries[0].labels[2::5] == (2, 0)


@pytest.mark.parametrize(("file", "text"), [("n.txt", "x\ny\nz\n"), ("n.yml", "names: [x, y, z]")])
def test_a_list_of_names_numbers_them_as_a_table_does(
    run: Runner, folder: Path, file: str, text: str
) -> None:
    """YOLO's class 0 is z, which is 2 in the list."""
    (folder / "set" / "data.yaml").write_text("names: [z, y, x]")
    (folder / file).write_text(text)
    args = ("--yolo", "set/labels/train", "--classes", file, "--classes-out", "c")
    entries, err = listed(run, *args, root=ROOT)
    assert entries[0].labels[2::5] == (2, 0)
    assert err == [f"class names are those of set/data.yaml, labels those of {file}"]
    assert (folder / "c").read_text() == "x 0\ny 1\nz 2\n"


def test_names_that_are_not_understood(run: Runner, folder: Path) -> None:
    (folder / "set" / "data.yaml").write_text("names: *all\n")
    entries, err = listed(run, "--yolo", "set/labels/train", root=ROOT)
    assert len(entries) == 1
    assert err == [
        "set/data.yaml: its names must be a plain list or map; not taken for class names"
        " (--classes FILE gives them)"
    ]
    (folder / "c.txt").write_text("x 0\ny 2\n")
    _, err = listed(run, "--yolo", "set/labels/train", "--classes", "c.txt", root=ROOT)
    assert err == [
        "set/data.yaml: its names must be a plain list or map; not taken for class names",
        "class numbers are those of c.txt: no other file near the labels has names",
    ]


@pytest.mark.parametrize("shape", ["[3, 2]", "[3,2] # a, b, c", "\n  - 3\n  - 2", "\n- 3\n- 2"])
def test_key_points_that_a_yaml_tells_of_are_left_out(
    run: Runner, folder: Path, shape: str
) -> None:
    (folder / "set" / "data.yaml").write_text(f"kpt_shape: {shape}\nnames: [a, b, c]\n")
    pose = "1 .5 .5 .5 .5 .1 .2 .3 .4 .9 .9\n"
    (folder / "set" / "labels" / "train" / "a.txt").write_text(pose)
    entries, err = listed(run, "--yolo", "set/labels/train", root=ROOT)
    assert entries[0].labels == (2, 5, 1, 0.25, 0.25, 0.75, 0.75)
    assert err[-1].startswith("1 box with key points")


def test_no_names_to_write(run: Runner, folder: Path) -> None:
    result = run("list", ROOT, "out", "--yolo", "set/labels/train", "--classes-out", "c")
    assert (result.status, result.out) == (2, "")
    assert result.err.endswith("Error: --classes-out: no names of classes are known.\n")
    assert {path.name for path in folder.iterdir()} == {"set"}
