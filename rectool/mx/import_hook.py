"""Making `import mxnet` find rectool.mx."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

from .. import mx


def install(replace: bool = False) -> None:
    """From now on `import mxnet`, `from mxnet import recordio`, `import mxnet.image` and the like
    find rectool.mx and its modules, in this process.

    For code that is to stay as it is: put `import rectool.mx` and `rectool.mx.install()` before it,
    in the program's main module at the top, outside of `if __name__ == "__main__"`, so that
    processes which are spawned run it as well. A second call does nothing.

    Raises RuntimeError where there is another mxnet, imported or installed; `replace` hides it.
    What was imported from it before stays what it was.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    if not replace and ("mxnet" in sys.modules or find_spec("mxnet") is not None):
        raise RuntimeError(
            "there is an mxnet already, which rectool.mx.install() would hide;"
            " install(replace=True) does that"
        )
    for name in [name for name in sys.modules if name.partition(".")[0] == "mxnet"]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds mxnet and its modules, and nobody else's."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package != "mxnet":
            return None
        if name and name not in mx.MODULES:
            # not ModuleNotFoundError: `from mxnet import gluon` would put a message of its own
            # in the place of this one
            raise ImportError(f"no {fullname}: {mx.CONTENTS}", name=fullname)
        return ModuleSpec(fullname, _Loader(), origin=mx.__file__, is_package=not name)


class _Loader(Loader):
    """Modules are rectool.mx's own, under a second name; mxnet looks up its names in rectool.mx."""

    def exec_module(self, module: ModuleType) -> None:
        _, _, name = module.__name__.partition(".")
        if name:
            own = import_module(f"{mx.__name__}.{mx.MODULES[name]}")
            own.__dict__.setdefault("__path__", [])  # it may have modules in MXNet
            sys.modules[module.__name__] = own
            return
        module.__doc__ = mx.__doc__
        for attribute in ("__getattr__", "__dir__", "__version__", "__all__"):
            setattr(module, attribute, getattr(mx, attribute))
