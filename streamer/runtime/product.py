"""Name and version of the product, apart from what is slow to import: the screen's first frame shows them."""

from importlib.metadata import PackageNotFoundError, version


def product() -> str:
    """Name and version, as events state it."""
    try:
        return f"emoscope {version('emoscope')}"
    except PackageNotFoundError:
        return "emoscope (not installed)"
