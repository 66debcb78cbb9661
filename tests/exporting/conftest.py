from pawsight.engine import prepare_tensorflow

prepare_tensorflow()
