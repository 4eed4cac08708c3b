"""rectool.mx.install: code that says `import mxnet` runs as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GOLDEN

import rectool

ROOT = str(Path(rectool.__file__).parent.parent)


def python(code: str, *args: object, cwd: Path, path: str = "") -> str:
    """Runs a program in a file of its own and returns what it printed."""
    program = cwd / "program.py"
    program.write_text(code, encoding="utf-8")
    places = os.pathsep.join(filter(None, [ROOT, path]))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program), *map(str, args)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_rectool_mx_loads_no_image_library(tmp_path: Path) -> None:
    code = """
import sys
import rectool.mx as mx
assert "numpy" not in sys.modules
mx.recordio.MXRecordIO, mx.nd.array, mx.cpu(), mx.install()
mx.random.seed(1), mx.gluon.data.Dataset, mx.test_utils.download
import mxnet
for name in ("PIL", "cv2", "simplejpeg", "rectool.mx.image", "rectool.mx.io"):
    assert name not in sys.modules, name
"""
    python(code, cwd=tmp_path)


def test_every_way_to_import(tmp_path: Path) -> None:
    code = """
import rectool.mx
rectool.mx.install()
rectool.mx.install()
import mxnet
import mxnet as mx
import mxnet.recordio
import mxnet.image, mxnet.io, mxnet.nd
from mxnet.image.detection import ImageDetIter
import mxnet.ndarray as nd2
from mxnet import ndarray as nd
from mxnet import recordio, image, io
from mxnet.recordio import MXIndexedRecordIO
from mxnet.image import imdecode, ImageIter
from mxnet.io import DataBatch, ImageRecordIter
from mxnet import nd as nd3
from mxnet.base import MXNetError, string_types, numeric_types, integer_types, mx_real_t
from mxnet.gluon.data import Dataset, RecordFileDataset
from mxnet.gluon.data.vision import ImageFolderDataset, ImageRecordDataset
from mxnet.gluon.data.vision.datasets import ImageRecordDataset as same
import mxnet.gluon.data.dataset
from mxnet.image.image import _get_interp_method, imread
from mxnet.io import PrefetchingIter, ResizeIter, NDArrayIter
from mxnet.io.io import DataDesc
from mxnet.ndarray import NDArray, image as ndimage
from mxnet.test_utils import download
import mxnet.ndarray.random
import importlib.util, pickle

ours = rectool.mx
assert same is ImageRecordDataset is mx.gluon.data.vision.ImageRecordDataset
assert mx.gluon.data.dataset is mx.gluon.data
assert mx.base.MXNetError is MXNetError is mx.MXNetError
assert isinstance("", string_types) and isinstance(1.5, numeric_types)
assert mx.io.io is mx.io and mx.image.image is mx.image and mx.nd.ndarray is mx.nd
assert ours.gluon.data.vision.datasets is ours.gluon.data.vision
assert mx.nd.random.uniform is mx.random.uniform
mx.random.seed(7)
mx.rnd.seed(7)
ours = rectool.mx
assert mx.recordio is recordio is ours.recordio
assert mx.image is mx.img is image is ours.image
assert mx.io is io is ours.io
assert nd is nd2 is nd3 is mx.nd is mx.ndarray is ours.nd
assert mx.cpu() == ours.cpu()
assert image.__name__ == image.__spec__.name == "rectool.mx.image"
assert importlib.util.find_spec("mxnet").name == "mxnet"
assert type(pickle.loads(pickle.dumps(nd.array([1])))) is nd.NDArray
assert {"recordio", "image", "nd"} <= set(dir(mx))
assert mx.__version__.startswith("1.")
"""
    python(code, cwd=tmp_path)


def test_names_that_are_missing_raise_with_what_there_is(tmp_path: Path) -> None:
    code = """
import rectool.mx
rectool.mx.install()
import mxnet as mx

def refused(code, kind):
    try:
        exec(code)
    except kind as error:
        assert "rectool's stand-in for MXNet, which has " in str(error), error
        assert "recordio" in str(error), error
    else:
        raise AssertionError(code)

refused("mx.sym", AttributeError)
refused("rectool.mx.sym", AttributeError)
refused("import mxnet.gluon.nn", ImportError)
refused("import mxnet.symbol", ImportError)
refused("from mxnet import autograd, nd", ImportError)
refused("import mxnet.gluon.data.vision.transforms", ImportError)
assert not hasattr(mx, "sym")
try:
    from mxnet.gluon.data.vision import transforms
except ImportError as error:
    assert "rectool" in str(error)
else:
    raise AssertionError
"""
    python(code, cwd=tmp_path)


REAL = "name = 'the real one'\n"


@pytest.mark.parametrize("imported", [False, True])
def test_another_mxnet_is_hidden_only_when_that_is_asked_for(
    tmp_path: Path, imported: bool
) -> None:
    package = tmp_path / "site" / "mxnet"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(REAL)
    (package / "module.py").write_text(REAL)
    first = "import mxnet, mxnet.module" if imported else ""
    code = f"""
import rectool.mx
{first}
try:
    rectool.mx.install()
except RuntimeError as error:
    assert "install(replace=True)" in str(error)
else:
    raise AssertionError
import mxnet
assert mxnet.name == "the real one"
rectool.mx.install(replace=True)
import mxnet
assert mxnet.recordio is rectool.mx.recordio
assert not hasattr(mxnet, "name")
try:
    import mxnet.module
except ImportError:
    pass
else:
    raise AssertionError
rectool.mx.install()
"""
    python(code, cwd=tmp_path, path=str(tmp_path / "site"))


FACES = '''
"""A data set as face recognition code has it, for MXNet, and workers that read from it."""
import rectool.mx
rectool.mx.install()

import hashlib
import multiprocessing
import numbers
import os
import sys

import mxnet as mx
import numpy as np


class Faces:
    def __init__(self, folder):
        rec = os.path.join(folder, "faces.rec")
        idx = os.path.join(folder, "faces.idx")
        self.imgrec = mx.recordio.MXIndexedRecordIO(idx, rec, "r")
        header, _ = mx.recordio.unpack(self.imgrec.read_idx(0))
        if header.flag > 0:
            self.header0 = (int(header.label[0]), int(header.label[1]))
            self.imgidx = np.array(range(1, int(header.label[0])))
        else:
            self.imgidx = np.array(list(self.imgrec.keys))

    def __getitem__(self, index):
        header, img = mx.recordio.unpack(self.imgrec.read_idx(self.imgidx[index]))
        label = header.label
        if not isinstance(label, numbers.Number):
            label = label[0]
        return mx.image.imdecode(img).asnumpy(), int(label)

    def __len__(self):
        return len(self.imgidx)


def read(faces, index):
    sample, label = faces[index]
    assert (type(sample), sample.dtype) == (np.ndarray, np.uint8)
    return sample.shape, hashlib.sha256(sample).hexdigest(), label


if __name__ == "__main__":
    faces = Faces(sys.argv[1])
    own = [read(faces, index) for index in range(len(faces))]
    assert len(own) == 12
    assert [label for _, _, label in own] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert {shape for shape, _, _ in own} == {(112, 112, 3)}
    assert len({digest for _, digest, _ in own}) == 12
    with multiprocessing.get_context(sys.argv[2]).Pool(int(sys.argv[3])) as pool:
        tasks = [(faces, index) for index in range(len(faces))] * 3
        assert pool.starmap(read, tasks, chunksize=5) == own * 3
    assert [read(faces, index) for index in range(len(faces))] == own
    print(own[0][1])
'''


@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_face_recognition_code_runs_as_it_is(tmp_path: Path, method: str, workers: int) -> None:
    import hashlib
    import multiprocessing

    from rectool import RecordReader, unpack
    from rectool.imaging.pillow import decode

    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    printed = python(FACES, GOLDEN, method, workers, cwd=tmp_path)
    first = decode(unpack(RecordReader(GOLDEN / "faces.rec").by_key(1))[1])
    assert printed.strip() == hashlib.sha256(first.tobytes()).hexdigest()
