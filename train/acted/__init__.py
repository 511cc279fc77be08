"""What the trainings on several acted corpora share: batches, losses, calibration, and the way to a shipped model."""
