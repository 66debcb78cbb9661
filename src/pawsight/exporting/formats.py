"""The formats that a model can be exported to, by name."""

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
FORMATS = {export_format.name: export_format for export_format in _FORMATS}


def chosen_formats(names: Sequence[str]) -> list[Format]:
    """Return formats by name, without duplicates.

    Raises:
        ConfigError: There is no format of that name; the text lists the formats.
    """
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        lines = "\n".join(f"  {known.name:13} {known.summary}" for known in _FORMATS)
        problem = f"There is no format '{unknown[0]}'." if unknown else "No format was named."
        raise ConfigError(f"{problem} Choose one or more of these with --format:\n{lines}")
    return [FORMATS[name] for name in dict.fromkeys(names)]
