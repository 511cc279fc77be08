"""All that a session is, as plain data, and whether what was saved can be one."""

from dataclasses import dataclass, field

import numpy as np

from emoscope.models.contract import ModelContract

from ..protocol.config import SAMPLE_RATE, Config
from ..protocol.errors import RecordInvalid
from .intake import IntakeState
from .requests import Encode, Read
from .segmenter import SegmenterState
from .steps import AssemblyState
from .transcript.state import TranscriptState
from .vad import FRAME, Samples, VadState


@dataclass
class SessionState:
    """All that a session is; `Session.save` writes it.

    audio     session-clock samples that a later window or pass may still need; the first is number `audio_start`
    encodes   windows without a result yet, by request id; `reads` the readings
    finished  no more audio is taken
    failed    the model broke, and that was told
    """

    contract: ModelContract
    config: Config
    intake: IntakeState = field(default_factory=IntakeState)
    voice: VadState = field(default_factory=VadState)
    segmenter: SegmenterState = field(default_factory=SegmenterState)
    assembly: AssemblyState = field(default_factory=AssemblyState)
    transcript: TranscriptState = field(default_factory=TranscriptState)
    audio: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    audio_start: int = 0
    encodes: dict[int, Encode] = field(default_factory=dict)
    reads: dict[int, Read] = field(default_factory=dict)
    finished: bool = False
    failed: bool = False


def check_saved(state: SessionState) -> None:
    """RecordInvalid unless the numbers of a saved state can belong together; its types were checked when decoded."""
    i, g = state.intake, state.segmenter
    end = state.audio_start + len(state.audio)
    counts = (i.origin, g.run_start, g.strict, g.start, g.committed, g.interims, g.utterances, state.audio_start)
    possible = (
        min(counts) >= 0
        and i.origin <= i.renewed <= i.fed <= i.accepted
        and (state.config.sample_rate == SAMPLE_RATE or len(i.kept) == i.accepted - i.origin)
        and len(state.voice.heard) % (2 * FRAME) == 0
        and all(array.ndim == 1 and array.dtype == np.float32 for array in (i.kept, state.audio))
        and state.audio_start <= g.position <= end == i.produced
        and max(g.start, g.last_voiced, g.run_start, g.renewed) <= g.position
        and g.committed * state.contract.hop <= max(0, g.position - g.start)
        and g.interims * FRAME <= end
        and all(made.audio.ndim == 1 and made.audio.dtype == np.int16 for made in state.transcript.passes)
        and {made.slot for made in state.transcript.passes} <= {slot.id for slot in state.assembly.slots}
    )
    if not possible:
        raise RecordInvalid("a saved session whose numbers do not fit together; start a new session")
