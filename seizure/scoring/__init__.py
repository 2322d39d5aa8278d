"""How good the detected events are: NEDC and SzCORE counting, curves, calibration, report."""
