"""Which transcripts a server can promise its sessions at this moment."""

from dataclasses import dataclass

from ..protocol.config import Config
from ..protocol.events import WarningEvent


@dataclass(frozen=True, kw_only=True)
class TranscriptionOffer:
    """What is known of the recognizers.

    available           recognizers were started
    unavailable_reason  why they transcribe nothing any more, "" while they work
    languages           which languages they recognise; () for any, or while they are being loaded
    """

    available: bool = False
    unavailable_reason: str = ""
    languages: tuple[str, ...] = ()

    def covers(self, language: str | None) -> bool:
        """Whether a session in this language may have transcripts; None is a language still to be detected."""
        known = language is None or not self.languages or language in self.languages
        return self.available and not self.unavailable_reason and known

    def language(self, config: Config) -> str | None:
        """The language of a session's transcripts: where only one is recognised, none has to be detected."""
        if config.transcript and config.language is None and len(self.languages) == 1:
            return self.languages[0]
        return config.language

    def warnings(self, language: str | None) -> list[WarningEvent]:
        """Why a session that wants transcripts gets none; empty where the server never offered any."""
        if not self.available or self.covers(language):
            return []
        reason = self.unavailable_reason or f"the recognizer supports {', '.join(self.languages)}, not {language}"
        return [WarningEvent(code="text_disabled", message=f"transcription is disabled: {reason}")]
