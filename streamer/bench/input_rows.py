"""The files that `emoscope bench inputs` makes of a recording: every container and codec that ffmpeg writes."""

from dataclasses import dataclass

PICTURE = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=5", "-shortest", "-c:v", "mpeg4")
STREAM = "|"  # ffmpeg writes to a pipe, and so cannot go back to the header


@dataclass(frozen=True)
class Row:
    """One file.

    container  what it is called
    codec      what its sound is encoded with
    suffix     of its name
    options    of ffmpeg; `STREAM` among them stands for a pipe
    """

    container: str
    codec: str
    suffix: str
    options: tuple[str, ...]


def _rows(container: str, suffix: str, *codecs: str) -> list[Row]:
    """A row for each of `codecs`: what it is called, then ffmpeg's options, all separated by spaces."""
    found = []
    for codec in codecs:
        name, _, options = codec.partition(": ")
        found.append(Row(container, name, suffix, tuple(options.split())))
    return found


ROWS = [
    *_rows(
        "WAV", "wav", "PCM 8 bit: -c:a pcm_u8", "PCM 16 bit: -c:a pcm_s16le", "PCM 24 bit: -c:a pcm_s24le",
        "PCM 32 bit: -c:a pcm_s32le", "float 32 bit: -c:a pcm_f32le", "float 64 bit: -c:a pcm_f64le",
        "PCM, 6 kHz: -ar 6000", "PCM, 8 kHz: -ar 8000", "PCM, 11.025 kHz: -ar 11025", "PCM, 44.1 kHz: -ar 44100",
        "PCM, 96 kHz: -ar 96000", "PCM, 192 kHz: -ar 192000", "PCM, 384 kHz: -ar 384000", "PCM, 2 channels: -ac 2",
        "PCM, 6 channels: -ac 6", "PCM, written to a pipe: -f wav |", "PCM, RF64: -rf64 always",
        "mu-law: -ar 8000 -c:a pcm_mulaw", "A-law: -ar 8000 -c:a pcm_alaw", "MS ADPCM: -c:a adpcm_ms",
        "IMA ADPCM: -c:a adpcm_ima_wav", "Yamaha ADPCM: -c:a adpcm_yamaha",
        "G.726: -ar 8000 -c:a g726 -b:a 32k", "G.722: -c:a g722", "GSM: -ar 8000 -c:a libgsm_ms",
        "MP3: -c:a libmp3lame", "AC-3: -ar 32000 -c:a ac3", "WMA 2: -c:a wmav2",
    ),
    *_rows("Wave64", "w64", "PCM 16 bit: -c:a pcm_s16le"),
    *_rows("AIFF", "aiff", "PCM 16 bit: -c:a pcm_s16be", "PCM 24 bit: -c:a pcm_s24be"),
    *_rows("AIFF-C", "aifc", "mu-law: -f aiff -ar 8000 -c:a pcm_mulaw", "float 32 bit: -f aiff -c:a pcm_f32be"),
    *_rows("Sun AU", "au", "PCM 16 bit: -c:a pcm_s16be", "mu-law: -ar 8000 -c:a pcm_mulaw"),
    *_rows("CAF", "caf", "PCM 16 bit: -c:a pcm_s16be", "ALAC: -c:a alac", "IMA ADPCM: -c:a adpcm_ima_qt",
           "Opus: -c:a libopus"),
    *_rows("VOC", "voc", "PCM 16 bit: -c:a pcm_s16le", "PCM 8 bit: -c:a pcm_u8"),
    *_rows("FLAC", "flac", "FLAC: -c:a flac", "FLAC, 24 bit: -c:a flac -sample_fmt s32"),
    *_rows("TTA", "tta", "True Audio: -c:a tta"),
    *_rows("WavPack", "wv", "WavPack: -c:a wavpack"),
    *_rows("MP3", "mp3", "MP3: -c:a libmp3lame", "MP3, 128 kbit/s: -c:a libmp3lame -b:a 128k -ar 44100",
           "MP3, variable: -q:a 5", "MP3 without a Xing header: -write_xing 0",
           "MP3, variable, no Xing: -q:a 5 -write_xing 0", "MP3, 24 kHz: -ar 24000", "MP3, 8 kHz: -ar 8000"),
    *_rows("MP2", "mp2", "MP2: -c:a mp2"),
    *_rows("Ogg", "ogg", "Vorbis: -c:a libvorbis", "Opus: -c:a libopus", "FLAC: -c:a flac"),
    *_rows("Ogg", "opus", "Opus, 16 kbit/s: -c:a libopus -b:a 16k"),
    *_rows("Ogg", "spx", "Speex, 16 kHz: -c:a libspeex", "Speex, 8 kHz: -ar 8000 -c:a libspeex"),
    *_rows("ADTS", "aac", "AAC: -c:a aac"),
    *_rows("MP4", "m4a", "AAC: -c:a aac", "ALAC: -c:a alac", "AAC, fragmented: -c:a aac -movflags frag_keyframe"),
    *_rows("MP4", "mp4", f"AAC beside a picture: {' '.join(PICTURE)} -c:a aac",
           "Opus: -c:a libopus", "FLAC: -c:a flac -strict -2", "AC-3: -ar 32000 -c:a ac3", "MP3: -c:a libmp3lame"),
    *_rows("QuickTime", "mov", "PCM 16 bit: -c:a pcm_s16le", f"AAC beside a picture: {' '.join(PICTURE)} -c:a aac",
           "IMA ADPCM: -c:a adpcm_ima_qt", "mu-law: -ar 8000 -c:a pcm_mulaw"),
    *_rows("3GP", "3gp", "AAC: -c:a aac", "AMR: -c:a amr_nb"),
    *_rows("AMR", "amr", "AMR: -c:a amr_nb"),
    *_rows("WebM", "webm", "Opus: -c:a libopus", "Vorbis: -c:a libvorbis",
           "Opus, as a browser records: -c:a libopus -live 1"),
    *_rows("Matroska", "mkv", "Opus: -c:a libopus", "FLAC: -c:a flac", "PCM 16 bit: -c:a pcm_s16le", "AAC: -c:a aac",
           "Vorbis: -c:a libvorbis", f"MP3 beside a picture: {' '.join(PICTURE)} -c:a libmp3lame",
           "DTS: -ar 48000 -c:a dca -strict -2", "TrueHD: -ar 48000 -ac 2 -c:a truehd -strict -2",
           "E-AC-3: -ar 48000 -c:a eac3"),
    *_rows("AVI", "avi", f"MP3 beside a picture: {' '.join(PICTURE)} -c:a libmp3lame",
           f"PCM beside a picture: {' '.join(PICTURE)} -c:a pcm_s16le"),
    *_rows("MPEG-TS", "ts", "MP2: -c:a mp2", "AAC: -c:a aac", "AC-3: -ar 48000 -c:a ac3", "Opus: -c:a libopus"),
    *_rows("MPEG-PS", "mpg", f"MP2 beside a picture: {' '.join(PICTURE[:-2])} -c:v mpeg1video -r 25 -ar 44100 "
           "-c:a mp2"),
    *_rows("ASF", "wma", "WMA 1: -c:a wmav1", "WMA 2: -c:a wmav2"),
    *_rows("ASF", "wmv", f"WMA 2 beside a picture: {' '.join(PICTURE[:-1])} wmv2 -c:a wmav2"),
    *_rows("AC-3", "ac3", "AC-3: -ar 48000 -c:a ac3"),
    *_rows("E-AC-3", "eac3", "E-AC-3: -ar 48000 -c:a eac3"),
    *_rows("DTS", "dts", "DTS: -ar 48000 -c:a dca -strict -2"),
    *_rows("Flash", "flv", "AAC: -ar 44100 -c:a aac", "MP3: -ar 44100 -c:a libmp3lame",
           "Nellymoser: -ar 8000 -c:a nellymoser"),
    *_rows("RealMedia", "rm", "RealAudio 1: -ar 8000 -c:a real_144", "AC-3: -ar 32000 -c:a ac3"),
    *_rows("MXF", "mxf", f"PCM beside a picture: {' '.join(PICTURE[:-2])} -c:v mpeg2video -r 25 -ar 48000 "
           "-c:a pcm_s16le"),
]  # fmt: skip
