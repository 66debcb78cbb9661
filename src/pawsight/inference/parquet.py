"""Write and read predictions as Parquet files, a row per photo; needs the extra `parquet`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pawsight.errors import DataError, ExtraError
from pawsight.inference.result_rows import FIXED_COLUMNS
from pawsight.records import Prediction, class_columns
from pawsight.storage.atomic import replacing

_SCORE = "ood_score"
_COLUMNS = (*FIXED_COLUMNS, _SCORE)  # besides those of the classes
_BATCH_SIZE = 10_000


def check_parquet() -> None:
    """Check that Parquet files can be written; raises ExtraError."""
    _pyarrow()


def write_parquet(
    path: Path, predictions: Iterable[Prediction], class_names: Sequence[str]
) -> None:
    r"""Write predictions to a file, which appears when it is complete.

    Columns are path, label, probability, answer, error, ood_score and one per class. In the row of
    an unread photo only path and error are not null; in other rows error is null. Bytes of a path
    that are not UTF-8 are written as \xNN.

    Args:
        path: The file.
        predictions: The rows.
        class_names: Names of the classes, length K.

    Raises:
        ExtraError: pyarrow is not installed.
        DiskError: The file cannot be written.
    """
    arrow, parquet = _pyarrow()
    names = class_columns(class_names, _COLUMNS)
    texts = ("path", "label", "answer", "error")
    columns: dict[str, list[Any]] = {name: [] for name in (*_COLUMNS, *names)}
    for prediction in predictions:
        row: list[Any] = [_text(prediction.path), None, None, None, _text(prediction.error), None]
        if not prediction.error:
            row = [
                _text(prediction.path),
                prediction.label,
                prediction.probability,
                prediction.answer,
                None,
                prediction.ood_score,
            ]
        probs = [prediction.probabilities.get(name) for name in class_names]
        for column, cell in zip(columns.values(), [*row, *probs], strict=True):
            column.append(cell)
    fields = [(name, arrow.string() if name in texts else arrow.float64()) for name in columns]
    table = arrow.table(columns, schema=arrow.schema(fields))
    with replacing(path) as temporary:
        parquet.write_table(table, temporary)


def read_parquet(path: Path) -> Iterator[Prediction]:
    """Yield the predictions of a file, without the probabilities of the classes.

    Raises:
        ExtraError: pyarrow is not installed.
        DataError: The file is damaged.
    """
    arrow, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH_SIZE, columns=list(_COLUMNS)):
                for row in batch.to_pylist():
                    yield Prediction(
                        path=row["path"],
                        label=row["label"] or "",
                        probability=row["probability"] or 0.0,
                        error=row["error"] or "",
                        answer=row["answer"] or "",
                        ood_score=row[_SCORE],
                    )
    except (OSError, arrow.ArrowException) as error:
        raise DataError(
            f"{path} is damaged.\nRemove it, and run the same command again."
        ) from error


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ExtraError("Parquet", "parquet") from error
    return pyarrow, pyarrow.parquet
