"""`rectool list --voc`: boxes of six numbers, images found, every bad XML with its name."""

from __future__ import annotations

import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded, picture
from helpers.annotating import Runner, faults, in_pixels, listed, packed, write_images
from hypothesis import given, settings
from hypothesis import strategies as st

from rectool.listing.annotations.file_per_image import MOST_BYTES
from rectool.listing.annotations.voc import read_voc
from rectool.listing.lst import Entry

EMPTY = "which MXNet's ImageDetIter refuses (--skip-empty leaves such out)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds `images` with a.jpg, 100x50, and sub/b.png, 40x80; and `xml`, empty."""
    write_images(tmp_path / "images", a_jpg=(100, 50), sub__b_png=(40, 80))
    (tmp_path / "xml" / "sub").mkdir(parents=True)
    return tmp_path


def thing(name: str, *box: object, more: str = "<difficult>0</difficult>") -> str:
    sides = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=False)
    corners = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    return f"<object><name>{name}</name>{more}<bndbox>{corners}</bndbox></object>\n"


def sheet(file: str, size: tuple[object, object], *things: str) -> str:
    width, height = size
    return (
        f"<annotation>\n<folder>VOC</folder><filename>{file}</filename>\n<size><width>{width}"
        f"</width><height>{height}</height><depth>3</depth></size>\n{''.join(things)}</annotation>"
    )


A = sheet("a.jpg", (100, 50), thing("dog", 10, 5, 60, 30), thing("cat", 0, 0, 100, 50))
B = sheet("b.png", (40, 80), thing("dog", 10, 20, 30, 40, more="<difficult>1</difficult>"))


def write(folder: Path, **sheets: str | bytes) -> None:
    for name, text in sheets.items():
        path = folder / "xml" / (name.replace("__", "/") + ".xml")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_boxes_and_classes(run: Runner, folder: Path) -> None:
    write(folder, a=A, sub__b=B)
    entries, err = listed(run, "--voc", "xml")
    assert entries == [
        Entry(0, (2, 6, 1, 0.1, 0.1, 0.6, 0.6, 0, 0, 0, 0, 1, 1, 0), "a.jpg"),
        Entry(1, (2, 6, 1, 0.25, 0.25, 0.75, 0.5, 1), "sub/b.png"),
    ]
    assert err == ["label  class", "    0  cat", "    1  dog"]


def test_class_tables(run: Runner, folder: Path) -> None:
    write(folder, a=A, sub__b=B)
    (folder / "c.txt").write_text("dog 0\ncow 1\ncat 2\n")
    entries, err = listed(run, "--voc", "xml", "--classes", "c.txt")
    assert ([entry.labels[2] for entry in entries], err) == ([0, 0], [])
    (folder / "c.txt").write_text("cow 1\n")
    says = [
        "xml/a.xml: class dog is not in the class table",
        "xml/a.xml: class cat is not in the class table",
    ]
    assert faults("--voc", "xml", "--classes", "c.txt", folder=folder) == says


def test_images_are_found(run: Runner, folder: Path) -> None:
    files = {"b_png": (9, 9), "sub__c_png": (8, 8), "d_jpeg": (9, 9), "e_webp": (9, 9)}
    write_images(folder / "images", **files)
    inside = thing("x", 0, 0, 9, 9)
    write(
        folder,
        b=sheet("b.png", (9, 9)),
        sub__b=sheet("b.png", (40, 80)),  # the one in the XML's own folder
        sub__w=sheet("sub/c.png", (8, 8)),  # by its path below the root
        sub__x=sheet("a.jpg", (100, 50)),  # not in the XML's folder
        d=sheet("", (9, 9), inside),  # by the XML's name
        e=sheet("old name.jpg", (9, 9), inside),
    )
    entries, err = listed(run, "--voc", "xml", "--exts", "jpeg,webp")
    wanted = ["b.png", "d.jpeg", "e.webp", "sub/b.png", "sub/c.png", "a.jpg"]
    assert [entry.path for entry in entries] == wanted
    assert err[2:] == [
        "found by the name of the XML, not by the one in it: 1 image, as e.webp",
        f"4 images without objects, as in b.png, {EMPTY}",
    ]
    says = ["xml/d.xml: no such file: images/d.png", "xml/e.xml: no such file: images/old name.jpg"]
    assert faults("--voc", "xml", "--exts", "png", folder=folder) == says


def test_what_is_cut_or_left_out(run: Runner, folder: Path) -> None:
    flat = [(0, 0, 0.00001, 1), (5, 0, 5, 9), (5, 9, 6, 9)]
    boxes = [(-5, 0, 50, 51), (100, 0, 120, 5), *flat]
    write(folder, a=sheet("a.jpg", (100, 50), *(thing("x", *box) for box in boxes)))
    write(folder, sub__b=sheet("b.png", ("", 0), thing("x", 0, 0, 20, 20, more="")))
    entries, err = listed(run, "--voc", "xml")
    assert [entry.labels for entry in entries] == [
        (2, 6, 0, 0, 0, 0.5, 1, 0),
        (2, 6, 0, 0, 0, 0.5, 0.25, 0),
    ]
    assert err[2:] == [
        "1 image of no size in the annotations, as sub/b.png: the file's own is used",
        "cut at the image's edges: 1 box, as in a.jpg",
        "left out: 1 box outside of the image, as in a.jpg",
        "left out: 3 boxes of no width or no height, as in a.jpg",
    ]


def test_memory_is_little_more_than_the_list(folder: Path) -> None:
    """All files are read before the first line is made, for classes are numbered by their names."""
    boxes = [(at + 0.5, at, at + 3.5, at + 9) for at in range(40)]
    for at in range(60):
        (folder / "images" / f"{at}.jpg").hardlink_to(folder / "images" / "a.jpg")
        text = sheet(f"{at}.jpg", (100, 50), *(thing("x", *box) for box in boxes))
        write(folder, **{str(at): text})
    read_voc(folder / "xml", folder / "images")  # what is loaded for the first one does not count
    tracemalloc.start()
    found = read_voc(folder / "xml", folder / "images")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.images) == 60
    assert peak < 7 * len(found.images.contents())


def test_skip_empty(run: Runner, folder: Path) -> None:
    write(folder, a=A, sub__b=sheet("b.png", (40, 80)))
    entries, _ = listed(run, "--voc", "xml")
    assert entries[1] == Entry(1, (2, 6, -1, -1, -1, -1, -1, -1), "sub/b.png")
    entries, err = listed(run, "--voc", "xml", "--skip-empty")
    assert [entry.key for entry in entries] == [0]
    assert err[3:] == ["left out: 1 image without objects, as in sub/b.png"]


def test_without_difficult(run: Runner, folder: Path) -> None:
    write(folder, a=A, sub__b=B, c=sheet("c.jpg", (9, 9)))
    write_images(folder / "images", c_jpg=(9, 9))
    entries, err = listed(run, "--voc", "xml", "--no-difficult")
    assert entries == [
        Entry(0, (2, 5, 1, 0.1, 0.1, 0.6, 0.6, 0, 0, 0, 1, 1), "a.jpg"),
        Entry(1, (2, 5, -1, -1, -1, -1, -1), "c.jpg"),
        Entry(2, (2, 5, 1, 0.25, 0.25, 0.75, 0.5), "sub/b.png"),
    ]
    assert err[3:] == [f"1 image without objects, as in c.jpg, {EMPTY}"]


def test_one_object_twice(run: Runner, folder: Path) -> None:
    hard = "<difficult>1</difficult>"
    things = [thing("x", 0, 0, 50, 50), thing("y", 0, 0, 50, 50), thing("x", 0, 0, 50, 50.0)]
    write(folder, a=sheet("a.jpg", (100, 50), *things, thing("x", 0, 0, 50, 50, more=hard)))
    write(folder, sub__b=sheet("b.png", (40, 80), thing("x", 0, 0, 50, 50)))
    entries, err = listed(run, "--voc", "xml")
    assert entries[0].labels == (2, 6, 0, 0, 0, 0.5, 1, 0, 1, 0, 0, 0.5, 1, 0)
    assert err[2:] == [
        "    1  y",
        "left out, being there already: 2 boxes, as in a.jpg",
        "cut at the image's edges: 1 box, as in sub/b.png",
    ]


def test_fractions_in_place_of_pixels(run: Runner, folder: Path) -> None:
    write(folder, a=sheet("a.jpg", (100, 50), thing("x", -0.1, 0, 0.5, 1.25)))
    write(folder, sub__b=sheet("b.png", (40, 80)))
    says = [
        "xml: coordinates of boxes reach 1.25 at most, and a.jpg has 100x50 pixels: fractions,"
        " where pixels are expected"
    ]
    assert faults("--voc", "xml", folder=folder) == says
    write(folder, sub__b=sheet("b.png", (40, 80), thing("x", 0, 0, 1, 1.6)))
    assert len(listed(run, "--voc", "xml")[0]) == 2


def test_classes_from_lists_of_names(run: Runner, folder: Path) -> None:
    write(folder, a=A, sub__b=B)
    for name, text in (("c.txt", "cow\ndog\ncat\n"), ("c.yaml", "names: [cow, dog, cat]")):
        (folder / name).write_text(text)
        entries, err = listed(run, "--voc", "xml", "--classes", name, "--classes-out", "out.txt")
        assert ([entry.labels[2::6] for entry in entries], err) == ([(1, 2), (1,)], [])
        assert (folder / "out.txt").read_text() == "cow 0\ndog 1\ncat 2\n"
        (folder / "out.txt").unlink()


def test_parts_of_objects_are_no_objects(run: Runner, folder: Path) -> None:
    part = f"<part>{thing('head', 1, 1, 2, 2)[8:-10]}</part>"
    write(folder, a=sheet("a.jpg", (100, 50), thing("man", 0, 0, 50, 50, more=part)))
    entries, _ = listed(run, "--voc", "xml")
    assert entries[0].labels == (2, 6, 0, 0, 0, 0.5, 1, 0)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings(run: Runner, folder: Path, encoding: str) -> None:
    said = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{said}"?>\n' + A.replace("dog", "chién")
    write(folder, a=text.encode(encoding))
    _, err = listed(run, "--voc", "xml")
    assert err[-1] == "    1  chién"


def hidden(text: str) -> bytes:
    """In letters that are not ASCII's, as its first line says."""
    return b'<?xml version="1.0" encoding="cp037"?>' + text.encode("cp037")


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("utf-16", "utf-8"), ("gb2312", "utf-8"), ("ascii", "utf-8"), ("latin-1", "utf-8"),
        ("utf-8", "utf-16"), ("utf-8", "utf-16-le"), ("utf-8", "utf-16-be"), ("utf-7", "utf-8"),
        ("windows-1252", "latin-1"), ("GBK", "gbk"), ("Shift_JIS", "shift_jis"),
        ("no-such-thing", "utf-8"),
    ],
)  # fmt: skip
def test_encodings_that_are_said_falsely(
    run: Runner, folder: Path, said: str, written: str
) -> None:
    name = {"gbk": "狗", "shift_jis": "いぬ"}.get(written, "chién")
    text = f'<?xml version="1.0" encoding="{said}"?>\n' + A.replace("dog", name)
    write(folder, a=text.encode(written))
    _, err = listed(run, "--voc", "xml")
    assert err[-1] == f"    1  {name}"


@pytest.mark.parametrize("codec", ["punycode", "idna", "unicode_escape", "zlib", "utf-7", "x" * 99])
def test_codecs_that_are_no_encodings_are_not_used(folder: Path, codec: str) -> None:
    """Some take hours, or make of a small file a large one."""
    write(folder, c=f'<?xml version="1.0" encoding="{codec}"?>'.encode() + b"a-\xff" * 100_000)
    assert (
        "xml/c.xml: the text is not in its declared encoding"
        in faults("--voc", "xml", folder=folder)[0]
    )


@pytest.mark.parametrize(
    ("file", "image", "said"),
    [
        ("n02119789_1", "n02119789_1.JPEG", "n02119789_1"),  # ImageNet's
        ("IMG_1", "IMG_1.JPG", "IMG_1.jpg"),
        ("x", "x.JPG", ""),
        ("b", "b.jpg", "other.jpg"),  # other.jpg is there too
        ("a.b", "a.b.jpg", "a.b"),
        ("sub/c", "c.png", "c.png"),
        ("000001", "JPEGImages/000001.jpg", "000001.jpg"),  # in the folder that holds both
        ("sub/d", "sub/d.png", "C:\\Users\\me\\d.png"),
        ("old", "new.png", "new.png"),
        ("e", "e.png", "../elsewhere/e.png"),
        ("f", "f.png", "f.jpg"),
    ],
)
def test_images_are_found_by_the_name_of_the_xml_first(
    run: Runner, folder: Path, file: str, image: str, said: str
) -> None:
    for name in (image, "other.jpg"):
        path = folder / "images" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded(picture(0, 9, 9), "JPEG"))
    write(folder, **{file.replace("/", "__"): sheet(said, (9, 9), thing("x", 1, 1, 5, 5))})
    entries, _ = listed(run, "--voc", "xml")
    assert [entry.path for entry in entries] == [image]


def test_an_image_that_only_its_whole_path_names(run: Runner, folder: Path) -> None:
    text = sheet("", (100, 50)).replace("<size>", "<path>/home/me/images/a.jpg</path><size>")
    write(folder, z=text)
    entries, _ = listed(run, "--voc", "xml")
    assert [entry.path for entry in entries] == ["a.jpg"]


def test_sizes_written_as_fractions(run: Runner, folder: Path) -> None:
    write(folder, a=sheet("a.jpg", ("100.0", "50."), thing("x", "1e1", 5.5, 50, 25)))
    entries, _ = listed(run, "--voc", "xml")
    assert entries[0].labels == (2, 6, 0, 0.1, 0.11, 0.5, 0.5, 0)


def test_escapes_of_names_are_shown_escaped(run: Runner, folder: Path) -> None:
    write(folder, a=sheet("a.jpg", (100, 50), thing("\x9b31m\u202edog", 0, 0, 5, 9)))
    result = run("list", "images", "--voc", "xml")
    assert result.status == 0
    assert "\\x9b31m\\u202edog" in result.err
    assert not {"\x9b", "\u202e"} & set(result.err)


def test_large_files_are_not_read(folder: Path) -> None:
    with (folder / "xml" / "c.xml").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert "c.xml: more than 256 MB" in faults("--voc", "xml", folder=folder)[0]


BOMB = '<!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;">]>\n' + A.replace("dog", "&y;")
FAULTS: list[tuple[str | bytes, list[str]]] = [
    ("", ["malformed XML: no element found"]),
    (A[:-5], ["malformed XML: unclosed token: line"]),
    (A.replace("</size>", ""), ["malformed XML: mismatched tag: line"]),
    (BOMB, ["it has a document type or entities, which are refused"]),
    (BOMB.encode("utf-16"), ["it has a document type or entities, which are refused"]),
    (hidden(BOMB), ["it has a document type or entities, which are refused"]),
    (
        A.replace("dog", "d\xf6g").encode("latin-1"),
        ["the text is not in its declared encoding: 'utf-8' codec"],
    ),
    (
        b'<?xml version="1.0" encoding="rot13"?><a>\xff</a>',
        ["the text is not in its declared encoding"],
    ),
    ("<html/>", ["this is not a Pascal VOC annotation: it begins with <html>"]),
    (sheet("c.jpg", (9, 9)), ["no such file: images/c.jpg"]),
    (sheet("../a.jpg", (100, 50)), ["../a.jpg is not below images"]),
    (sheet("a.jpg", (50, 100)), ["the annotations are of 50x100 pixels, images/a.jpg has 100x50"]),
    (sheet("a.jpg", (100, "5.5")), ["size should be whole numbers of pixels, found '5.5'"]),
    (sheet("a.jpg", (-100, 50)), ["size should be whole numbers of pixels, found '-100'"]),
    (sheet("bad.jpg", (9, 9)), ["images/bad.jpg: not an image of a known format"]),
    *(
        (sheet("a.jpg", (100, 50), thing("x", 0, 0, 9, 9), faulty), [f"object 2: {says}"])
        for faulty, says in (
            (thing("x", 6, 0, 5, 9), "a box -1 wide and 9 high (xmin 6, ymin 0, xmax 5, ymax 9)"),
            (thing("x", 0, 9, 5, 5), "a box 5 wide and -4 high (xmin 0, ymin 9, xmax 5, ymax 5)"),
            (thing("x", "nan", 0, 5, 9), "xmin must be a number, got 'nan'"),
            (thing("x", 0, "1e300", 5, 9), "ymin must be a number, got '1e300'"),
            (thing("x", 0, 0, "1_0", 9), "xmax must be a number, got '1_0'"),
            ("<object><name>x</name></object>", "there is no box (bndbox)"),
            (
                "<object><name>x</name><robndbox><cx>1</cx></robndbox></object>",
                "there is no box (bndbox), but a turned one",
            ),
            (thing("x", 0, 0, 5), "ymax must be a number, there is none"),
            (thing(" ", 0, 0, 5, 9), "a class has no name"),
            (
                thing("a\tb", 0, 0, 5, 9),
                "'a\\tb': a name must not have a tab, a line's end or a zero byte",
            ),
            (
                thing("x", 0, 0, 5, 9, more="<difficult>yes</difficult>"),
                "difficult should be 0 or 1, found 'yes'",
            ),
        )
    ),
    (
        sheet("a.jpg", (100, 50), thing("", 0, 0, 1, 1), thing("x", 3, 0, 1, 1)),
        ["object 1: a class has no name", "object 2: a box -2 wide and 1 high"],
    ),
]


@pytest.mark.parametrize(("text", "says"), FAULTS, ids=range(len(FAULTS)))
def test_faults(folder: Path, text: str | bytes, says: list[str]) -> None:
    (folder / "images" / "bad.jpg").write_bytes(b"no image")
    write(folder, c=text, sub__b=B)
    lines = faults("--voc", "xml", folder=folder)
    assert len(lines) == len(says)
    for line, begin in zip(lines, says, strict=True):
        assert line.startswith(f"xml/c.xml: {begin}")


def test_two_of_one_image(folder: Path) -> None:
    write(folder, a=A, c=A)
    says = ["xml/c.xml: a.jpg already belongs to xml/a.xml"]
    assert faults("--voc", "xml", folder=folder) == says


def test_folders_without_xml(folder: Path) -> None:
    says = ["xml: there are no XML files in this folder"]
    assert faults("--voc", "xml", folder=folder) == says
    assert faults("--voc", "no", folder=folder) == ["no: No such file or directory"]


def test_images_beside_the_xml_are_no_matter(run: Runner, folder: Path) -> None:
    (folder / "images" / "a.xml").write_text(A)
    write_images(folder / "images", other_bmp=(9, 9))
    entries, err = listed(run, "--voc", "images")
    assert (len(entries), len(err)) == (1, 3)


def test_through_the_pipe_into_a_rec(run: Runner, folder: Path) -> None:
    write(folder, a=A, sub__b=B)
    images = run("list", "images", "--voc", "xml")
    done = run("pack", "-", "out", "--root", "images", stdin=images.stdout)
    assert done.status == 0, done
    found = in_pixels(folder / "out.rec", {0: (100, 50), 1: (40, 80)})
    wanted = np.array([[1, 10, 5, 60, 30, 0], [0, 0, 0, 100, 50, 0]])
    assert found[0] == pytest.approx(wanted, abs=0.01)
    assert found[1] == pytest.approx(np.array([[1, 10, 20, 30, 40, 1]]), abs=0.01)


inside = st.integers(2, 99).flatmap(lambda end: st.tuples(st.integers(0, end - 1), st.just(end)))


@settings(max_examples=20)
@given(st.lists(st.lists(st.tuples(st.sampled_from("ba"), inside, inside), max_size=4), min_size=1))
def test_boxes_come_out_of_the_rec(
    images: list[list[tuple[str, tuple[int, int], tuple[int, int]]]],
) -> None:
    names = sorted({name for boxes in images for name, *_ in boxes})
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number, boxes in enumerate(images):
            file = f"{number:03d}.jpg"
            (folder / file).write_bytes(encoded(picture(0, 99, 99)))
            things = [thing(name, x[0], y[0], x[1], y[1]) for name, x, y in boxes]
            (folder / f"{number:03d}.xml").write_text(sheet(file, (99, 99), *things))
        rec = packed(read_voc(folder, folder).images, folder, folder / "out.rec")
        found = in_pixels(rec, dict.fromkeys(range(len(images)), (99, 99)))
    for number, boxes in enumerate(images):
        different = dict.fromkeys(boxes)
        wanted = [[names.index(name), x[0], y[0], x[1], y[1], 0] for name, x, y in different]
        assert found[number].shape == (len(wanted), 6)
        if boxes:
            assert np.abs(found[number] - wanted).max() < 0.01
