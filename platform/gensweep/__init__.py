"""gensweep: where in hyperparameter space does a generative model train stably?"""
