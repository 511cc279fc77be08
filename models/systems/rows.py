"""The rows of the papers' tables, as changes to `build`: each is an ablation, or a corpus's settings."""

from typing import Any

# The settings of section 4 of `segmental`, by corpus, as changes to `build("segmental", ...)`. FESC's checkpoint was
# XLSR-53 fine-tuned on Finnish speech; layer 23 of 24 is taken.
SEGMENTAL_CORPORA: dict[str, dict[str, Any]] = {
    "ravdess": {"segment": 80, "stride": 40, "alpha": 0.2},
    "iemocap": {
        "segment": 140, "stride": 70, "alpha": None, "triplet": "segments",
        "labels": ("neutral", "sad", "happy", "angry"),
    },
    "fesc": {
        "segment": 120, "stride": 60, "alpha": None,
        "labels": ("neutral", "sad", "happy", "affectionate", "angry"),
        "speech": {"checkpoint": "facebook/wav2vec2-large-xlsr-53", "layer": -2},
    },
}  # fmt: skip

# The rows of table 1 of `segmental`, as changes; alpha is RAVDESS's (section 4), elsewhere it is None.
SEGMENTAL_ROWS: dict[str, dict[str, Any]] = {
    "baseline": {"segments": False, "triplet": "none"},
    "seg": {"triplet": "none"},
    "tri(W)": {"segments": False, "triplet": "utterance", "alpha": 0.7},
    "seg+tri(S)": {"triplet": "segments", "alpha": 0.1},
    "seg+tri(W)": {"triplet": "utterance", "alpha": 0.2},
}

# The encoders of table 1 of `emospeech` and the classifiers of its table 2, as changes. "top 1" and "top 2" differ in
# weight decay alone (.01 and .1). BETO-EMO is BETO fine-tuned for emotions, so its shape is BETO's.
ROBERTA, BERT = "llange/xlm-roberta-large-spanish", "google-bert/bert-large-uncased"
BETO, XLS_R = "dccuchile/bert-base-spanish-wwm-cased", "facebook/wav2vec2-xls-r-300m"
EMOSPEECH_ROWS: dict[str, dict[str, Any]] = {
    "RoBERTa, WavLM large": {"text": ROBERTA, "speech": "microsoft/wavlm-large"},
    "RoBERTa, XLSR": {"text": ROBERTA, "speech": XLS_R},
    "RoBERTa, HuBERT large": {"text": ROBERTA, "speech": "facebook/hubert-large-ll60k"},
    "BERT, WavLM large": {"text": BERT, "speech": "microsoft/wavlm-large"},
    "BERT, XLSR": {"text": BERT, "speech": XLS_R},
    "BETO, WavLM base plus": {"text": BETO, "speech": "microsoft/wavlm-base-plus"},
    "top 1": {"hidden_layers": 2},
    "top 2": {"hidden_layers": 2},
    "top 3": {"hidden_layers": 3},
}

# The models of tables 2, 3 and 6 of `attributes`, as changes; tables 4 and 5 vary the training set alone.
WAVLM_LARGE = "microsoft/wavlm-large"
WHISPER_LARGE = {"checkpoint": "openai/whisper-large-v3", "layer": "last"}
ATTRIBUTES_ROWS: dict[str, dict[str, Any]] = {
    "WavLM": {"modalities": "audio", "gender": False},
    "MMWavLM": {"gender": False},
    "+ S Emb": {"gender": False, "speaker_embedding": 192},  # the extractor is not named; 192 is ECAPA-TDNN's
    "+ S Pred": {"gender": False, "speakers": 1_000},  # how many is the training set's
    "+ G Pred": {"gender": True},
    "WavLM, gender": {"modalities": "audio", "gender": True},
    "MMWhisper": {"speech": WHISPER_LARGE, "gender": False},
    "MMWhisper, gender": {"speech": WHISPER_LARGE, "gender": True},
}
# Section 4.5: the entries that came first and second. The members of the second differ in their training sets too.
ATTRIBUTES_ENTRIES: dict[str, tuple[dict[str, Any], ...]] = {
    "2-system": (ATTRIBUTES_ROWS["WavLM, gender"], ATTRIBUTES_ROWS["MMWhisper"]),
    "3-system": (
        ATTRIBUTES_ROWS["WavLM, gender"], ATTRIBUTES_ROWS["WavLM, gender"], ATTRIBUTES_ROWS["MMWhisper, gender"],
    ),
}  # fmt: skip


# The ablations of table 1 of `camulenet`, as changes.
CAMULENET_ROWS: dict[str, dict[str, Any]] = {
    "CAMuLeNet": {},
    "w/o Multitask": {"multitask": False},
    "w/o Co-Att & Multitask": {"multitask": False, "co_attention": False},
}
