"""Whole networks, one architecture a file, and the specifications of their sizes."""
