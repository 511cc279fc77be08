"""Where events and audio are written: records, tables, subtitles, sound files."""
