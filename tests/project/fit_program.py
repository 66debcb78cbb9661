"""Train, evaluate, report, predict and export without TensorFlow; run as a program."""

import sys
import tempfile
from pathlib import Path


def main():
    import pawsight

    with tempfile.TemporaryDirectory() as folder:
        photos = pawsight.draw_sample(Path(folder) / "photos", count=40)
        run = pawsight.train(photos, model="builtin", image_size=48, out=Path(folder) / "run")
        accuracy = run.metrics["parts"]["validation"]["accuracy"]
        assert pawsight.evaluate(run)["parts"]["validation"]["accuracy"] == accuracy
        run.report_path.unlink()
        pawsight.write_report(run)
        assert run.report_path.stat().st_size > 10_000
        (found,) = pawsight.load(run).predict(next(photos.rglob("*.jpg")))
        assert found.label in ("cats", "dogs") and not found.error, found
        assert pawsight.export(run, "onnx").agreement == 1
        auto = pawsight.train(photos, image_size=48, out=Path(folder) / "auto")
        assert auto.onnx_path.read_bytes() == run.onnx_path.read_bytes()
        try:
            pawsight.train(photos, model="swift", image_size=32, epochs=1, out=Path(folder) / "no")
        except pawsight.PawsightError as error:
            assert 'pip install "pawsight[train]"' in str(error), error
        else:
            raise AssertionError("swift was trained without TensorFlow")
    assert not {"tensorflow", "keras"} & set(sys.modules)
    print("Trained, evaluated, reported, predicted and exported without TensorFlow.")


if __name__ == "__main__":
    main()
