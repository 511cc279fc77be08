"""Evaluation of a model: sessions through the live path, scores with confidence intervals, degraded sound.

evaluate            a whole evaluation: which clips (`selection`), by which models, with which metrics
sessions            which clips make a session, and in which order
conditions          noise, reverberation, telephone, codecs and gain
runner              predictions for the clips of a session, through the live path or for whole recordings
pool                the worker processes that run sessions
predictions         readings, utterances and clips, and the one answer for a clip
calibration_inputs  the predictions before calibration, with the thresholds and dimensions of their models
figures             all metrics, from `scores`, `confidence` and `intervals` under one of the `protocols`
tables, picture     the report as text or JSON, and as SVG
"""
