"""The cache: filtered recordings as int16 on disk, one index, memory-mapped windows."""
