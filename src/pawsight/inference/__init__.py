"""The model at work, on ONNX Runtime; needs no TensorFlow."""
