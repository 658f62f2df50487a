"""Save what a registered model draws: `python draw_samples.py MODEL FILE.npy`."""

import sys

import mlflow
import numpy as np

ROWS = [{"n": 5, "seed": 3}, {"n": 3, "seed": 4, "truncation": 0.5}]

if __name__ == "__main__":
    np.save(sys.argv[2], mlflow.pyfunc.load_model(sys.argv[1]).predict(ROWS))
