"""Analyses of models on corpora: what carried their answers, and what the answers are worth.

Each analysis is a module that computes numbers without matplotlib, and a drawing in `pictures/`. What a model makes of
a clip is computed once for all of them, and kept in a cache on disk (`cache.py`).
"""
