"""MXNet's longer name of `nd`: both are one module."""

import sys

from . import nd
from .nd import *  # noqa: F403

sys.modules[__name__] = nd
