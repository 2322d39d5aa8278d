"""Building blocks of the networks: scans, convolutions, graphs and encodings, on plain tensors."""
