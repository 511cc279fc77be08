"""Which of our extras brings a package that a command needs and that is not installed."""

EXTRAS = {
    "accelerate": "train",
    "jiwer": "train",
    "livekit": "livekit",
    "matplotlib": "pictures",
    "onnx": "onnx",
    "opensmile": "opensmile",
    "pipecat": "pipecat",
    "pocketsphinx": "words",
    "pyarrow": "parquet",
    "ray": "ray",
    "redis": "redis",
    "sklearn": "train",
    "tensorboard": "train",
}
"""Modules by the name under which they are imported."""


def advice(error: ModuleNotFoundError) -> str | None:
    """What to install, in one line; None for a module that no extra brings, whose absence is a fault of ours."""
    module = (error.name or "").partition(".")[0]
    return f"this needs {module}: pip install 'emoscope[{EXTRAS[module]}]'" if module in EXTRAS else None
