"""How a voice sounded, in the prompt of a language model: `python demo/agent.py [FILE]`, without any network.

`answer` stands where a language model is asked. Here it shows what the model would see.
"""

import sys

from emoscope.streamer import describe, replay
from emoscope.streamer.protocol.describe import CAUTION

INSTRUCTIONS = f"You are a helpful voice agent. {CAUTION}"


def answer(messages):
    """A language model of your own: `client.chat.completions.create(model=..., messages=messages)` or a local one."""
    for message in messages[-1:]:
        print(message["content"])
    return "..."


recording = sys.argv[1] if sys.argv[1:] else "demo/recordings/conversation.flac"
messages = [{"role": "system", "content": INSTRUCTIONS}]
print(INSTRUCTIONS, end="\n\n")

first: dict = {}
for event in replay(recording):  # or listen(), or a client's events
    if event.type == "emotion.interim":
        first.setdefault(event.utterance, event)
    elif event.type == "emotion.final":
        line = describe(event, first.pop(event.utterance, None))  # None where the reading is unsure
        said = f"(what was said from {event.start:.1f} to {event.end:.1f} s)"  # your recognizer's words
        messages.append({"role": "user", "content": f"(voice) {line}\n{said}" if line else said})
        messages.append({"role": "assistant", "content": answer(messages)})
