"""`emoscope analyse`: what carries a model's answers, and what the answers are worth, as numbers and pictures."""

from emoscope.streamer.cli.command import Command, CommandGroup

from .analyse_answers import AgreementOfModels, Confusion, ReliabilityDiagram, Seconds
from .analyse_attention import Cumulative, Energy, Phonemes, Tsne
from .analyse_recordings import Attention

command = CommandGroup(
    "analyse",
    "what carries a model's answers, and what they are worth: numbers and pictures",
    (
        Command("attention", "which moments of a recording carried the answer, over its waveform", Attention),
        Command("cumulative", "how few frames hold the attention", Cumulative),
        Command("energy", "whether the model merely listens to what is loud", Energy),
        Command("phonemes", "which phonemes attention goes to, as likelihood ratios", Phonemes),
        Command("tsne", "where clips lie by label and by speaker, in the space of pooled embeddings", Tsne),
        Command("reliability", "whether confidence can be believed", ReliabilityDiagram),
        Command("confusion", "what is taken for what", Confusion),
        Command("seconds", "how right, by the seconds of speech heard", Seconds),
        Command("agreement", "how far models agree", AgreementOfModels),
    ),
)
