"""What the service answers, as JSON: the shapes that its OpenAPI page shows."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from pawsight.inference.answers import answer_of
from pawsight.inference.heat_map import HeatMap
from pawsight.records import Prediction, Resize
from pawsight.web.model_reloader import Model
from pawsight.web.settings import ServeSettings

# A list: as a tuple, FastAPI describes it in a way that OpenAPI does not know.
ImageSize = Annotated[
    list[int], Field(min_length=2, max_length=2, description="[height, width] in pixels.")
]


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str


class ModelName(BaseModel):
    """Which model answered."""

    name: str
    fingerprint: str = Field(description="Models with the same one give the same answers.")


class Row(BaseModel):
    """What the model says of one photo; for one that cannot be read, `error` says why."""

    name: str
    label: str
    probability: float = Field(ge=0, le=1)
    probabilities: dict[str, float]
    answer: str = Field(description="The label, `unsure`, or `none` of the classes.")
    ood_score: float | None = Field(
        description="Distance from the training photos; above 1 the answer is `none`."
    )
    is_sure: bool
    error: str


class Answer(BaseModel):
    """What the model says of the photos, in the order sent."""

    model: ModelName
    predictions: list[Row]


class Heat(BaseModel):
    """Which parts of the photo speak for a class: 1 most, 0 not at all."""

    label: str
    rows: int
    columns: int
    values: list[list[float]] = Field(description="Over the photo as the model saw it.")
    probability: float = Field(description="Of the class, with nothing covered.")
    largest_drop: float = Field(description="Of the probability: what 1 stands for.")
    image_size: ImageSize
    resize: Resize


class Limits(BaseModel):
    """What one request may ask for."""

    bytes: int
    pixels: int
    seconds: float
    photos_per_request: int


class Card(BaseModel):
    """What is known of the model."""

    name: str
    fingerprint: str
    class_names: list[str]
    image_size: ImageSize
    resize: Resize
    temperature: float
    sure: float = Field(description="The least probability of a sure answer.")
    trained: dict[str, Any]
    metrics: dict[str, Any] | None
    limits: Limits


class Health(BaseModel):
    """How the service is."""

    status: str


def row(name: str, prediction: Prediction, sure: float | None) -> Row:
    """Return a prediction as a row of an answer."""
    answer = prediction.answer
    if prediction.label and sure is not None:
        score = prediction.ood_score
        answer = answer_of(prediction.label, prediction.probability, score, sure)
    return Row(
        name=name,
        label=prediction.label,
        probability=min(1.0, prediction.probability),
        probabilities=prediction.probabilities,
        answer=answer,
        ood_score=prediction.ood_score,
        is_sure=bool(prediction.label) and answer == prediction.label,
        error=prediction.error,
    )


def heat(found: HeatMap, model: Model) -> Heat:
    """Give a heat map as an answer."""
    rows, columns = found.values.shape
    return Heat(
        label=found.label,
        rows=rows,
        columns=columns,
        values=found.values.round(4).tolist(),
        probability=found.probability,
        largest_drop=found.largest_drop,
        image_size=list(model.classifier.image_size),
        resize=model.classifier.resize,
    )


def card(model: Model, settings: ServeSettings) -> Card:
    """Give what is known of the model, and what may be asked of it."""
    return Card(
        name=model.name,
        fingerprint=model.fingerprint,
        class_names=list(model.classifier.class_names),
        image_size=list(model.classifier.image_size),
        resize=model.classifier.resize,
        temperature=model.classifier.temperature,
        sure=model.classifier.answer_threshold if settings.sure is None else settings.sure,
        trained=model.trained,
        metrics=model.metrics,
        limits=Limits(
            bytes=settings.max_bytes,
            pixels=settings.max_pixels,
            seconds=settings.timeout,
            photos_per_request=settings.max_photos,
        ),
    )
