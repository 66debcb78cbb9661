"""The JSON responses of the service, as its OpenAPI document shows them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from pawsight.inference.answers import answer_of
from pawsight.inference.heat_map import HeatMap
from pawsight.records import Prediction, Resize
from pawsight.task import TaskName
from pawsight.web.model_reloader import Model
from pawsight.web.settings import ServeSettings

# A list, since FastAPI describes a tuple in a way that is not OpenAPI.
ImageSize = Annotated[
    list[int], Field(min_length=2, max_length=2, description="[height, width] in pixels.")
]


class Problem(BaseModel):
    """The reason of an error."""

    detail: str


class ModelName(BaseModel):
    """The model that predicted."""

    name: str
    fingerprint: str = Field(description="Equal fingerprints mean equal predictions.")


class Row(BaseModel):
    """The prediction of one photo; `error` is the reason if it cannot be read."""

    name: str
    label: str = Field(description="With several labels, the assigned ones, separated by `;`.")
    labels: list[str] = Field(description="The label; with several labels, the assigned ones.")
    probability: float = Field(
        ge=0, le=1, description="Of the label; with several labels, of the least certain decision."
    )
    probabilities: dict[str, float]
    answer: str = Field(
        description="The label, `unsure`, or `none` of the classes; of several labels, as `label`."
    )
    ood_score: float | None = Field(
        description="Distance from the training photos; above 1 the answer is `none`."
    )
    is_sure: bool
    error: str


class Answer(BaseModel):
    """The predictions of the photos, in the order sent."""

    model: ModelName
    predictions: list[Row]


class Heat(BaseModel):
    """How much the log-odds of a class depend on each part of a photo, 0 to 1."""

    label: str
    rows: int
    columns: int
    values: list[list[float]] = Field(description="Over the photo as resized for the model.")
    probability: float = Field(description="Of the class, with nothing covered.")
    largest_drop: float = Field(description="The drop of the probability at the value 1, 0 to 1.")
    image_size: ImageSize
    resize: Resize


class Limits(BaseModel):
    """The limits of a request."""

    bytes: int
    pixels: int
    seconds: float
    photos_per_request: int


class Card(BaseModel):
    """The model card."""

    name: str
    fingerprint: str
    class_names: list[str]
    image_size: ImageSize
    resize: Resize
    task: TaskName = Field(description="Whether a photo has one class, or several labels.")
    thresholds: list[float] | None = Field(
        description="With several labels: the probability from which each is assigned."
    )
    temperature: float
    sure: float = Field(description="The lowest probability of a sure answer.")
    trained: dict[str, Any]
    metrics: dict[str, Any] | None
    limits: Limits


class Health(BaseModel):
    """The state of the service."""

    status: str


def row(name: str, prediction: Prediction, sure: float | None) -> Row:
    """Return a prediction as a row of an answer."""
    answer = prediction.answer
    if sure is not None and not prediction.error:
        score = prediction.ood_score
        answer = answer_of(prediction.label, prediction.probability, score, sure)
    return Row(
        name=name,
        label=prediction.label,
        labels=list(prediction.labels),
        probability=min(1.0, prediction.probability),
        probabilities=prediction.probabilities,
        answer=answer,
        ood_score=prediction.ood_score,
        is_sure=not prediction.error and answer == prediction.label,
        error=prediction.error,
    )


def heat(heat_map: HeatMap, model: Model) -> Heat:
    """Return a heat map as a response."""
    rows, columns = heat_map.values.shape
    return Heat(
        label=heat_map.label,
        rows=rows,
        columns=columns,
        values=heat_map.values.round(4).tolist(),
        probability=heat_map.probability,
        largest_drop=heat_map.largest_drop,
        image_size=list(model.classifier.image_size),
        resize=model.classifier.resize,
    )


def card(model: Model, settings: ServeSettings) -> Card:
    """Return the model card and the limits of requests."""
    return Card(
        name=model.name,
        fingerprint=model.fingerprint,
        class_names=list(model.classifier.class_names),
        image_size=list(model.classifier.image_size),
        resize=model.classifier.resize,
        task=model.classifier.task.name,
        thresholds=model.classifier.task.thresholds_of(len(model.classifier.class_names)),
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
