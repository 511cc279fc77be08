"""The options that a session really has, and the `session.created` events that state them."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from emoscope.models.contract import ModelContract

from ..protocol.config import Config, checked
from ..protocol.errors import ConfigInvalid
from ..protocol.events import Limits, SessionCreated
from ..runtime.drive import created
from ..runtime.transcription_offer import TranscriptionOffer
from ..session.session import Session

MAX_SAMPLE_RATE = 48_000


def channel_config(config: Config) -> Config:
    """Options of the session of each channel."""
    if config.channel_mode == "mix":
        return config
    return msgspec.structs.replace(config, channels=1, channel_mode="mix")


class SessionConfigs:
    """Effective options of the sessions of one model.

    language  of a session that names none; None detects it
    offer     which transcripts the server can promise at this moment
    """

    def __init__(
        self, contract: ModelContract, limits: Limits, language: str | None, offer: Callable[[], TranscriptionOffer]
    ) -> None:
        self._contract, self._limits, self._language, self.offer = contract, limits, language, offer
        self._defaults: dict[TranscriptionOffer, Config] = {}

    @property
    def default(self) -> Config:
        """Of a session that asks for nothing in particular; made once an offer, since it costs as much as a session."""
        offer = self.offer()
        if offer not in self._defaults:
            self._defaults[offer] = self.changed(Config(language=self._language), {})
        return self._defaults[offer]

    def changed(self, config: Config, values: dict[str, Any]) -> Config:
        """`config` with `values` in it, as a session of this model really has it; ConfigInvalid names the field."""
        offer = self.offer()
        merged = {**msgspec.to_builtins(config), **values}
        if isinstance(vad := values.get("vad"), dict):
            merged["vad"] = {**msgspec.to_builtins(config.vad), **vad}
        asked = checked(merged)
        if asked.sample_rate > MAX_SAMPLE_RATE:
            raise ConfigInvalid(
                f"config: a sample rate of {asked.sample_rate} Hz; at most {MAX_SAMPLE_RATE}", "sample_rate"
            )
        effective = Session(self._contract, channel_config(asked), transcribe=offer.covers(asked.language)).config
        return msgspec.structs.replace(
            effective, channels=asked.channels, channel_mode=asked.channel_mode, language=offer.language(effective)
        )

    def created(self, resume_token: str) -> SessionCreated:
        """The first event on a connection, with the token that resumes the session later."""
        event = created(self._contract, self.default)
        return msgspec.structs.replace(event, resume_token=resume_token, limits=self._limits)

    def restored(self, session_id: str, config: Config) -> Iterator[SessionCreated]:
        """The same of a session that was begun elsewhere, without its token: for its observers."""
        event = created(self._contract, config)
        yield msgspec.structs.replace(event, session_id=session_id, limits=self._limits)
        yield from self.channels_created(session_id, config)

    def channels_created(self, session_id: str, config: Config) -> Iterator[SessionCreated]:
        """In `split` mode one event a channel, whose session id ends with the channel's number; else none."""
        if config.channel_mode == "split":
            for channel in range(config.channels):
                event = created(self._contract, config)
                yield msgspec.structs.replace(
                    event, session_id=f"{session_id}-{channel}", limits=self._limits, channel=channel
                )
