"""Run a script that draws its weights, its order and its changes at random, from a seed.

python with_seed.py SEED SCRIPT ARGUMENTS...
"""

import runpy
import sys

seed, script = int(sys.argv[1]), sys.argv[2]
sys.argv = sys.argv[2:]

import keras  # noqa: E402

keras.utils.set_random_seed(seed)
runpy.run_path(script, run_name="__main__")
