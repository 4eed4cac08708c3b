"""Write records and read them: by position, by key, and as MXNet code does."""

import io
import sys
from pathlib import Path

from PIL import Image

import rectool.mx as mx  # the one line that changes: it was `import mxnet as mx`
from rectool import IRHeader, RecordReader, RecordWriter, pack, unpack

images = sorted((Path(__file__).parent / "images").rglob("*.jpg"))
rec = Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "pictures.rec"

# Both files appear under their names when the block ends without an error.
with RecordWriter(rec, force=True) as writer:
    for key, path in enumerate(images):
        header = IRHeader(flag=0, label=key // 4, id=key, id2=0)
        writer.write(pack(header, path.read_bytes()), key)

# A sequence of bytes: len, [i], iteration; `keys` and `offsets` are numpy arrays.
with RecordReader(rec) as reader:
    print(len(reader), "records, keys", reader.keys.min(), "to", reader.keys.max())
    header, payload = unpack(reader[-1])
    print("last:", header, Image.open(io.BytesIO(payload)).size)
    header, payload = unpack(reader.by_key(7))
    print("key 7: label", header.label, "-", len(payload), "bytes")

# MXNet's names, with its BGR arrays.
record = mx.recordio.MXIndexedRecordIO(rec.with_suffix(".idx"), rec, "r")
header, array = mx.recordio.unpack_img(record.read_idx(7), iscolor=1)
print("through mx.recordio:", array.shape, array.dtype)
