"""Reading, training and scoring of sentences: on small made corpora, and what ships on the real ones."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from emoscope.models.errors import UsageError
from emoscope.models.text import load_text_branch
from emoscope.train.errors import CorpusInvalid, CorpusMissing, UnknownLabel
from emoscope.train.text.calibrate import best_thresholds
from emoscope.train.text.data import CLASSES, read_goemotions, read_meld, text_folder
from emoscope.train.text.evaluate import evaluate_text, f1_scores, one_class, several_classes
from emoscope.train.text.fitting import Recipe, disturb
from emoscope.train.text.recipe import train_text

LINES = {
    "anger": ("i hate this so much", "you make me angry"),
    "disgust": ("that is disgusting", "gross and vile"),
    "fear": ("i am scared of it", "terrified of the dark"),
    "joy": ("i love this", "so happy today"),
    "neutral": ("the door is here", "it is a car"),
    "sadness": ("i feel so sad", "crying alone again"),
    "surprise": ("wow what is that", "no way really"),
}


def write_corpora(folder: Path, repeats: int = 12) -> Path:
    """GoEmotions and MELD as their owners lay them out, with the same few sentences again and again."""
    rows = [
        f"{line}\t{place}\tc{turn}{place}"
        for turn in range(repeats)
        for place, name in enumerate(CLASSES)
        for line in LINES[name]
    ]
    goemotions, meld = folder / "text" / "goemotions", folder / "text" / "meld"
    goemotions.mkdir(parents=True)
    meld.mkdir()
    (goemotions / "labels.txt").write_text("\n".join(CLASSES), encoding="utf-8")
    for part in ("train", "dev"):
        (goemotions / f"{part}.tsv").write_text("\n".join([*rows, "wow i love it\t3,6\tc"]) + "\n", encoding="utf-8")
    head = "Sr No.,Utterance,Speaker,Emotion,Sentiment"
    spoken = [f'{n},"{LINES[name][0]}",X,{name},positive' for n, name in enumerate(CLASSES)]
    (meld / "dev.csv").write_text("\n".join([head, *spoken]) + "\n", encoding="utf-8")
    return folder


def test_the_recipe_trains_calibrates_and_scores_a_branch_that_reads(tmp_path):
    """The whole way from files to a folder that loads; it learned its sentences, and the card holds its scores."""
    data = write_corpora(tmp_path / "data", repeats=30)
    recipe = Recipe(
        epochs=8, batch=16, held_out=80, buckets=200, average=0.8, dropped=0.0, shape={"dim": 8, "hidden": 16}
    )
    card = train_text(data, tmp_path / "work", tmp_path / "out", recipe)
    branch = load_text_branch(tmp_path / "out")
    assert branch.card == card and card.licence == "CC BY 4.0"
    assert [corpus.name for corpus in card.data] == ["goemotions"]
    labels = list(branch.labels)
    for name, label in (("anger", "angry"), ("joy", "happy"), ("sadness", "sad"), ("fear", "fearful")):
        reading = branch.read(LINES[name][0].split(), "en")
        assert reading is not None
        assert labels[int((reading.scores / reading.prior).argmax())] == label
    measured = {(score.corpus, score.metric): score.value for score in card.scores if "punct" not in score.protocol}
    assert measured["goemotions, dev", "macro-F1"] > 0.9 and measured["meld, dev", "macro-F1"] > 0.9
    again = evaluate_text("meld", data, branch)
    assert again["macro_f1"] == measured["meld, dev", "macro-F1"] and again["n"] == len(CLASSES)


def test_the_same_seed_trains_the_same_branch(tmp_path):
    """Nothing but the recipe decides the weights."""
    data = write_corpora(tmp_path / "data", repeats=6)
    recipe = Recipe(epochs=1, batch=16, held_out=40, buckets=50, shape={"dim": 4, "hidden": 8})
    first, second = (train_text(data, tmp_path / "work", tmp_path / name, recipe) for name in "ab")
    assert first.weights_sha256 == second.weights_sha256
    assert first.temperature == second.temperature and first.thresholds == second.thresholds


def test_f1_is_that_of_scikit_learn():
    """Our F1 of each class, against another implementation of it."""
    rng = np.random.default_rng(4)
    answered, truth = rng.random((2, 300, 7)) < 0.3
    expected = f1_score(truth, answered, average=None, zero_division=0)
    np.testing.assert_allclose(f1_scores(answered, truth), expected)


def test_a_sentence_always_gets_a_class():
    """Where nothing is above its threshold the likeliest is said; where several are, all of them."""
    said = np.array([[0.5, 0.4, 0.1], [0.2, 0.5, 0.3]])
    answered = several_classes(said, [0.3, 0.3, 0.6])
    assert answered.tolist() == [[True, True, False], [False, True, False]]
    assert several_classes(said, [0.9, 0.9, 0.9]).tolist() == [[True, False, False], [False, True, False]]


def test_leaning_prefers_what_is_news():
    """At 0 the likeliest class, at 1 the one that is most likelier than usual."""
    said, prior = np.array([[0.6, 0.4]]), [0.8, 0.2]
    assert one_class(said, prior, 0.0).tolist() == [[True, False]]
    assert one_class(said, prior, 1.0).tolist() == [[False, True]]


def test_thresholds_are_found_where_f1_is_best():
    """Scores that part the classes at .4 give a cut between them."""
    truth = np.arange(200) % 2 == 0
    said = np.where(truth, 0.55, 0.25)[:, None]
    (cut,) = best_thresholds(said, truth[:, None])
    assert 0.25 <= cut < 0.55


def test_a_disturbed_sentence_keeps_a_word():
    """However many words are left out, the label must have something to stand on."""
    from emoscope.models.text.words import Tokenizer, Vocabulary

    text = Tokenizer(Vocabulary(words=["", "sad"], buckets=9))(["so", "sad!"])
    rng = np.random.default_rng(0)
    for _ in range(200):
        changed = disturb(text, Recipe(dropped=0.95, forgotten=0.9, unmarked=1.0), rng)
        assert changed.spoken.any() and not changed.marks.any()
    assert text.words.tolist() == [0, 1] and text.marks.any(), "the sentence itself is not touched"


@pytest.mark.parametrize("line", ["no tabs here", "text\t9\tid", "text\tjoy\tid", "text\t\tid"])
def test_a_broken_line_of_goemotions_is_an_error_that_names_it(tmp_path, line):
    """Another format is not read as something else."""
    folder = write_corpora(tmp_path) / "text" / "goemotions"
    (folder / "dev.tsv").write_text(f"fine\t1\tid\n{line}\n", encoding="utf-8")
    with pytest.raises(CorpusInvalid, match="line 2"):
        read_goemotions(folder, "dev")


def test_other_classes_than_the_ekman_grouping_are_an_error(tmp_path):
    """The numbers would mean other classes."""
    folder = write_corpora(tmp_path) / "text" / "goemotions"
    (folder / "labels.txt").write_text("admiration\nanger\n", encoding="utf-8")
    with pytest.raises(CorpusInvalid, match="Ekman"):
        read_goemotions(folder, "dev")


def test_meld_is_read_under_its_owners_name_and_an_unknown_emotion_is_an_error(tmp_path):
    """dev_sent_emo.csv is dev.csv; a label of no class says so."""
    folder = write_corpora(tmp_path) / "text" / "meld"
    (folder / "dev.csv").rename(folder / "dev_sent_emo.csv")
    assert len(read_meld(folder, "dev")) == len(CLASSES)
    (folder / "dev_sent_emo.csv").write_text("Utterance,Emotion\nhello,hungry\n", encoding="utf-8")
    with pytest.raises(UnknownLabel, match="hungry"):
        read_meld(folder, "dev")


def test_missing_corpora_and_corpora_that_are_none_say_what_is_wanted(tmp_path):
    """Before anything is computed."""
    with pytest.raises(CorpusMissing, match=r"labels\.txt"):
        text_folder(tmp_path, "goemotions")
    with pytest.raises(CorpusMissing, match="goemotions"):
        train_text(tmp_path, tmp_path / "work", tmp_path / "out", Recipe())
    with pytest.raises(UsageError, match="goemotions, meld"):
        evaluate_text("tweets", tmp_path, load_text_branch())  # type: ignore[arg-type]


def test_what_ships_reaches_its_figures_on_the_real_development_parts(shared):
    """The card's own scores, measured again: macro-F1 of .586 on GoEmotions and .253 on MELD, unseen."""
    branch = load_text_branch()
    said = {(s.corpus, s.metric, s.protocol): s.value for s in branch.card.scores}
    for corpus, least in (("goemotions", 0.55), ("meld", 0.24)):
        found = evaluate_text(corpus, shared, branch)  # type: ignore[arg-type]
        assert found["macro_f1"] >= least
        card = next(v for (where, metric, rule), v in said.items()
                    if where == f"{corpus}, dev" and metric == "macro-F1" and "punctuation" not in rule)  # fmt: skip
        assert found["macro_f1"] == pytest.approx(card, abs=0.003)


def test_words_leave_ravdess_alone():
    """Its two sentences, beside any voice: no score of the voice moves by more than .05 at the weight they ask for."""
    from emoscope.models.fusion import fuse

    branch = load_text_branch()
    rng = np.random.default_rng(2)
    for sentence in ("Kids are talking by the door.", "Dogs are sitting by the door."):
        reading = branch.read(sentence.split(), "en")
        assert reading is not None
        for _ in range(200):
            voice = rng.dirichlet(np.full(9, 0.3))
            fused = fuse(voice, reading.scores, reading.prior, reading.tells)
            assert np.abs(fused.scores - voice).max() < 0.05


def test_an_option_that_the_recipe_does_not_take_is_a_usage_error(tmp_path, capsys):
    """Before anything is read: a row of a paper's table means nothing to words."""
    from emoscope.streamer.cli.main import main

    for recipe in ("text", "tiny-whisper"):
        assert main(["train", recipe, "--row", "AS", "--out", str(tmp_path)]) == 2
        assert "Unknown option: --row" in capsys.readouterr().err


def test_the_command_scores_a_file_of_sentences(tmp_path, capsys):
    """`emoscope evaluate --corpus goemotions --data FILE --json`: one line of JSON; the file names its own part."""
    import json

    from emoscope.streamer.cli.main import main

    folder = write_corpora(tmp_path) / "text"
    other = tmp_path / "test.tsv"
    other.write_bytes((folder / "goemotions" / "dev.tsv").read_bytes())
    for corpus, data, part in (("goemotions", other, "test"), ("meld", folder / "meld" / "dev.csv", "dev")):
        assert main(["evaluate", "--model", "small", "--corpus", corpus, "--data", str(data), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["part"] == part and found["n"] > 0 and set(found["f1"]) == set(CLASSES)
        assert found["macro_f1"] == pytest.approx(np.mean(list(found["f1"].values())), abs=1e-3)
    assert main(["evaluate", "--corpus", "meld", "--data", str(folder), "--speakers", "21"]) == 2
