"""From probabilities to events: stitch windows into a track, decide, export."""
