"""The formats a model can be exported to, by name: each is a module, and one line here."""

from __future__ import annotations

from collections.abc import Sequence

from pawsight.errors import ConfigError
from pawsight.exporting import (
    colab_notebook,
    keras_file,
    litert,
    onnx_format,
    onnx_int8,
    openvino,
    saved_model,
    web_page,
)
from pawsight.exporting.format import Format

_FORMATS: tuple[Format, ...] = (
    onnx_format.FORMAT,
    web_page.FORMAT,
    onnx_int8.FORMAT,
    openvino.FORMAT,
    keras_file.FORMAT,
    saved_model.FORMAT,
    litert.FORMAT,
    litert.INT8_FORMAT,
    colab_notebook.FORMAT,
)
FORMATS = {one.name: one for one in _FORMATS}


def chosen_formats(names: Sequence[str]) -> list[Format]:
    """Return formats by name, each once.

    Raises:
        ConfigError: There is none of that name; the text lists those there are.
    """
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        listed = "\n".join(f"  {one.name:13} {one.summary}" for one in FORMATS.values())
        what = f"There is no format '{unknown[0]}'." if unknown else "No format was named."
        raise ConfigError(f"{what} Choose one or more of these with --format:\n{listed}")
    return [FORMATS[name] for name in dict.fromkeys(names)]
