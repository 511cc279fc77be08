"""What the stream must know about a model before the first sample arrives."""

from dataclasses import dataclass

from .errors import CardInvalid

LONGEST_WINDOW_S = 120


@dataclass(frozen=True, kw_only=True)
class ModelContract:
    """A model as the stream sees it. Lengths are in samples at `sample_rate`.

    labels       every label a reading scores, in fixed order
    dimensions   attributes in [-1, 1], e.g. arousal; empty if the model has none
    derived      true when the dimensions are computed from the label scores, not by a trained head
    window       length of a grid window; also of the now window. With a `reach`, the most that is encoded at once
    hop          distance between the starts of two grid windows; with a `reach`, between the borders of two cells
    frame        stride of the encoder: starts, readings and ends are multiples of it from the utterance's start
    reach        how far to each side of a frame the audio lies that it depends on, beside the lookback; 0 where a frame
                 depends on its whole window
    lookback     samples before a window's start that its first front-end frame covers
    weights      SHA-256 of the weights: a speaker profile made with one model's weights is of no use to another's
    baseline     true when the model can learn how this speaker usually sounds (`speaker.py`)
    hears        false for a model that reads the words alone: it needs a recognizer, and says nothing of the voice
    tail         how much after the last voiced frame still belongs to the utterance
    """

    id: str
    labels: tuple[str, ...]
    window: int
    hop: int
    frame: int
    lookback: int
    tail: int
    sample_rate: int = 16_000
    reach: int = 0
    dimensions: tuple[str, ...] = ()
    derived: bool = False
    baseline: bool = False
    hears: bool = True
    languages: tuple[str, ...] = ()
    licence: str = ""
    weights: str = ""

    def __post_init__(self) -> None:
        if not self.labels or len(set(self.labels)) != len(self.labels) or "unsure" in self.labels:
            raise CardInvalid(f"labels must be distinct, at least one, and not 'unsure'; got {list(self.labels)}")
        if self.sample_rate <= 0 or self.frame <= 0 or self.lookback < 0 or self.tail < 0:
            raise CardInvalid("sample rate and frame must be positive, lookback and tail not negative")
        if self.window > LONGEST_WINDOW_S * self.sample_rate:
            raise CardInvalid(f"a window of {self.window} samples is too long; the limit is {LONGEST_WINDOW_S} s")
        if self.reach:
            self._check_reach()
        elif self.window % self.frame or self.hop % self.frame or not 0 < self.hop <= self.window:
            raise CardInvalid(
                f"window ({self.window}) and hop ({self.hop}) must be multiples of the encoder's frame "
                f"({self.frame} samples), and the hop must not exceed the window, or frames would be skipped"
            )

    def _check_reach(self) -> None:
        if self.reach < 0 or self.reach % self.frame or self.window % self.frame:
            raise CardInvalid(
                f"reach ({self.reach}) and window ({self.window}) must be multiples of the encoder's frame "
                f"({self.frame} samples), and the reach must not be negative"
            )
        if not self.reach + self.frame <= self.hop <= self.window - 2 * self.reach - self.frame:
            raise CardInvalid(
                f"a hop of {self.hop} samples; with a reach of {self.reach} and a window of {self.window} it must be "
                f"from {self.reach + self.frame} to {self.window - 2 * self.reach - self.frame}"
            )

    @property
    def window_s(self) -> float:
        return self.window / self.sample_rate
