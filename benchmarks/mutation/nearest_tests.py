"""Which test files are run on a mutant, the nearest to its module first."""

import ast
import itertools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

# Tests of the page need a browser; those of compat and of the project hold no module's promises.
_LEFT_OUT = ("tests/browser", "tests/compat", "tests/project")
_MAX_DISTANCE = 2  # imports between a module that a test names and the mutated one
_MAX_FILES = 30


class NearestTests:
    """The test files of a copy of the project, with the imports between its modules.

    A test that names a module is at distance 0 from it, at 1 from what that module imports,
    and so on.
    """

    def __init__(self, root: Path) -> None:
        package = root / "src" / "pawsight"
        sources = {
            dotted(path.relative_to(package).as_posix()): path.read_text(encoding="utf-8")
            for path in sorted(package.rglob("*.py"))
        }
        self._importers: dict[str, set[str]] = defaultdict(set)
        for name, text in sources.items():
            for imported in _imports(text, sources):
                self._importers[imported].add(name)
        self._texts = {
            path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted((root / "tests").rglob("test_*.py"))
        }

    def files(self, module: str) -> list[str]:
        """Return the test files to run, in order.

        Args:
            module: Path of the mutated module below the package.
        """
        distances = self._distances(dotted(module))
        stem = Path(module).stem
        ranked = []
        for file, text in self._texts.items():
            named = [d for name, d in distances.items() if _names(text, name)]
            shared = _num_shared(file, module)
            is_own = Path(file).stem == f"test_{stem}"
            if file.startswith(_LEFT_OUT) or not (named or shared or is_own):
                continue
            distance = min(named, default=_MAX_DISTANCE + 1)
            ranked.append((not is_own, distance, -shared, len(text), file))
        return [row[-1] for row in sorted(ranked)[:_MAX_FILES]]

    def _distances(self, name: str) -> dict[str, int]:
        distances = {name: 0}
        for distance in range(1, _MAX_DISTANCE + 1):
            for known in list(distances):
                for importer in self._importers[known]:
                    distances.setdefault(importer, distance)
        return distances


def dotted(module: str) -> str:
    """Return the name by which a module of pawsight is imported."""
    name = module.removesuffix(".py").removesuffix("__init__").rstrip("/").replace("/", ".")
    return f"pawsight.{name}".rstrip(".")


def _imports(source: str, modules: dict[str, str]) -> Iterator[str]:
    """Yield the modules of pawsight that a source imports, inside of functions as well."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _names(text: str, module: str) -> bool:
    """Return whether a test names a module: `pawsight.a.b`, or `from pawsight.a import b`."""
    package, _, name = module.rpartition(".")
    return (
        f"{module} " in text
        or f"{module}\n" in text
        or f"{module}." in text
        or f'"{module}"' in text
        or f"from {package} import {name}\n" in text
    )


def _num_shared(test_file: str, module: str) -> int:
    """Return how many folders the paths of a test file and a module begin with together."""
    pairs = zip(test_file.split("/")[1:-1], module.split("/")[:-1], strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
