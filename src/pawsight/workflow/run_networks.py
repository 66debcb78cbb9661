"""Train the network of a run, and write its model folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pawsight.config import TrainConfig
from pawsight.data.dataset import Dataset
from pawsight.inference.classifier import Classifier
from pawsight.models.registry import find_network
from pawsight.progress import Progress
from pawsight.runs import Run
from pawsight.storage.atomic import write_json
from pawsight.tensorflow_setup import prepare_tensorflow
from pawsight.training.candidates import kept_size
from pawsight.training.custom_components import CustomComponents
from pawsight.training.mirroring import compare_mirrored, is_considered
from pawsight.training.model_facts import describe_model
from pawsight.training.plan import Plan, load_plan
from pawsight.training.start import open_start
from pawsight.training.time_budget import TimeBudget

if TYPE_CHECKING:
    import keras

_ONNX_CHECK_PHOTOS = 64


def fit_and_save(
    run: Run,
    config: TrainConfig,
    dataset: Dataset,
    budget: TimeBudget,
    progress: Progress,
    own: CustomComponents,
) -> None:
    """Train a run from its last checkpoint, and write its model folder."""
    write_json(run.state_path, {"stage": "training"})
    start = None if config.start_from is None else open_start(config.start_from, config.model)
    if start is not None and start.weights_path is None:
        start = None  # the head is fitted anew
    if find_network(config.model).has_weights and start is None:
        from pawsight.training.transfer import transfer_run

        model = transfer_run(run, config, dataset, budget, progress, own)
    else:
        progress.start("Starting TensorFlow")
        prepare_tensorflow()
        from pawsight.training.session import train_run

        warm_start = None if start is None else start.warm_start(config)
        model = train_run(run, config, dataset, budget, progress, warm_start, own)
    if model is not None:  # else the model is a fitted head, and its folder is already written
        _save(run, model, config, dataset, progress)


def _save(
    run: Run, model: keras.Model, config: TrainConfig, dataset: Dataset, progress: Progress
) -> None:
    """Write model.json, the weights and the ONNX file."""
    from pawsight.exporting.bundle import save_model
    from pawsight.training.averaging import network_of

    progress.start("Exporting the model")
    dataset = dataset.at_size(kept_size(run))
    catalog, pixels = dataset.catalog, dataset.pixels
    network, plan = network_of(run, config.model), load_plan(run)
    description = describe_model(config, catalog, pixels.image_size, network)
    images = pixels.read(catalog.part("validation")[:_ONNX_CHECK_PHOTOS])
    description = save_model(run, model, description, images)
    if isinstance(plan, Plan) and is_considered(config, network, plan):
        choice = compare_mirrored(Classifier.load(run).logits, dataset, progress)
        progress.note(choice.in_words())
        write_json(run.mirroring_path, choice.model_dump(mode="json"))
        if choice.is_kept:
            mirrored = description.model_copy(update={"is_mirrored": True})
            save_model(run, model, mirrored, images)
