"""`whisper`: a pretrained ear under heads that were trained here; the encoder is the user's own copy."""
