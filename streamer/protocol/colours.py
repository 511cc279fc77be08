"""The colours of labels, on screens and in subtitles.

Each colour has a contrast of at least 3 to black and to white (WCAG 2.1, 1.4.11), and any two can be told apart with
each kind of colour blindness. The colours were found by a search under these two conditions, and
`tests/streamer/display/test_screen.py` checks them. A label is never shown by colour alone.
"""

COLOURS = {
    "angry": "#d6796c",
    "bored": "#a13c05",
    "calm": "#25775d",
    "disgust": "#718219",
    "fearful": "#9d2bf0",
    "happy": "#b19106",
    "neutral": "#949499",
    "sad": "#578ef9",
    "surprised": "#c448ac",
}
