"""What `import pawsight` offers is there, documented and typed."""

import ast
import importlib.metadata
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import pawsight
from pawsight import workflow


def test_names_are_listed_once():
    assert len(set(pawsight.__all__)) == len(pawsight.__all__)


@pytest.mark.parametrize("package", [pawsight, workflow], ids=lambda package: package.__name__)
def test_type_checkers_see_every_name(package):
    (block,) = [
        node
        for node in ast.parse(Path(package.__file__).read_text(encoding="utf-8")).body
        if isinstance(node, ast.If)
    ]
    imported = [alias.name for node in block.body for alias in node.names]
    assert sorted(imported) == sorted(package.__all__)


def test_the_workflow_describes_each_of_its_modules():
    described = re.findall(r"^    (\w+) +\S", workflow.__doc__, re.MULTILINE)
    modules = [one.name for one in pkgutil.iter_modules(workflow.__path__)]
    assert sorted(described) == sorted(modules)


@pytest.mark.slow
@pytest.mark.parametrize("name", pawsight.__all__)
def test_public_name_resolves_and_is_documented(name):
    found = getattr(pawsight, name)
    if callable(found):
        assert inspect.getdoc(found)
        assert found.__doc__, f"{name} has no docstring of its own"


@pytest.mark.slow
@pytest.mark.parametrize("name", pawsight.__all__)
def test_public_function_is_typed(name):
    found = getattr(pawsight, name)
    if inspect.isfunction(found):
        signature = inspect.signature(found)
        assert signature.return_annotation is not inspect.Signature.empty
        for parameter in signature.parameters.values():
            assert parameter.annotation is not inspect.Parameter.empty, parameter.name


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = pawsight.no_such_name


def test_names_are_offered_for_completion():
    assert set(pawsight.__all__) <= set(dir(pawsight))


def test_version_is_the_installed_one():
    assert importlib.metadata.version("pawsight") == pawsight.__version__
