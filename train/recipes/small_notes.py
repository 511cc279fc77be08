"""What was tried for `small`, with its figure: what helped, and what did not."""

NOTES: tuple[str, ...] = (
    "The best score decides in every UAR; `unsure` is not counted apart. The intervals resample clips, not speakers: "
    "with two speakers they are too narrow for other voices.",
    "Actors 21 and 22 were scored at the end and chose nothing. Ideas were compared on RAVDESS actors 17-20, EmoDB 08 "
    "and 10, nEMO MK0 and SM0, trained without them; figures below are UAR there, whole utterances: RAVDESS 7 / "
    "8 classes / EmoDB / nEMO. Four speakers give an interval of about +-6 points, so small differences mean nothing.",
    "Batches of 64, four fifths of the clips whole, mixup on half, 30 epochs: .601 / .584 / .634 / .399 (UAR on the "
    "training actors, 7 classes: .773).",
    "Crops of every length (a third whole), batches of 64, rate .003, 20 epochs: .536 / .546 / .500 / .411; an epoch "
    "costs less, but 20 are too few.",
    "The same without mixup, with less noise and echo: .557 / .555 / .588 / .391: no clear difference.",
    "Kept: crops of every length, batches of 32, rate .002, mixup on three in ten, 40 epochs (the temperature comes "
    "from this training): .597 / .583 / .585 / .428; training actors .856. More steps fit the training speakers better "
    "and the others no better: unseen voices are the limit.",
    "Frequencies warped by up to 12 %, mixup on half, wider masks, dropout .4, weight decay .1, 25 epochs: "
    ".527 / .530 / .695 / .370: slower to learn; not tried for longer.",
    "Forward and backward pass of 64 windows on two cores: float32 .40 s, channels last .27 s, bfloat16 .22 s, both "
    ".16 s: both are used, also in the figures above.",
    "The temperature is fitted over each corpus's own labels; readings spread over all nine, so confidence is a little "
    "lower than fitted.",
    "The voice detector was adjusted after these weights were trained: of 200 RAVDESS clips about a third are cut a "
    "little differently now (nine in ten starts within .28 s, ends within .05 s), and 2 % into another number of "
    "utterances. All scores here are measured with the detector as it is now.",
    "The first half second of an utterance says nearly nothing: it begins up to .3 s before the voice is sure.",
    "While these weights were trained, the gradient of merged pool states counted each window's largest attention "
    "score twice (the states themselves, and so every reading, were exact). It was found and mended afterwards, "
    "and the voice detector was adjusted: training again gives other weights, whose scores have not been measured "
    "yet.",
)
