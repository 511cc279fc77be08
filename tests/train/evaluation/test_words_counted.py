"""`emoscope evaluate --asr`: the words of a recognizer count as they do live."""

import os
import signal

import numpy as np
import pytest
import soundfile
from real_voice import sentence
from waiting import wait_until

from emoscope.streamer import Config, open_engine, replay
from emoscope.streamer.asr import Choice, Recognizer, RecognizerUnavailable
from emoscope.streamer.testing import silence
from emoscope.train.corpora import Clip
from emoscope.train.evaluation.runner import SessionRunner
from emoscope.train.evaluation.sessions import PlannedSession

# The real process and its messages; only its transcript is always the same.
ANGRY = """
from emoscope.streamer.asr import service
from emoscope.streamer.protocol.events import SpokenWord
from emoscope.streamer.session.transcript.hypothesis import RecognizedSegment, Hypothesis

class Angry:
    name, languages = "angry", ("en",)

    def transcribe(self, audio, language, final):
        said = "I hate you I am so angry".split()
        each = len(audio) / 16_000 / len(said)
        words = tuple(SpokenWord(word=w, start=i * each, end=(i + 1) * each, p=0.95) for i, w in enumerate(said))
        return Hypothesis(segments=(RecognizedSegment(words=words),), language="en")

service.load_backend = lambda load: Angry()
service.run(service.RecognizerService())
"""


@pytest.fixture
def recognizer(tmp_path):
    (tmp_path / "angry.py").write_text(ANGRY)
    with Recognizer(Choice(name="pocketsphinx"), command=(str(tmp_path / "angry.py"),)) as made:
        yield made


@pytest.fixture
def clips(tmp_path):
    found = []
    for number in range(2):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, np.concatenate([silence(0.3), sentence(number), silence(0.8)]), 16_000)
        found.append(Clip(corpus="ravdess", name=str(number), path=path, speaker="01", label="angry"))
    return tuple(found)


def finals(predictions):
    return [utterance.final.scores for clip in predictions for utterance in clip.utterances]


def test_words_count_as_in_a_replay_alone_and_within_a_speakers_session(tiny_model, recognizer, clips):
    """The same scores, and not those of the voice alone."""
    model = open_engine(tiny_model)
    config = Config(pace="fast", attention=False)
    with_words, alone = SessionRunner(model, config=config, recognizer=recognizer), SessionRunner(model, config=config)
    for planned in (*(PlannedSession((clip,)) for clip in clips), PlannedSession(clips)):
        counted, voice_alone = finals(with_words.predict(planned)), finals(alone.predict(planned))
        assert len(counted) == len(planned.clips)
        assert np.abs(np.subtract(counted, voice_alone)).max() > 0.05
    events = replay(clips[0].path, model, config=config, asr=recognizer)
    [live] = [event for event in events if event.type == "emotion.final"]
    assert live.sources.text > 0.1
    assert finals(with_words.predict(PlannedSession(clips[:1])))[0] == pytest.approx(
        tuple(live.scores.values()), abs=1e-5
    )


def test_a_recognizer_that_broke_ends_the_evaluation(tiny_model, recognizer, clips):
    """Scores are not reported if some predictions may lack a transcript."""
    runner = SessionRunner(open_engine(tiny_model), recognizer=recognizer)
    runner.predict(PlannedSession(clips[:1]))
    os.kill(recognizer.pid, signal.SIGKILL)
    wait_until(lambda: recognizer.last_exit)
    with pytest.raises(RecognizerUnavailable):
        runner.predict(PlannedSession(clips[1:]))
