"""All that a session is, as plain data."""

from dataclasses import dataclass, field

from emoscope.models.contract import ModelContract

from ..protocol.config import Config
from .audio_buffer import AudioBuffer
from .baseline import BaselineState
from .front import FrontState
from .intake import IntakeState
from .open_requests import OpenRequestsState
from .outbox import OutboxState
from .pooling import PoolingState
from .segmenter import SegmenterState
from .steps import AssemblyState
from .transcript.state import TranscriptState
from .voice_activity import VoiceActivityState


@dataclass
class SessionState:
    """All that a session is, in the order of the data; `Session.save` writes it.

    finished  `finish` was called
    failed    the model failed, which was reported
    vad_failed  the network that tells voices from sounds failed, which was reported
    """

    contract: ModelContract
    config: Config
    intake: IntakeState = field(default_factory=IntakeState)
    audio: AudioBuffer = field(default_factory=AudioBuffer)
    vad: VoiceActivityState = field(default_factory=VoiceActivityState)
    front: FrontState = field(default_factory=FrontState)
    segmenter: SegmenterState = field(default_factory=SegmenterState)
    requests: OpenRequestsState = field(default_factory=OpenRequestsState)
    transcript: TranscriptState = field(default_factory=TranscriptState)
    assembly: AssemblyState = field(default_factory=AssemblyState)
    pooling: PoolingState = field(default_factory=PoolingState)
    baseline: BaselineState = field(default_factory=BaselineState)
    outbox: OutboxState = field(default_factory=OutboxState)
    finished: bool = False
    failed: bool = False
    vad_failed: bool = False
