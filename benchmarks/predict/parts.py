"""What `run.py` measures in processes of their own; prints what was found as JSON.

python benchmarks/predict/parts.py NAME FOLDER MODEL
"""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

CHUNK = 64


def load(model: str):
    import pawsight

    return pawsight.load(None if model == "builtin" else model)


def stream(folder: Path, model: str) -> dict:
    """Photos a second that go through a classifier which is at work already."""
    classifier = load(model)
    paths = sorted(folder.iterdir())
    classifier.predict(paths[:16])
    start = time.perf_counter()
    done = sum(not one.error for one in classifier.predict_iter(paths))
    return {"rate": len(paths) / (time.perf_counter() - start), "read": done}


def decode(folder: Path, model: str) -> dict:
    """Photos a second that all cores read and decode, with nothing else to do."""
    from pawsight.machine import num_cpus

    classifier = load(model)
    paths = sorted(map(str, folder.iterdir()))
    chunks = [paths[at : at + CHUNK] for at in range(0, len(paths), CHUNK)]
    form = (classifier.image_size, classifier.resize)
    with ProcessPoolExecutor(num_cpus(), get_context("spawn")) as pool:
        list(pool.map(decode_some, chunks[:1] * 4 * num_cpus(), [form] * 4 * num_cpus()))
        start = time.perf_counter()
        list(pool.map(decode_some, chunks, [form] * len(chunks)))
        return {"rate": len(paths) / (time.perf_counter() - start)}


def decode_some(paths: list[str], form: tuple) -> None:
    from pawsight.data.decoding.decode import load_pixels, read_photo

    for path in paths:
        load_pixels(read_photo(path), *form)


def model_alone(folder: Path, model: str) -> dict:
    """Images a second that the model takes, by the faster of two ways to use the cores."""
    import numpy as np
    import onnxruntime

    from pawsight.data.decoding.decode import load_pixels, read_photo
    from pawsight.machine import num_cpus
    from pawsight.models import builtin
    from pawsight.runs import Run

    classifier = load(model)
    paths = sorted(folder.iterdir())[:256]
    form = (classifier.image_size, classifier.resize)
    images = np.stack([load_pixels(read_photo(path), *form) for path in paths])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_cpus()
    path = Run(builtin.folder() if model == "builtin" else model).onnx_path
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def shared() -> None:
        for at in range(0, len(images), 32):
            batch = images[at : at + 32].astype(np.float32)
            session.run(["logits"], {"images": batch})

    def answered() -> None:
        with ThreadPoolExecutor(num_cpus()) as pool:
            batches = [images[at : at + 4] for at in range(0, len(images), 4)]
            list(
                pool.map(lambda batch: classifier.predictions_of([""] * len(batch), batch), batches)
            )

    rates = {}
    ways = {"own": lambda: classifier.logits(images), "shared": shared, "answered": answered}
    for name, work in ways.items():
        work()
        times = []
        for _ in range(3):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        rates[name] = len(images) / min(times)
    return {"rate": max(rates["own"], rates["shared"]), **rates}


def save_keras(path: Path, model: str) -> dict:
    """Save the same network as a .keras file; an error where that is not to be had."""
    try:
        import pawsight
        from pawsight.models import builtin
        from pawsight.runs import Run

        run = Run(builtin.folder() if model == "builtin" else model)
        pawsight.load_model(run).save(path)
    except (ImportError, pawsight.PawsightError) as error:
        return {"error": str(error)}
    return {}


def keras_predict(folder: Path, model: str) -> dict:
    """Predict with a plain Keras script; return the class of each photo."""
    import keras

    from pawsight.models import normalization

    own = {name: found for name, found in vars(normalization).items() if isinstance(found, type)}
    network = keras.models.load_model(model, custom_objects=own, compile=False)
    size = network.input_shape[1:3]
    images = keras.utils.image_dataset_from_directory(
        folder.parent, labels=None, image_size=size, batch_size=32, shuffle=False
    )
    logits = network.predict(images, verbose=0)
    is_one = logits.shape[1] == 1
    return {"labels": [int(row[0] > 0 if is_one else row.argmax()) for row in logits]}


PARTS = {
    "stream": stream,
    "decode": decode,
    "model": model_alone,
    "save_keras": save_keras,
    "keras": keras_predict,
}

if __name__ == "__main__":
    name, folder, model = sys.argv[1:]
    print(json.dumps(PARTS[name](Path(folder), model)))
