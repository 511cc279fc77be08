"""Telephone calls: the websockets of Twilio, Telnyx, SignalWire and Asterisk, read as sessions of the server."""
