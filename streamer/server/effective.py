"""Which options a session really has, of those that a client asked for."""

from typing import Any

import msgspec

from emoscope.models.contract import ModelContract

from ..protocol.config import Config, checked
from ..protocol.errors import ConfigInvalid
from ..runtime.offer import Offer
from ..session.session import Session

HIGHEST_RATE = 48_000


def configured(contract: ModelContract, config: Config, values: dict[str, Any], offer: Offer) -> Config:
    """`config` with `values` changed, as a session of this model will really have it; ConfigInvalid names the field."""
    vad = values.get("vad")
    merged = {**msgspec.to_builtins(config), **values}
    if isinstance(vad, dict):
        merged["vad"] = {**msgspec.to_builtins(config.vad), **vad}
    asked = checked(merged)
    if asked.sample_rate > HIGHEST_RATE:
        raise ConfigInvalid(f"config: a sample rate of {asked.sample_rate} Hz; at most {HIGHEST_RATE}", "sample_rate")
    effective = Session(contract, per_channel(asked), transcribe=offer.hears(asked.language)).config
    return msgspec.structs.replace(
        effective, channels=asked.channels, channel_mode=asked.channel_mode, language=offer.language(effective)
    )


def per_channel(config: Config) -> Config:
    """Options of the session of each channel."""
    if config.channel_mode == "mix":
        return config
    return msgspec.structs.replace(config, channels=1, channel_mode="mix")
