"""Export to a folder of web files: the page of `pawsight serve`, with inference in the browser.

Any static host can serve the folder, and the opened page contacts no server. Only
`static/engine.js`, which selects the engine, differs from the page of the service. The
browser runs `model.onnx` with ONNX Runtime's WebAssembly build. This package contains a
copy of it, so that an export downloads nothing.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from importlib.resources import as_file, files
from pathlib import Path

from pawsight.errors import RunError
from pawsight.exporting import onnx_format
from pawsight.exporting.format import Format
from pawsight.exporting.model_folder import ModelFolder
from pawsight.inference.classifier import Classifier
from pawsight.inference.provenance import provenance
from pawsight.progress import Progress
from pawsight.storage.atomic import write_json, write_text

RUNTIME = "onnxruntime-web"  # a folder in this package, with files of the npm package
_ENGINE = '// The engine: the browser itself.\nexport { openEngine } from "./onnx_engine.js";\n'
_SERVICE_ENGINE = "http_engine.js"  # used only by the service
_ADVICE = """
## Use it

Put this folder on any static host. To open it on this machine, run this command in the folder, and
open http://localhost:8000:

```sh
python -m http.server
```

Opened as a file, the page does not work, since browsers do not let it load its modules. Photos
never leave the browser. `runtime/` is onnxruntime-web, under the MIT licence.
"""


def write(model: ModelFolder, folder: Path, progress: Progress) -> Path:
    """Write the page, the model and its runtime; return the path of `model.onnx`.

    Raises:
        RunError: The run's ONNX file is damaged, or this installation is incomplete.
        DiskError: A file cannot be written.
    """
    path = onnx_format.write(model, folder, progress)
    progress.start("Writing the page")
    # As files, not as a module: pawsight.web is a layer above this one.
    _copy("pawsight", "web/static", folder / "static")
    _copy("pawsight.exporting", RUNTIME, folder / "runtime")
    (folder / "static" / "index.html").rename(folder / "index.html")
    (folder / "static" / _SERVICE_ENGINE).unlink()
    write_text(folder / "static" / "engine.js", _ENGINE)
    write_json(folder / "card.json", _card(model))
    return path


def _copy(package: str, name: str, target: Path) -> None:
    with as_file(files(package).joinpath(name)) as source:
        if not source.is_dir():
            raise RunError(
                f"This installation of pawsight lacks {name}, which the page needs.\n"
                f"Reinstall it: pip install --force-reinstall pawsight"
            )
        shutil.copytree(source, target)


def _card(model: ModelFolder) -> dict[str, object]:
    """Return the response of `GET /model` of the service, without its limits."""
    facts = provenance(model.run)
    classifier = Classifier.load(model.run)
    return {
        "name": facts.name,
        "fingerprint": classifier.fingerprint,
        "class_names": list(model.description.class_names),
        "image_size": list(model.description.image_size),
        "resize": model.description.resize,
        "pixel_scale": asdict(model.description.pixel_scale),
        "task": model.description.task,
        "thresholds": model.description.labelling.thresholds_of(len(model.description.class_names)),
        "temperature": model.description.temperature,
        "sure": classifier.answer_threshold,
        "has_ood_score": model.detector is not None,
        "trained": facts.trained,
        "metrics": facts.metrics,
        "limits": None,
    }


FORMAT = Format(
    name="web",
    summary="a web page that predicts in the browser, from any host",
    write=write,
    open_runner=onnx_format.open_runner,  # the browser runs the same file
    advice=_ADVICE,
    has_ood_score=True,
)
