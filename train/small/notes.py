"""What was tried for `small`, with its figure: what helped, and what did not."""

NOTES: tuple[str, ...] = (
    "The best score decides in every UAR; `unsure` is counted apart. Where a protocol has fewer classes than the "
    "model, the others' probabilities are left out and the rest renormalised.",
    "Scores by folds come from four trainings of the same recipe, each without a quarter of the speakers of every "
    "corpus; the weights that ship learnt from all of them but RAVDESS's actors 21 and 22. The temperature of a fold "
    "is found from the speakers of the other three folds, that of the shipped weights from all four.",
    "Version 4 learns from `whisper` (three heads over Whisper-base's lower layers, trained on the same speakers): "
    "its features must tell the teacher's states, frame by frame, and its answer the teacher's answer, while the "
    "teacher hears the crop clean and the student with noise, a room, another tempo. Read speech joined the labels, "
    "sounds the noise. Mel bands are measured from the loudest of the last second, no longer from the window's "
    "loudest, and the encoder sees .36 s to each side: so a frame is the same in every window that owns it.",
    "Compared for version 4 on fold 0, whole utterances from the cache, 1,500 steps of 40 crops, one run each: UAR of "
    "RAVDESS's 8 classes / EmoDB / nEMO; share of read speech that claims an emotion; CCC of arousal, valence, "
    "dominance. Single runs move by several hundredths.",
    "Labels alone: .441 / .524 / .535; .184; .60 .18 .53. With a teacher, squared error of states times 1, divergence "
    "times 1: .471 / .591 / .608; .033; .67 .60 .41. States times 4, divergence times 2, no dropout within the "
    "layers: .611 / .556 / .634; .040; .78 .66 .65. Times 4 and 6: .613 / .554 / .606; .101; .75 .63 .62. Kept: times "
    "15 and 4: .660 / .530 / .682; .043; .81 .67 .69.",
    "Other encoders, states and divergence times 1: patches of 8 bands by 5 frames and six residual layers over time, "
    "1.8 M parameters: .470 / .573 / .537; .013; .82 .61 .67. Layers over time alone, 1.9 M: .452 / .664 / .577; "
    ".016; .77 .46 .56; the same 288 wide, times 4 and 2: .535 / .661 / .557; .040; .80 .62 .62. Kept: the "
    "convolutions over bands and time of version 3, and three residual layers over time after them.",
    "The ideas below are of versions 1 to 3, which learnt from labels alone. They were compared on fold 0 (RAVDESS "
    "01, 02, 09, 10, 17, 18; EmoDB 03, 08; nEMO EB0, KS0; EmoTale 001, 004, 011, 014), whole utterances from the "
    "cache: UAR of RAVDESS's 8 classes / EmoDB / nEMO. One run each, with few steps, so small differences mean "
    "nothing; the folds' scores of that fold are by so much not blind.",
    "Mel bands alone, batches of any speakers, 9,800 steps of 32 (version 1 of these weights, other held-out "
    "speakers): .583 / .585 / .428. Arousal, valence and dominance were then derived from the labels.",
    "Periodicity in log pitch beside the mel bands, batches of 5 voices x 8 utterances, arousal, valence and "
    "dominance learnt from EmoTale, 600 steps: .438 / .540 / .627, CCC .83 / .63 / .65. What made nEMO so much better "
    "was not taken apart: the pitch, the balance of voices, EmoTale or other held-out speakers.",
    "The baseline as a free matrix over the voice's mean embedding: it learnt the few training voices by heart. After "
    "1,200 steps without / with it, shuffled / with it, in blocks of one emotion: RAVDESS .468 / .486 / .481, EmoDB "
    ".537 / .540 / .490, nEMO .642 / .620 / .379.",
    "Kept: one learnt share a feature of the baseline is taken away. After 2,200 steps, the same three: RAVDESS .529 "
    "/ .580 / .567, EmoDB .543 / .558 / .537, nEMO .633 / .681 / .559; CCC .81 / .68 / .66, with it .82 / .66 / .68.",
    "The same with frequencies warped by up to 10 %: RAVDESS .522 / .555 / .537, EmoDB .555 / .535 / .548, nEMO .694 "
    "/ .728 / .595; CCC .81 / .67 / .68. Kept at 6 %.",
    "How an utterance counts for the baseline, tried on the unwarped weights (shuffled, blocks; RAVDESS, EmoDB, "
    "nEMO): by the probability p of neutral or calm .573 .573, .558 .543, .678 .547; by its square .565 .567, .562 "
    ".535, .671 .587. Kept: the square, at least .05, against three calm utterances of prior.",
    "The voice detector began half a second too early in studio silence: half of RAVDESS's utterances began .5 s and "
    "more before the voice, so that a first second was half nothing, in training too. A beginning must rise above the "
    "room now (median .02 s early). The weights of before had .219 after .5 s and .399 after 1 s over RAVDESS's "
    "folds; on actors 21 and 22, with the detector of now, .375 and .484. Its thresholds were chosen by where sound "
    "rises, without labels, on 50 clips of each corpus, held-out speakers and URDU among them. The trainings' "
    "utterances were cut before two last mends of it, which move 12 of 500 RAVDESS clips by about .1 s; the scores "
    "are of the last.",
    "Kept for version 3: that detector, 6,000 steps instead of 3,600, an average of weights over .999, more and "
    "shorter beginnings, a larger share of EmoDB. Fold 0: RAVDESS .707, EmoDB .736, nEMO .679, after 1 s .495, .670, "
    ".524; fold 1: .642, .708, .467, after 1 s .510, .716, .394. Which of these did most was not taken apart.",
    "One temperature for all corpora is a compromise: over the folds, finals say .66 of RAVDESS where .70 are right, "
    ".68 of EmoDB where .71 are, .60 of nEMO where .52 are.",
    "Without a penalty on labels that a corpus lacks, `bored` (which only EmoDB has) was said of most calm and sad "
    "English clips, with .6 to .99. Kept: such labels may have their even share together, more costs.",
    "Forward and backward pass of 40 windows on one core: .49 s with masks and 24 to 128 channels, .35 s without "
    "masks where nothing is hidden, .26 s with 16 to 128 channels.",
    "URDU was never trained on.",
)
