"""One short line about how somebody sounded, for the prompt of a language model."""

from .event_fields import WeighedWord, words_to_text
from .events import AnyEvent, EmotionFinal, EmotionInterim, Mood
from .text import clean

CAUTION = (
    "Lines that begin with (voice) are a program's guess of how the speaker sounded. They may be wrong, and are no "
    "fact about the person: let them shape your tone, and do not mention them."
)
"""What the instructions of a language model should say once, where it is given such lines."""

UNSURE = "unsure"  # the label of a reading that claims nothing
BUDGET = 24  # tokens
BYTES_PER_TOKEN = 3  # UTF-8 bytes: English has about four in a token, other scripts fewer characters and more bytes
SURE = 0.5  # below, even the likeliest label is less likely than all others together
STRONG = 1 / 3  # of the attributes' range from 0 to 1: a weaker one is not worth a word
CHANGE = 0.15  # of a probability between two readings
WHOLE_TEXT = 24  # characters: what is longer is stood for by the word that counted most
LONGEST_WORD = 24
ADJECTIVES = {"disgust": "disgusted"}  # labels that do not follow "sounds"

Reading = EmotionFinal | EmotionInterim | Mood


def describe(event: AnyEvent, before: Reading | None = None, *, budget: int = BUDGET) -> str | None:
    """How a reading sounded, as "sounds angry (.71), rising; arousal high; said 'fine'".

    event   a final, an interim or the mood; None comes back for every other event, and for a reading that is `unsure`
    before  an earlier reading of the same voice: with it the line says whether the emotion rises or fades
    budget  the most tokens, counted as a token for each 3 bytes, which is more than English takes. What does not fit is
            left out from the end, part by part; None comes back where not even the label fits

    It is a guess, and the line says so: "sounds", "may sound" where the label is not likelier than not, and the
    probability. Attributes are told where they are strong and the model has learnt them; a word is quoted without
    anything that could break the line or the quotation.
    """
    if not isinstance(event, Reading) or event.label == UNSURE:
        return None
    probability = f"({event.confidence:.2f})".replace("(0.", "(.")
    label = _plain(ADJECTIVES.get(event.label, event.label))
    parts = [f"{_verb(event)} {label}", f" {probability}", *_trend(event, before), *_attributes(event)]
    if isinstance(event, EmotionFinal) and (said := _said(event.words)):
        parts.append(f"; said '{said}'")
    line = ""
    for part in parts:
        if len((line + part).encode()) > budget * BYTES_PER_TOKEN:
            break
        line += part
    return line or None


def _verb(event: Reading) -> str:
    if isinstance(event, Mood):
        return "has sounded" if event.confidence >= SURE else "may have sounded"
    return "sounds" if event.confidence >= SURE else "may sound"


def _trend(event: Reading, before: Reading | None) -> list[str]:
    if before is None:
        return []
    change = event.scores.get(event.label, 0.0) - before.scores.get(event.label, 0.0)
    return [", rising"] if change >= CHANGE else [", fading"] if change <= -CHANGE else []


def _attributes(event: Reading) -> list[str]:
    """Strong attributes. Those that are computed from the scores say nothing that the label does not."""
    if isinstance(event, Mood) or event.derived:
        return []
    strong = [(name, value) for name, value in event.dimensions.items() if abs(value) >= STRONG]
    return [f"; {_plain(name)} {'high' if value > 0 else 'low'}" for name, value in strong]


def _said(words: list[WeighedWord]) -> str:
    """The whole text where it is short, else the word that counted most."""
    text = words_to_text(words).strip()
    if len(text) > WHOLE_TEXT:
        text = max(words, key=lambda word: word.weight).word.strip()
    return _plain(text.strip(".,;:!?… "))[:LONGEST_WORD]


def _plain(text: str) -> str:
    """Text that stays within its quotation marks, and on its line."""
    return clean(" ".join(text.split())).replace("'", "’").replace('"', "”")
