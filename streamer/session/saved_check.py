"""Whether a saved state can be that of a session. Its types are checked when it is decoded; this checks its numbers."""

import numpy as np

from emoscope.models.windows import complete_windows

from ..protocol.config import SAMPLE_RATE
from ..protocol.errors import RecordInvalid
from .state import SessionState
from .steps import CloseSession, MergeWindow, ReadingDue
from .vad import FRAME


def check_saved(state: SessionState) -> None:
    """RecordInvalid unless the numbers of a saved state fit together, so that a restored session can go on with it."""
    if not (_audio_fits(state) and _speech_fits(state) and _requests_fit(state) and _entries_fit(state)):
        raise RecordInvalid("a saved session whose numbers do not fit together; start a new session")


def _audio_fits(state: SessionState) -> bool:
    i, audio = state.intake, state.audio
    return (
        0 <= i.origin <= i.renewed <= i.fed <= i.accepted
        and (state.config.sample_rate == SAMPLE_RATE or len(i.kept) == i.accepted - i.origin)
        and all(array.ndim == 1 and array.dtype == np.float32 for array in (i.kept, audio.samples))
        and audio.start >= 0
        and audio.end == i.produced
        and len(state.vad.webrtc.fed) % (2 * FRAME) == 0
    )


def _speech_fits(state: SessionState) -> bool:
    g, audio = state.segmenter, state.audio
    v, cuts = state.vad, [cut.at for cut in state.front.cuts]
    counts = (g.run_start, g.ended, g.start, g.committed, g.interims, g.utterances, *cuts)
    return (
        min(counts) >= 0
        and audio.start <= g.position <= audio.end
        and max(g.start, g.last_voiced, g.run_start, g.ended) <= g.position
        and cuts == sorted(cuts)
        and g.position <= v.judged <= audio.end
        and len(v.frames) * FRAME <= v.judged - g.position < (len(v.frames) + len(cuts) + 1) * FRAME
        and all(0 <= x.start <= x.first and len(x.probabilities) <= x.asked for x in v.stretches)
        and v.waiting == bool(state.requests.detections)
        and v.decided == g.position
        and (v.look is None or v.look.end == g.position + FRAME)
        and all(x.network.shape == (2, 128) for x in v.stretches)
        and g.committed <= complete_windows(state.contract, max(0, g.position - g.start))
        and g.interims * FRAME <= audio.end
    )


def _requests_fit(state: SessionState) -> bool:
    """Each step waits for a request that is open or answered, and each open request has something that waits for it."""
    requests, contract = state.requests, state.contract
    steps = [step for step in state.assembly.steps if isinstance(step, MergeWindow | ReadingDue)]
    encodes = [step.encode for step in steps if step.encode is not None]
    issued = {made.id for made in state.transcript.passes if made.issued and not made.answered}
    ids = [*(number for kind in requests.kinds for number in kind), *state.assembly.encoded]
    waits_for = state.baseline.waits_for
    return (
        sorted(encodes) == sorted([*requests.windows, *state.assembly.encoded])
        and issued == requests.passes.keys()
        and max([*ids, *(made.id for made in state.transcript.passes)], default=0) <= requests.last_id
        and (waits_for is None or waits_for in requests.readings)
        and all(
            len(window.request.audio) == contract.lookback + window.request.window.end - window.request.window.start
            for window in requests.windows.values()
        )
        and all(
            audio.ndim == 1 and audio.dtype == np.int16
            for audio in (
                *(one.request.audio for one in requests.passes.values()),
                *(made.audio for made in state.transcript.passes if made.audio is not None),
            )
        )
    )


def _entries_fit(state: SessionState) -> bool:
    """Each entry of the outbox that has no event yet is completed by exactly one thing."""
    steps = state.assembly.steps
    completed = [
        *(step.entry for step in steps if isinstance(step, ReadingDue | CloseSession)),
        *(step.mood_entry for step in steps if isinstance(step, ReadingDue) and step.mood_entry is not None),
        *(reading.entry for reading in state.requests.readings.values()),
        *(made.entry for made in state.transcript.passes),
    ]
    incomplete = [entry.id for entry in state.outbox.entries if entry.event is None and not entry.cancelled]
    return sorted(completed) == sorted(incomplete)
