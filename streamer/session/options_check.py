"""What a session refuses: options that its model, or a session of one voice, cannot meet."""

from emoscope.models.contract import ModelContract

from ..protocol.config import SAMPLE_RATE, Config
from ..protocol.errors import ConfigInvalid


def check_options(contract: ModelContract, config: Config) -> None:
    """ConfigInvalid when this model or a single session cannot meet the config."""
    if contract.sample_rate != SAMPLE_RATE:
        raise ConfigInvalid(f"model {contract.id} wants {contract.sample_rate} Hz; sessions run at {SAMPLE_RATE} Hz")
    if config.baseline != "off" and not contract.baseline:
        raise ConfigInvalid(
            f"model {contract.id} learns no voice, so baseline {config.baseline!r} has no meaning; use 'off'",
            "baseline",
        )
    if config.channel_mode == "split":
        raise ConfigInvalid("a session reads one channel; 'split' opens one session a channel", "channel_mode")
