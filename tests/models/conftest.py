from pawsight.tensorflow_setup import prepare_tensorflow

prepare_tensorflow()
