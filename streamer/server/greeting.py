"""What a server says first: `session.created`, once a socket, and once a channel in `split` mode."""

from collections.abc import Iterator

from msgspec.structs import replace

from emoscope.models.contract import ModelContract

from ..protocol.config import Config
from ..protocol.events import Limits, SessionCreated
from ..runtime.drive import created


def greeting(contract: ModelContract, config: Config, limits: Limits, token: str) -> SessionCreated:
    """With the token that resumes the session."""
    return replace(created(contract, config), resume_token=token, limits=limits)


def channels(contract: ModelContract, config: Config, limits: Limits, session_id: str) -> Iterator[SessionCreated]:
    """Which session is which channel's: ids with the channel's number behind. None where channels are mixed."""
    if config.channel_mode == "split":
        for channel in range(config.channels):
            event = created(contract, config)
            yield replace(event, session_id=f"{session_id}-{channel}", limits=limits, channel=channel)
