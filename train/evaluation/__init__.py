"""What a model's readings are worth: sessions through the live path, figures with intervals, worse sound.

evaluate            a whole evaluation: which clips (`selection`), by which models, with which figures
listening           `sessions` through the live path, or whole recordings at once, under `conditions`
pool                the worker processes that do so
predictions         the readings of each clip
calibration_inputs  the same readings without calibration, with the thresholds and dimensions of their models
figures             all scores, by `scores`, `confidence`, `intervals` and one of the `protocols`
tables, picture     the figures as text and as a drawing
"""
