"""Tables as people have them: any separator and encoding, columns chosen, tags, empty cells."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers.annotating import Runner, listed, write_images

from rectool.listing.annotations.csv_labels import separator_in


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with a.jpg, b.jpg and cats/c.JPG."""
    write_images(tmp_path / "images", a_jpg=(20, 10), b_jpg=(10, 20), cats__c_JPG=(9, 9))
    return tmp_path


def table(folder: Path, text: str | bytes) -> str:
    (folder / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return "t.csv"


def labels(run: Runner, *args: object) -> dict[str, tuple[float, ...]]:
    return {entry.path: entry.labels for entry in listed(run, "--csv", *args)[0]}


TWO = {"a.jpg": (1.0, 0.5), "b.jpg": (-3.0, 2.0)}


@pytest.mark.parametrize(
    "text",
    [
        "a.jpg,1,0.5\nb.jpg,-3,2\n",
        "a.jpg;1;0.5\nb.jpg;-3;2\n",
        "a.jpg;1;0,5\nb.jpg;-3;2\n",
        "path;x;y\na.jpg;1,0;0,5\nb.jpg;-3,0;2\n",
        "a.jpg\t1\t0.5\nb.jpg\t-3\t2\n",
        "path\tx\ty\na.jpg\t1\t0,5\nb.jpg\t-3\t2\n",
        "a.jpg|1|0.5\nb.jpg|-3|2\n",
        "a.jpg  1 0.5\nb.jpg -3  2\n",
        "sep=;\r\npath;x;y\r\na.jpg;1;0,5\r\nb.jpg;-3;2\r\n",
        '"a.jpg","1","0.5"\r\n"b.jpg","-3","2"\r\n',
        "a.jpg,1,0.5\rb.jpg,-3,2\r",
        '"a.jpg", 1 , 0.5\nb.jpg,-3.0,2.0\n',
    ],
)
def test_separators(run: Runner, folder: Path, text: str) -> None:
    assert labels(run, table(folder, text)) == TWO


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings(run: Runner, folder: Path, encoding: str, end: str) -> None:
    (folder / "images" / "b.jpg").rename(folder / "images" / "\u732b.jpg")
    text = f"path,label{end}a.jpg,caf\u00e9{end}\u732b.jpg,x{end}"
    name = table(folder, text.encode(encoding))
    assert labels(run, name, "--classes-out", "c") == {"a.jpg": (0.0,), "\u732b.jpg": (1.0,)}
    assert (folder / "c").read_text("utf-8") == "caf\u00e9 0\nx 1\n"


def test_utf16_that_is_cut(run: Runner, folder: Path) -> None:
    name = table(folder, "a.jpg,1\nb.jpg,2\n".encode("utf-16")[:-1])
    result = run("list", "images", "--csv", name)
    assert (result.status, "malformed UTF-16" in result.err) == (1, True)


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_what_is_no_utf8_is_told(run: Runner, folder: Path) -> None:
    (folder / "images" / "b.jpg").rename(folder / "images" / "\u00fc.jpg")
    name = table(folder, "a.jpg,caf\u00e9\n\u00fc.jpg,x\n".encode("latin-1"))
    entries, err = listed(run, "--csv", name)
    assert [(entry.path, entry.labels) for entry in entries] == [
        ("a.jpg", (0.0,)),
        ("\u00fc.jpg", (1.0,)),
    ]
    assert any("Windows-1252" in line and "caf\u00e9" in line for line in err)
    assert any("another spelling" in line for line in err)


def test_names_without_ending(run: Runner, folder: Path) -> None:
    name = table(folder, "id,breed\na,tabby\nb,boxer\n")
    assert labels(run, name) == {"a.jpg": (1.0,), "b.jpg": (0.0,)}
    assert labels(run, table(folder, "a,3\nb,4\n")) == {"a.jpg": (3.0,), "b.jpg": (4.0,)}
    (folder / "images" / "d.TIFF").write_bytes(b"")
    result = run("list", "images", "--csv", table(folder, "a,1\nd,2\n"))
    assert result.status == 1
    assert labels(run, "t.csv", "--exts", "jpg,tiff") == {"a.jpg": (1.0,), "d.TIFF": (2.0,)}


def test_ids_as_decimals(run: Runner, folder: Path) -> None:
    (folder / "images" / "a.jpg").rename(folder / "images" / "17.jpg")
    assert labels(run, table(folder, "id,label\n17.0,1.0\n")) == {"17.jpg": (1.0,)}


COLUMNS = "split,label,width,path\ntrain,cat,64,a.jpg\nval,dog,32,b.jpg\n"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("path,label", {"a.jpg": (0.0,), "b.jpg": (1.0,)}),
        ("Path,Label", {"a.jpg": (0.0,), "b.jpg": (1.0,)}),
        ("4,2", {"a.jpg": (0.0,), "b.jpg": (1.0,)}),
        ("path,width", {"a.jpg": (64.0,), "b.jpg": (32.0,)}),
        ("4,3", {"a.jpg": (64.0,), "b.jpg": (32.0,)}),
        (None, {"a.jpg": (0.0,), "b.jpg": (1.0,)}),
    ],
)
def test_chosen_columns(
    run: Runner, folder: Path, columns: str | None, expected: dict[str, tuple[float, ...]]
) -> None:
    args = ["--csv-columns", columns] if columns else []
    assert labels(run, table(folder, COLUMNS), *args) == expected


def test_columns_without_a_header(run: Runner, folder: Path) -> None:
    name = table(folder, "7,a.jpg,x,1\n8,b.jpg,y,2\n")
    assert labels(run, name, "--csv-columns", "2,1,4") == {"a.jpg": (7, 1), "b.jpg": (8, 2)}


@pytest.mark.parametrize("columns", ["path,none", "none,label", "9,2", "path", "0,1"])
def test_columns_that_are_not_there(run: Runner, folder: Path, columns: str) -> None:
    result = run("list", "images", "--csv", table(folder, COLUMNS), "--csv-columns", columns)
    assert result.status == 1
    assert "column" in result.err


def test_columns_of_text_that_nobody_chose(run: Runner, folder: Path) -> None:
    for text in ("path,a,b\na.jpg,x,y\n", "a.jpg,x,y\n", "a.jpg,1,y\n"):
        result = run("list", "images", "--csv", table(folder, text))
        assert result.status == 1
        assert "--csv-columns" in result.err


def test_row_numbers_before_the_path(run: Runner, folder: Path) -> None:
    for first in ("", "Unnamed: 0"):
        name = table(folder, f"{first},image_path,label\n0,a.jpg,5\n1,b.jpg,6\n")
        assert labels(run, name) == {"a.jpg": (5.0,), "b.jpg": (6.0,)}


TAGS = "image_name,tags\na.jpg,haze primary\nb.jpg,agriculture clear primary\ncats/c.JPG,clear\n"


def test_several_tags_in_a_cell(run: Runner, folder: Path) -> None:
    name = table(folder, TAGS)
    args = ("--csv-separator", " ", "--classes-out", "c")
    assert labels(run, name, *args) == {
        "a.jpg": (0, 0, 1, 1),
        "b.jpg": (1, 1, 0, 1),
        "cats/c.JPG": (0, 1, 0, 0),
    }
    table_of = "agriculture 0\nclear 1\nhaze 2\nprimary 3\n"
    assert (folder / "c").read_text() == table_of


@pytest.mark.parametrize("mark", ["|", ";", ", ", "/"])
def test_tags_between_marks(run: Runner, folder: Path, mark: str) -> None:
    name = table(folder, f'a.jpg,"Edema{mark}Mass"\nb.jpg,Mass\ncats/c.JPG,\n')
    assert labels(run, name, "--csv-separator", mark) == {
        "a.jpg": (1, 1),
        "b.jpg": (0, 1),
        "cats/c.JPG": (0, 0),
    }


def test_tags_in_the_order_of_a_class_table(run: Runner, folder: Path) -> None:
    (folder / "c.txt").write_text("primary 0\nhaze 1\nclear 2\nagriculture 3\nother 4\n")
    args = ("--csv-separator", " ", "--classes", "c.txt")
    assert labels(run, table(folder, TAGS), *args)["a.jpg"] == (1, 1, 0, 0, 0)
    (folder / "c.txt").write_text("primary 0\n")
    result = run("list", "images", "--csv", "t.csv", *args)
    assert (result.status, "haze is not in the class table" in result.err) == (1, True)


def test_cells_that_look_like_several_tags_are_told(run: Runner, folder: Path) -> None:
    text = "a.jpg,x|y\nb.jpg,y\ncats/c.JPG,y|z\n"
    for name in (table(folder, text), table(folder, "a.jpg,x y z\nb.jpg,y z\n")):
        result = run("list", "images", "--csv", name)
        assert result.status == 1
        assert "--csv-separator" in result.err
        assert len(result.err.splitlines()) == 1
    expected = {"a.jpg": (0,), "b.jpg": (1,), "cats/c.JPG": (2,)}
    assert labels(run, table(folder, text), "--csv-separator", "none") == expected


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        ({"haze primary", "agriculture clear primary", "clear primary"}, " "),
        ({"scab", "rust", "scab rust", "rust complex", "complex"}, " "),
        ({"Cardiomegaly|Edema", "Edema"}, "|"),
        ({"a;b", "b;c"}, ";"),
        ({"a,b", "b", "a", "a,c", "c"}, ","),
        ({"black cat", "white cat", "dog"}, None),
        ({"golden retriever", "labrador retriever", "great dane"}, None),
        ({"tench, Tinca tinca", "crane", "crane, bird"}, None),
        ({"cat", "dog"}, None),
        (set(), None),
    ],
)
def test_what_looks_like_tags(cells: set[str], mark: str | None) -> None:
    assert separator_in(cells) == mark


def test_a_separator_needs_one_column(run: Runner, folder: Path) -> None:
    name = table(folder, "a.jpg,1,2\n")
    result = run("list", "images", "--csv", name, "--csv-separator", "|")
    assert (result.status, "one column" in result.err) == (1, True)


def test_empty_cells(run: Runner, folder: Path) -> None:
    name = table(folder, "Path,x,y\na.jpg,1.0,\nb.jpg,,-1.0\n")
    entries, err = listed(run, "--csv", name)
    assert [entry.labels for entry in entries] == [(1, 0), (0, -1)]
    assert any("2 rows with empty cells" in line and "--csv-blank" in line for line in err)
    assert labels(run, name, "--csv-blank", "-2") == {"a.jpg": (1, -2), "b.jpg": (-2, -1)}
    assert labels(run, table(folder, "a.jpg,\nb.jpg,4\n"), "--csv-blank", "9.5") == {
        "a.jpg": (9.5,),
        "b.jpg": (4,),
    }


@pytest.mark.parametrize("number", ["nan", "inf", "1e39", "x"])
def test_what_no_empty_cell_can_be(run: Runner, folder: Path, number: str) -> None:
    result = run("list", "images", "--csv", table(folder, "a.jpg,\n"), "--csv-blank", number)
    assert (result.status, "--csv-blank" in result.err) == (2, True)


def test_empty_cells_among_measures_are_no_zeros(run: Runner, folder: Path) -> None:
    name = table(folder, "a.jpg,1.5,\nb.jpg,2,3\n")
    result = run("list", "images", "--csv", name)
    assert result.status == 1
    assert "t.csv:1: the label is empty" in result.err
    assert len(result.out.splitlines()) == 1


def test_one_bad_row_does_not_lose_the_others(run: Runner, folder: Path) -> None:
    name = table(folder, "a.jpg,1\nnone.jpg,2\nb.jpg,nan\ncats/c.JPG,4\n")
    result = run("list", "images", "out", "--csv", name, "--no-shuffle")
    assert result.status == 1
    assert (folder / "out.lst").read_text() == "0\t1.000000\ta.jpg\n1\t4.000000\tcats/c.JPG\n"
    assert "t.csv:2: no such file: images/none.jpg" in result.err
    assert "t.csv:3: " in result.err
    assert "not listed: 2 images" in result.err
    result = run("list", "images", "out2", "--csv", name, "--on-error", "skip")
    assert result.status == 0
    result = run("list", "images", "out3", "--csv", name, "--on-error", "fail")
    assert (result.status, (folder / "out3.lst").exists()) == (1, False)


def test_an_image_twice(run: Runner, folder: Path) -> None:
    entries, err = listed(run, "--csv", table(folder, "a.jpg,1\nb.jpg,2\n./a.jpg,1\n"))
    assert len(entries) == 2
    assert any("1 row" in line and "already" in line for line in err)
    result = run("list", "images", "--csv", table(folder, "a.jpg,1\nb.jpg,2\na.jpg,3\n"))
    assert result.status == 1
    assert result.out.endswith("\tb.jpg\n")
    assert len(result.out.splitlines()) == 1


def test_only_some_images(run: Runner, folder: Path) -> None:
    (folder / "some.txt").write_text("b\n")
    name = table(folder, "a.jpg,1\nb.jpg,2\n")
    assert labels(run, name, "--only", "some.txt") == {"b.jpg": (2.0,)}


@pytest.mark.parametrize(
    "option", [["--csv-columns", "1,2"], ["--csv-separator", " "], ["--csv-blank", "0"]]
)
def test_options_of_tables_are_refused_elsewhere(
    run: Runner, folder: Path, option: list[str]
) -> None:
    for source in ([], ["--coco", "x"], ["--voc", "x"], ["--yolo", "x"], ["--labelme", "x"]):
        result = run("list", "images", *source, *option)
        assert (result.status, option[0] in result.err) == (2, True)
