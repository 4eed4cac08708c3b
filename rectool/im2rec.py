"""`python -m rectool.im2rec`, for lines that say `python -m mxnet.tools.im2rec`."""

import sys

from .__main__ import run

if __name__ == "__main__":
    sys.argv.insert(1, "im2rec")
    run()
