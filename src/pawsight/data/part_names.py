"""Recognise parts in the names of folders and the cells of tables."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from pawsight.records import Part

_WORDS: dict[Part, str] = {
    "train": "train training trn trainings entrenamiento entraînement entrainement treino "
    "treinamento addestramento 训练 訓練 学習",
    "validation": "validation validate validating val valid dev devel development eval evaluation "
    "validierung validierungs validación validacion validação validacao validazione 验证 驗證 検証",
    "test": "test testing tst holdout heldout unseen prueba pruebas teste 测试 測試 テスト",
}
_PART_OF = {word: part for part, words in _WORDS.items() for word in words.split()}
# Other words that the name of a part may contain.
_FILLERS = frozenset(
    (
        *("set", "sets", "data", "dataset", "images", "image", "imgs", "img", "photos", "photo"),
        *("pictures", "pics", "files", "folder", "dir", "split", "part", "subset", "my", "the"),
        *("all", "new", "raw", "final", "jpeg", "jpg", "png"),
    )
)
_NO_CLASS = _FILLERS | {"unlabelled", "unlabeled", "unknown", "classes", "class"}
_ANNOTATION = frozenset(
    (
        *("mask", "masks", "annotation", "annotations", "label", "labels", "trimap", "trimaps"),
        *("segmentation", "segmentations", "segmentationclass", "segmentationobject", "gt"),
        "groundtruth",
    )
)
_ENDING = re.compile(
    r"(?<=.)(?:sets?|data|images|imgs|photos|split|part|folder|dir|daten|satz|ordner|集)$"
)


def part_of(name: str) -> Part | Literal[""]:
    """Return the part that a name denotes, as in `training_set`, `seg_train`, `Test1`, `hold-out`.

    Returns:
        The part, or "" if no word of the name denotes a part, or words denote two parts.
    """
    parts = {_PART_OF[word] for word in _words(name) if word in _PART_OF}
    return parts.pop() if len(parts) == 1 else ""


def is_plain_part(name: str) -> bool:
    """Return whether a name denotes a part and nothing else: `test_set1`, but not `seg_test`."""
    return bool(part_of(name)) and all(
        word in _PART_OF or word in _FILLERS for word in _words(name)
    )


def is_no_class(name: str) -> bool:
    """Return whether the name of a folder, such as `images` in `test/images`, is no class."""
    return all(word in _NO_CLASS or word in _PART_OF for word in _words(name))


def is_annotation(name: str) -> bool:
    """Return whether a folder may hold annotations, by its name, such as `train_masks`."""
    return any(word in _ANNOTATION for word in _words(name))


def without_part(name: str) -> str:
    """Return a name without the word for a part: "pug" of `pug_train`, "A" of `trainA`.

    Returns:
        The rest of the name; "" if no word of it denotes a part.
    """
    words = re.split(r"([ _.-]+|(?<=[a-z])(?=[A-Z]))", name)
    position = next((i for i, word in enumerate(words) if word.lower() in _PART_OF), None)
    if position is None:
        return ""
    del words[max(position - 1, 0) : position + 1 if position else 2]  # with its separator
    return "".join(words)


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFC", name))
    joined = re.sub(r"(?i)\b(hold|held)[ _-]?out\b", "holdout", spaced.replace("_", " "))
    words = re.findall(r"[^\W\d_]+", joined.lower())
    return [word if word in _PART_OF else _ENDING.sub("", word) or word for word in words]
