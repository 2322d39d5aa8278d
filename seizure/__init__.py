"""From a folder of EEG recordings to a trained, honestly scored seizure detector."""

import os

# PyTorch's threads wait for each other thousands of times a step, spinning for milliseconds at a
# time. Where another process has one of the cores, what they wait for does not come meanwhile: a
# step then took 5 s instead of 0.1 s on two cores, and the run looked as if it hung. A short spin
# costs nothing where the cores are free. libgomp reads this once, when torch is imported.
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
    os.environ["GOMP_SPINCOUNT"] = "1000"
