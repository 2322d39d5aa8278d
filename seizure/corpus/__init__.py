"""Corpora: which recordings exist, whose they are, which split they belong to."""
