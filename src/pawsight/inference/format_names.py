"""The names of the formats of predictions; apart, so that the command line starts quickly."""

from typing import Literal

OutputFormat = Literal[
    "table",
    "csv",
    "json",
    "jsonl",
]
