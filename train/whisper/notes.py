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
    "Version 2, three heads from seeds of their own and the mean of what they say. Each alone, with RAVDESS after "
    ".5 s of speech: .702 / .782 / .756 and .366, .684 / .907 / .787 and .431, .707 / .930 / .775 and .421; their "
    "mean: .723 / .922 / .792 and .434. What one seed says of one fold is worth little.",
    "A linear head on the mean and deviation of state 3 beside one such head, trained together with a loss each: "
    ".699 / .754 / .747 (alone .684 / .748 / .756 and .699 / .729 / .702); with half the loss on both together: "
    ".686 / .739 / .746; with more beginnings: .702 / .762 / .734. Beside three heads: .702 / .781 / .752, and "
    "EmoTale's CCC fell from .78 to .62. No gain over one head.",
    "int8 on a processor with VNNI, one thread, processor time of a window of 1.6 s: torch in float32 23.2 ms, "
    "bfloat16 21.8; onnxruntime in float32 18.9; dynamic int8 of the linear layers 15.3 in torch, 13.4 in "
    "onnxruntime. On the first 1.6 s of speech of RAVDESS's actors 21 and 22 (120 clips) bfloat16 and onnxruntime"
    " in float32 give the same answers, int8 other ones to 5.8 % of the clips in torch and to 7.5 % in "
    "onnxruntime: UAR .711 in float32, .688 and .703. Not used: int8 changes answers, and what onnxruntime saves "
    "in float32 is less than a second export of the encoder, checked beside the first, is worth.",
    "Not tried yet: a tuned third layer, other windows for this encoder, a temperature for each language.",
)
