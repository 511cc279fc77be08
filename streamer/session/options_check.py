"""What a session refuses: options that its model, or a session of one voice, cannot meet."""

from emoscope.models.contract import ModelContract
from emoscope.models.languages import is_known

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
    if not contract.hears:
        _check_words(contract, config)
    if config.channel_mode == "split":
        raise ConfigInvalid("a session reads one channel; 'split' opens one session a channel", "channel_mode")


def _check_words(contract: ModelContract, config: Config) -> None:
    """ConfigInvalid where a model that reads words alone would never be given words that it knows."""
    if not config.transcript:
        raise ConfigInvalid(
            f"model {contract.id} reads the words alone, and there is no transcript; choose a speech recognizer",
            "transcript",
        )
    if contract.languages and not is_known(config.language, contract.languages):
        raise ConfigInvalid(
            f"model {contract.id} reads {', '.join(contract.languages)} alone, and the speech is said to be "
            f"{config.language}; choose another model, or another language",
            "language",
        )
