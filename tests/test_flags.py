"""Flags in the source of every module: what is frozen, strict, on by default, or left unsaid."""

import ast
from pathlib import Path

import pytest

import pawsight

PACKAGE = Path(pawsight.__file__).parent
# Flags that are on unless a caller turns them off: `parameter of function or class`.
ON_BY_DEFAULT = {
    "browser of login",
    "can_choose of check_text",
    "can_finetune of PretrainedNetwork",
    "detail of find",
    "exist_ok of make_dir",
    "exist_ok of make_dirs",
    "exist_ok of make_durable_dirs",
    "has_weights of PretrainedNetwork",
    "higher_is_better of Score",
    "is_complete of Undone",
    "is_epoch_chosen of caution",
    "is_mirrored of HeadFit",
    "is_permanent of ReadResult",
    "is_single_core of ReadingJob",
    "keeps_keras of CustomNetwork",
    "open_browser of sign_in",
    "shuffle of __init__",  # as in Keras
    "shuffle of flow",
    "shuffle of flow_from_dataframe",
    "shuffle of flow_from_directory",
    "takes_labels of Format",
    "takes_sorted of __init__",
    "takes_weights of Application",
    "use_parts of choose_columns",
    "validate_filenames of __init__",
    "validate_filenames of flow_from_dataframe",
    "with_labels of fetch",
}
# Where sequences of different lengths are walked together, on purpose.
ZIPS_OF_UNEQUAL_LENGTH = {
    "data/listing/part_folders.py": 1,
    "data/listing/photo_finder.py": 1,
    "data/sources/table.py": 2,
    "machine.py": 1,
    "models/weight_files.py": 1,
    "report/figures.py": 1,
    "report/label_figures.py": 2,
    "report/robustness_figure.py": 1,
    "workflow/number_differences.py": 1,
}
# What Python and NumPy do anyway: a call that states it states nothing.
DEFAULTS = dict.fromkeys(
    (
        *("abort", "daemon", "dirs_exist_ok", "err", "exclude_none", "exclude_unset", "exist_ok"),
        *("flush", "hidden", "ignore_errors", "integer", "is_eager", "keepdims", "keepends"),
        *("kw_only", "lstrip_blocks"),
        *("missing_ok", "no_args_is_help", "parents", "return_counts", "return_index"),
        *("return_inverse", "reverse", "slots", "start_new_session", "trim_blocks"),
    ),
    False,
) | {"allow_nan": True, "ensure_ascii": True, "follow_symlinks": True, "replace": True}


def _flag(node):
    """The value of a flag; None for what is none."""
    is_flag = isinstance(node, ast.Constant) and isinstance(node.value, bool)
    return node.value if is_flag else None


def _defaults(node):
    """Yield (parameter or field, flag) of a function or class."""
    if isinstance(node, ast.ClassDef):
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                yield field.target.id, _flag(field.value)
    else:
        given = node.args
        parameters = [*given.posonlyargs, *given.args]
        last = parameters[len(parameters) - len(given.defaults) :]
        names = [*last, *given.kwonlyargs]
        values = [*given.defaults, *given.kw_defaults]
        for parameter, value in zip(names, values, strict=True):
            yield parameter.arg, _flag(value)


@pytest.fixture(scope="module")
def nodes():
    """The calls and definitions of every module: (module, node)."""
    kinds = ast.Call, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    return [
        (path.relative_to(PACKAGE).as_posix(), node)
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, kinds)
    ]


@pytest.fixture(scope="module")
def keywords(nodes):
    """(module, what is called or "class", keyword, flag)."""
    return [
        (
            module,
            ast.unparse(node.func) if isinstance(node, ast.Call) else "class",
            keyword.arg,
            keyword.value.value,
        )
        for module, node in nodes
        if isinstance(node, ast.Call | ast.ClassDef)
        for keyword in node.keywords
        if _flag(keyword.value) is not None
    ]


def test_flags_are_off_unless_a_caller_turns_them_on(nodes):
    on = {
        f"{name} of {node.name}"
        for _, node in nodes
        if not isinstance(node, ast.Call)
        for name, flag in _defaults(node)
        if flag
    }
    assert on == ON_BY_DEFAULT


def test_records_and_settings_cannot_be_changed_once_they_are_made(nodes, keywords):
    assert not [found for found in keywords if found[2:] == ("frozen", False)]
    configs = [
        (module, node)
        for module, node in nodes
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ConfigDict"
    ]
    assert configs
    for module, call in configs:
        flags = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert flags.get("frozen") == "True", module


def test_sequences_that_are_walked_together_have_one_length(keywords):
    unequal = [module for module, *found in keywords if found == ["zip", "strict", False]]
    assert {module: unequal.count(module) for module in unequal} == ZIPS_OF_UNEQUAL_LENGTH


def test_nothing_that_is_loaded_may_run_code(keywords):
    for module, _, name, flag in keywords:
        assert (name, flag) not in (("allow_pickle", True), ("safe_mode", False)), module
        assert (name, flag) != ("autoescape", False), module


def test_no_thread_or_process_keeps_the_program_alive(nodes):
    for module, node in nodes:
        called = getattr(node, "func", None)
        if getattr(called, "attr", "") == "Thread":
            flags = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert flags.get("daemon") == "True", f"{module}:{node.lineno}"


@pytest.mark.parametrize("name", DEFAULTS)
def test_no_call_states_what_is_so_anyway(keywords, name):
    stated = [
        f"{module}: {function}"
        for module, function, found, flag in keywords
        if (found, flag) == (name, DEFAULTS[name]) and function not in ("_require", "make_dirs")
    ]
    assert stated == []
