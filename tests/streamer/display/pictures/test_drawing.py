"""The files of pictures: opened again, they hold what the events say, in light and in dark, with and without sound."""

import base64
import hashlib
import io
import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
import soundfile

pytest.importorskip("matplotlib", reason="pictures need matplotlib")

from needed import program
from PIL import Image

from emoscope.streamer import UnreadableAudio
from emoscope.streamer.display.pictures import comparison, html, page
from emoscope.streamer.display.pictures.collect import Collector
from emoscope.streamer.display.pictures.sound import POINT_S, read_sound
from emoscope.streamer.display.pictures.theme import DARK, LIGHT, drawing
from emoscope.streamer.display.pictures.totals import totals
from emoscope.streamer.protocol.events import EmotionFinal, words_to_text
from emoscope.streamer.testing import silence, voice

from ..made_record import SAID, UTTERANCES, events


def story_of(made):
    collector = Collector()
    for event in made:
        collector.add(event)
    [story] = collector.stories
    return story


@pytest.fixture(scope="module")
def story():
    return story_of(events(words=True))


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """55 s of sound, as long as the made record, in stereo at 44.1 kHz."""
    path = tmp_path_factory.mktemp("sound") / "made.wav"
    one = np.concatenate([silence(1.0), voice(2.0), silence(52.0)])
    whole = np.interp(np.arange(55 * 44_100) / 44_100, np.arange(len(one)) / 16_000, one).astype(np.float32)
    soundfile.write(path, np.stack([whole, whole], 1), 44_100)
    return path


def drawn(story, heard=None, theme=LIGHT, kind="png", start=0.0, end=None):
    with drawing() as problems:
        found = list(page.pages(story, heard, start, story.audio_s if end is None else end, theme, kind))
    return found, problems


def saying(word):
    """A story in which each utterance is this word."""
    made = [
        msgspec.structs.replace(e, words=[msgspec.structs.replace(e.words[0], word=word)])
        if isinstance(e, EmotionFinal)
        else e
        for e in events(words=True)
    ]
    return story_of(made)


def texts(svg: bytes) -> str:
    """All text of an SVG, in its order."""
    root = ElementTree.fromstring(svg)
    return "\n".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))


def test_a_png_shows_something_in_the_labels_colours(story):
    [one], problems = drawn(story)
    picture = Image.open(io.BytesIO(one.content)).convert("RGB")
    assert picture.width == 1430 and picture.height > 900 and problems == [] and one.left_out == 0
    colours = {colour for _, colour in picture.getcolors(1 << 24) or []}
    assert (255, 255, 255) in colours and (0xD6, 0x79, 0x6C) in colours and len(colours) > 30
    assert len(one.content) < 200_000


def test_a_dark_picture_is_dark(story):
    [one], _ = drawn(story, theme=DARK)
    assert np.asarray(Image.open(io.BytesIO(one.content)).convert("L")).mean() < 60


def test_the_same_events_give_the_same_bytes(story):
    for kind in ("png", "svg"):
        [one], _ = drawn(story, kind=kind, end=30.0)
        [other], _ = drawn(story, kind=kind, end=30.0)
        assert one.content == other.content


def test_an_svg_has_every_label_word_and_time_as_text(story):
    [one], _ = drawn(story, kind="svg")
    said = texts(one.content)
    lines = said.split("\n")
    for label in {final.label for _, final in story.finals}:
        assert any(line.startswith(label) for line in lines)
    assert sum(line.split(" ")[0] in {final.label for _, final in story.finals} for line in lines) >= len(story.finals)
    assert all(word in lines for word in SAID[1].split() + SAID[2].split())
    assert "Blue Yeti" in said and "00:04" in said and "not a fact about the person" in said


def test_formulas_and_signs_of_xml_in_words_are_drawn_as_they_are():
    [one], _ = drawn(saying("<b>$x^2$&amp;"), kind="svg", end=10.0)
    assert "<b>$x^2$&amp;" in texts(one.content).split("\n")


def test_a_character_that_no_font_has_is_told():
    _, [problem] = drawn(saying("\U00013000"), end=10.0)
    assert problem.startswith("1 characters are in no font")


def test_a_long_recording_takes_pages_of_six_rows():
    """Ten minutes: 55 s again and again; no page is larger than a viewer opens."""
    made = story_of(events())
    parts = [
        replace(one, start=one.start + at, end=one.end + at, interims=[], attention=[])
        for at in range(0, 600, 55)
        for one in made.utterances
    ]
    made.utterances, made.audio_s, made.moods, made.levels = parts, 605.0, [], []
    found, _ = drawn(made)
    assert len(found) == 3
    assert all(Image.open(io.BytesIO(one.content)).height < 4000 for one in found)


@pytest.mark.parametrize("change", ["no speech", "no dimensions", "no interims", "no levels", "no moods"])
def test_what_is_not_there_is_left_out_and_the_rest_is_drawn(change):
    made = story_of(events())
    for one in made.utterances:
        if change == "no interims":
            one.interims = []
        if change == "no dimensions" and one.final is not None:
            one.final.dimensions.clear()
    if change == "no speech":
        made.utterances, made.moods = [], []
    if change == "no levels":
        made.levels = []
    if change == "no moods":
        made.moods = []
    [one], _ = drawn(made, kind="svg")
    said = texts(one.content)
    assert ("no speech heard" in said) == (change == "no speech")
    assert ("this model reads no" in said) == (change == "no dimensions")


def test_a_waveform_has_the_samples_at_their_times(recording):
    heard = read_sound(recording)
    assert heard.seconds == pytest.approx(55.0) and heard.flac == b"" and heard.broken == ""
    assert len(heard.waveform) == round(55.0 / POINT_S)
    assert np.abs(heard.waveform[:95]).max() < 0.01 < np.abs(heard.waveform[110:290]).max()
    times, lows, highs = heard.between(0.0, 10.0, 500)
    assert len(times) == len(lows) == len(highs) <= 510 and np.all(np.diff(times) > 0)
    assert np.all(lows <= highs) and highs.max() == pytest.approx(heard.waveform[:1000, 1].max())
    loud = times[highs > 0.02]
    assert 0.97 < loud[0] < 1.2 and 2.7 < loud[-1] < 3.05


def test_the_sound_of_a_page_is_the_part_that_is_drawn(recording):
    heard = read_sound(recording, keep=(1.0, 3.5))
    samples, rate = soundfile.read(io.BytesIO(heard.flac), dtype="float32")
    assert rate == 16_000 and samples.shape == (40_000,)
    assert np.abs(samples[:32_000]).max() > 0.02 and np.abs(samples[33_000:]).max() < 0.01


def test_one_channel_of_a_recording_can_be_heard_alone(tmp_path):
    soundfile.write(tmp_path / "two.wav", np.stack([voice(1.0), np.zeros(16_000, np.float32)], 1), 16_000)
    assert np.abs(read_sound(tmp_path / "two.wav", channel=1).waveform).max() == 0
    with pytest.raises(UnreadableAudio, match="none of number 2"):
        read_sound(tmp_path / "two.wav", channel=2)


def test_a_recording_that_breaks_off_is_drawn_up_to_there(tmp_path):
    soundfile.write(tmp_path / "cut.flac", voice(6.0), 16_000)
    content = (tmp_path / "cut.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(content[: len(content) // 2])
    heard = read_sound(tmp_path / "cut.flac")
    assert "breaks off" in heard.broken and 0.5 < heard.seconds < 6.0


class Page(HTMLParser):
    """The tags of a page with their attributes, and the cells of its table."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._in_cell = False
        self.feed(content.decode())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "td":
            self.cells.append("")
        self._in_cell = self._in_cell or tag == "td"

    def handle_endtag(self, tag):
        self._in_cell = self._in_cell and tag != "td"

    def handle_data(self, data):
        if self._in_cell:
            self.cells[-1] += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def html_of(story, heard=None, start=0.0, end=55.0, dark=False) -> bytes:
    with drawing():
        return html.page(story, heard, start, end, dark=dark).content


def test_a_page_asks_nobody_for_anything_and_says_so_to_the_browser(story, recording):
    content = html_of(story, read_sound(recording, keep=(0.0, 55.0)))
    found = Page(content)
    [policy] = [tag["content"] for tag in found.named("meta") if tag.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None and "default-src 'none'" in policy and "unsafe-inline'; script" not in policy
    [script] = re.findall(rb"<script>(.*?)</script>", content, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(script).digest()).decode() in policy
    for name in ("src", "href", "xlink:href", "data", "action"):
        values = [tag[name] for _, tag in found.tags if name in tag]
        assert all(value and value.startswith(("#", "data:audio/flac;base64,")) for value in values), name
    assert not re.search(rb"url\((?!#)|@import|https?://(?!www\.w3\.org/)", content)


def test_the_page_plays_the_sound_that_was_drawn(story, recording):
    heard = read_sound(recording, keep=(2.0, 12.0))
    [audio] = Page(html_of(story, heard, 2.0, 12.0)).named("audio")
    source = audio["src"]
    assert source is not None and audio["data-begin"] == "2.000"
    assert base64.b64decode(source.partition(",")[2]) == heard.flac


def test_without_sound_a_page_has_no_player(story):
    found = Page(html_of(story))
    assert found.named("audio") == [] and "play" not in [tag.get("id") for tag in found.named("button")]


def test_the_table_tells_every_final_in_words(story):
    """The same readings as the pictures: time, label, likeliest three, words, and what was said before."""
    found = Page(html_of(story))
    rows = [found.cells[first : first + 7] for first in range(0, len(found.cells), 7)]
    assert len(rows) == len(UTTERANCES)
    for cells, (one, final) in zip(rows, story.finals, strict=True):
        assert cells[1].startswith(final.label) and cells[5] == words_to_text(one.words)
        assert cells[6].count(",") == len(one.interims) - 1
    turns = [tag for tag in found.named("tr") if "data-start" in tag]
    assert [(float(t["data-start"] or 0), float(t["data-end"] or 0)) for t in turns] == UTTERANCES


def test_the_rows_of_a_page_tell_the_cursor_where_a_time_is(story):
    rows = [tag for tag in Page(html_of(story)).named("div") if tag.get("class") == "row"]
    times = [(float(tag["data-start"] or 0), float(tag["data-end"] or 0)) for tag in rows]
    assert times[0][0] == 0.0 and times[-1][1] == 55.0
    scale = [
        (end - start) / (float(tag["data-right"] or 0) - float(tag["data-left"] or 0))
        for tag, (start, end) in zip(rows, times, strict=True)
    ]
    assert scale == pytest.approx([scale[0]] * len(scale), rel=1e-3)


def test_ids_of_two_rows_never_meet_and_colours_follow_the_theme(story):
    content = html_of(story).decode()
    ids = re.findall(r'\sid="([^"]+)"', content)
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]+)\)", content)) | set(re.findall(r'href="#([^"]+)"', content))
    assert used <= set(ids)
    assert "#010a0" not in content and "var(--ink)" in content
    assert '<html lang="en">' in content and '<html lang="en" data-theme="dark">' in html_of(story, dark=True).decode()


def test_names_and_words_cannot_become_markup_of_a_page():
    made = events(words=True)
    made[0] = msgspec.structs.replace(made[0], source="<script>alert(1)</script>")  # type: ignore[type-var]
    content = html_of(story_of(made), end=10.0)
    assert content.count(b"<script>") == 1 and b"&lt;script&gt;alert(1)" in content


def test_the_script_of_a_page_is_valid(tmp_path):
    source = Path(html.__file__).with_name("explain.js")
    done = subprocess.run(
        [program("node", "nodejs"), "--check", str(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_conversations_stand_side_by_side_with_their_shares(story):
    brief = story_of(events())
    brief.closed = False
    compared = [
        comparison.Conversation(one, totals(one, name)) for one, name in ((story, "a.jsonl"), (brief, "b.jsonl"))
    ]
    with drawing():
        [svg] = comparison.pages(compared, LIGHT, "svg")
        [png] = comparison.pages(compared, DARK, "png")
    said = texts(svg).split("\n")
    assert "a.jsonl" in said and "b.jsonl" in said and any("breaks off" in line for line in said)
    largest, share = next(iter(compared[0].totals.shares.items()))
    assert any(line.endswith(f"{round(100 * share)} %") for line in said), (largest, said)
    assert Image.open(io.BytesIO(png)).width == 1430


def test_many_conversations_take_several_pages(story):
    compared = [comparison.Conversation(story, totals(story, f"{number}.jsonl")) for number in range(31)]
    with drawing():
        assert len(list(comparison.pages(compared, LIGHT, "svg"))) == 2
