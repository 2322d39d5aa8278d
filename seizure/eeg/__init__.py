"""Recordings: reading EDF and annotations, channels by name, filtering."""
