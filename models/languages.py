"""Languages by their codes, such as "en"."""

from collections.abc import Collection


def is_known(language: str | None, languages: Collection[str]) -> bool:
    """Whether `language` is one of `languages`, whatever its region ("en-GB"). One that is not told counts as known."""
    return language is None or language.lower().split("-")[0] in languages
