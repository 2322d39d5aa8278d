"""From a folder of EEG recordings to a trained, honestly scored seizure detector."""
