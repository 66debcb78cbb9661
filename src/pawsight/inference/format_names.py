"""The names of the formats of predictions, without the imports of their writers."""

from typing import Literal

OutputFormat = Literal[
    "table",
    "csv",
    "json",
    "jsonl",
]
