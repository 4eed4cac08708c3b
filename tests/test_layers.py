"""Each package imports only from layers below it, and no module imports itself by a detour."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import rectool

ROOT = Path(rectool.__file__).parent
LAYERS = (
    *("errors", "remarks", "system", "format", "imaging", "listing"),
    *("packing unpacking inspection loading", "mx", "cli"),
)
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names.split()}
MODULES = {
    path.relative_to(ROOT.parent).with_suffix("").as_posix().replace("/", ".")
    .removesuffix(".__init__"): path
    for path in ROOT.rglob("*.py")
}  # fmt: skip


def imports(module: str) -> Iterator[str]:
    """The full names of what a module imports anywhere in it, type checkers' imports included."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - node.level]
            origin = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            for full in (f"{origin}.{alias.name}" for alias in node.names):
                yield full if full in MODULES else origin


def test_packages_import_only_from_layers_below() -> None:
    packages = {module.split(".")[1] for module in MODULES if module.count(".")}
    assert packages - LEVELS.keys() == {"__main__", "im2rec"}  # the two ways to start a program
    for module in MODULES:
        own = module.split(".")[1:2]
        for name in imports(module):
            other = name.split(".")[1] if name.startswith("rectool.") else None
            if own and other in LEVELS and other != own[0] and own[0] in LEVELS:
                assert LEVELS[other] < LEVELS[own[0]], f"{module} imports {name}"


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {module: {name for name in imports(module) if name in MODULES} for module in MODULES}
    for facade in ("rectool", "rectool.mx"):  # load their parts when a name is asked for
        graph[facade] = set()
    TopologicalSorter(graph).prepare()  # raises CycleError, with the modules


def test_only_the_commands_know_click_and_tqdm() -> None:
    for module in MODULES:
        found = {name.split(".")[0] for name in imports(module)} & {"click", "tqdm"}
        assert not found or module.startswith("rectool.cli."), f"{module} imports {found}"
