"""Beside the figures of an evaluation: pages of its mistakes, and its tracks on disk."""
