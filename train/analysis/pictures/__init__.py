"""Drawings of the analyses, by matplotlib."""
