"""Models of random weights to evaluate."""

from pathlib import Path

import msgspec

from emoscope.models import Calibration, ModelContract, SmallConfig, SmallModel, save_model
from emoscope.models.cards import Corpus as Seen
from emoscope.models.cards import read_card
from emoscope.train.corpora import LABELS


def write_model(
    folder: Path, tiny_model: Path, trained: dict[str, list[str]], seed: int = 5, baseline: bool = False
) -> Path:
    """A few hundred random weights over all nine labels, whose card names the speakers of the training data."""
    import torch

    torch.manual_seed(seed)
    card = read_card(tiny_model)
    card = msgspec.structs.replace(
        card,
        labels=list(LABELS),
        baseline=baseline,
        data=[Seen(name=name, speakers=speakers, licence="", citation="") for name, speakers in trained.items()],
        calibration=msgspec.structs.replace(card.calibration, temperature=[2.0], unsure_below=0.12),
    )
    contract: ModelContract = card.contract()
    model = SmallModel(SmallConfig(channels=(2, 2, 4, 4), dim=8, memory=2), contract, Calibration())
    save_model(model, card, folder)
    return folder
