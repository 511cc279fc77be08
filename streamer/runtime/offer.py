"""Which words a server can promise its sessions, as of now."""

from dataclasses import dataclass

from ..protocol.config import Config
from ..protocol.events import WarningEvent


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What is known of the recognizers.

    there      somebody was started to make words
    trouble    why they make none any more
    languages  what they hear, () for any, or as long as they are being loaded
    """

    there: bool = False
    trouble: str = ""
    languages: tuple[str, ...] = ()

    def hears(self, language: str | None) -> bool:
        """Whether a session in this language may have words; None is a language still to be detected."""
        known = language is None or not self.languages or language in self.languages
        return self.there and not self.trouble and known

    def language(self, config: Config) -> str | None:
        """The language of a session's words: where only one is heard, none has to be detected."""
        if config.transcript and config.language is None and len(self.languages) == 1:
            return self.languages[0]
        return config.language

    def refusal(self, language: str | None) -> list[WarningEvent]:
        """Why somebody who wants words gets none; nothing where none were ever promised."""
        if not self.there or self.hears(language):
            return []
        why = self.trouble or f"the recognizer hears {', '.join(self.languages)}, not {language}"
        return [WarningEvent(code="text_disabled", message=f"words are off: {why}")]
