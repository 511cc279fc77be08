"""What was tried for `whisper`, with its figure: what helped, and what did not."""

NOTES: tuple[str, ...] = (
    "The encoder is openai/whisper-base (MIT), as its authors trained it: convolutions and three of its six layers. It "
    "is not part of this folder; the card's config holds the SHA-256 of each of its tensors as float16.",
    "The best score decides in every UAR; `unsure` is counted apart. Where a protocol has fewer classes than the "
    "model, the others' probabilities are left out and the rest renormalised.",
    "Scores by folds come from four trainings of the same recipe, each without a quarter of the speakers of every "
    "corpus; the weights that ship learnt from all of them but RAVDESS's actors 21 and 22. The temperature of a fold "
    "is found from the speakers of the other three folds, that of the shipped weights from all four.",
    "Ideas below were compared on fold 0 (RAVDESS 01, 02, 09, 10, 17, 18; EmoDB 03, 08; nEMO EB0, KS0; EmoTale 001, "
    "004, 011, 014), whole utterances from the cache, without a baseline: UAR of RAVDESS's 8 classes / EmoDB / nEMO, "
    "claims on read speech before calibration. One run each, so small differences mean nothing; the folds' scores of "
    "that fold are by so much not blind.",
    "1,200 steps, rate 1.5e-3, RAVDESS 43 % of the draws, no degraded copies of nEMO yet: .669 / .907. With them: "
    ".702 / .918. Without any degraded copies: .689 / .768.",
    "RAVDESS 53 % of the draws and rate 1e-3: .733 / .912 / .738, claims .011. Rate 6e-4 with more of EmoTale: .723 / "
    ".913 / .774, claims .007. 1,800 steps at 1e-3: .704 / .903 / .765, claims .016. Kept: rate 8e-4, 1,200 steps.",
    "Dropout .5 instead of .3, and .2 instead of .1 of the states: .633 / .861 / .744, claims .033. Worse.",
    "Not tried yet: a second, linear head on the mean and deviation of state 3 beside this one (.764 instead of .746 "
    "over RAVDESS's folds in a prototype outside the live path), a tuned third layer, other windows for this encoder.",
)
