"""The volume conductor: what 472 cortical dipoles look like at 21 scalp electrodes."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

ELECTRODES = (
    *("Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz", "Pz"),
    *("Fp2", "F4", "C4", "P4", "F8", "T4", "T6", "O2", "A1", "A2"),
)
LEADFIELD_FILE = Path(__file__).with_name("leadfield.npz")
SKULL_S_PER_M = (0.0033, 0.0066, 0.0132)
HEAD_RADIUS_MM = 90.0
TANGENTIAL_SHARE = 0.45
SHARED_MM, SHARED_WIDELY_MM, SHARE_WIDELY = 25.0, 80.0, 0.1
"""Neighbouring sources share activity, and a part of it widely, else neighbouring electrodes
correlate less than real ones do, and distant ones as well."""


@dataclass(frozen=True)
class Head:
    """One patient's head: `leadfield` (electrode, dipole), positions in mm, and distances.

    The leadfield is scaled so that independent unit sources give a mean electrode RMS of 1.
    """

    leadfield: np.ndarray
    electrode_mm: np.ndarray
    dipole_mm: np.ndarray
    distance_mm: np.ndarray

    def mixing(self, weight: np.ndarray, contact: np.ndarray | None = None) -> np.ndarray:
        """Square root (electrode, electrode) of the covariance of weighted, locally shared sources.

        `weight` (dipole,) is the standard deviation of each source, `contact` (electrode,) the
        power of each electrode's own noise beside that of the sources. Scaled to a mean RMS of 1
        over the 19 electrodes of the 10-20 system in average reference.
        """
        shared = (1 - SHARE_WIDELY) * np.exp(-0.5 * (self.distance_mm / SHARED_MM) ** 2)
        shared += SHARE_WIDELY * np.exp(-0.5 * (self.distance_mm / SHARED_WIDELY_MM) ** 2)
        weighted = self.leadfield * weight
        # Not `@`: BLAS sums 472 terms in an order that depends on its number of threads.
        covariance = np.einsum("ek,kd->ed", weighted, shared)
        covariance = np.einsum("ed,fd->ef", covariance, weighted)
        covariance = 0.5 * (covariance + covariance.T)
        if contact is not None:
            covariance += np.diag(contact) * np.diag(covariance).mean()
        centred = centring() @ covariance @ centring().T
        value, vector = np.linalg.eigh(covariance)
        root = (vector * np.sqrt(np.clip(value, 0.0, None))) @ vector.T
        return (root / np.sqrt(np.diag(centred)[:19]).mean()).astype(np.float32)

    def smooth_field(self, rng: np.random.Generator, length_mm: float) -> np.ndarray:
        """A random value of unit variance for every dipole (dipole,) that varies over a length."""
        kernel = np.exp(-0.5 * (self.distance_mm / length_mm) ** 2)
        return np.einsum("dk,k->d", kernel, rng.standard_normal(len(kernel))) / np.sqrt(
            (kernel**2).sum(axis=1)
        )

    def mirrored(self, dipole: int) -> int:
        """The dipole nearest to the mirror image of `dipole` in the other hemisphere."""
        mirror = self.dipole_mm[dipole] * np.array([-1.0, 1.0, 1.0])
        return int(np.argmin(np.linalg.norm(self.dipole_mm - mirror, axis=1)))


def centring() -> np.ndarray:
    """The average-reference operator over the 19 electrodes, applied to all 21."""
    operator = np.eye(len(ELECTRODES))
    operator[:, :19] -= 1.0 / 19.0
    return operator


@cache
def _stored() -> dict[str, np.ndarray]:
    with np.load(LEADFIELD_FILE, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@cache
def dipole_distance_mm() -> np.ndarray:
    """Straight distances (dipole, dipole) in mm."""
    position = _stored()["dipole_mm"].astype(np.float64)
    return np.linalg.norm(position[:, None] - position[None], axis=2)


def patient_head(skull: float, rng: np.random.Generator) -> Head:
    """A head with skull conductivity `skull` (0 to 2, along `SKULL_S_PER_M`) and its own gyri.

    Each dipole is radial plus 0.45 of a tangential direction that changes smoothly over 20 mm.
    """
    stored = _stored()
    low = min(int(skull), len(SKULL_S_PER_M) - 2)
    share = skull - low
    gain = (1 - share) * stored["leadfield"][low] + share * stored["leadfield"][low + 1]
    dipole_mm, distance_mm = stored["dipole_mm"].astype(np.float64), dipole_distance_mm()
    radial = dipole_mm / np.linalg.norm(dipole_mm, axis=1, keepdims=True)
    kernel = np.exp(-0.5 * (distance_mm / 20.0) ** 2)
    smooth = np.einsum("dk,kx->dx", kernel, rng.standard_normal(dipole_mm.shape))
    tangential = smooth - (smooth * radial).sum(axis=1, keepdims=True) * radial
    tangential /= np.linalg.norm(tangential, axis=1, keepdims=True)
    leadfield = np.einsum("edk,dk->ed", gain, radial + TANGENTIAL_SHARE * tangential)
    leadfield /= np.sqrt((leadfield[:19] ** 2).sum(axis=1)).mean()
    return Head(leadfield.astype(np.float32), stored["electrode_mm"], dipole_mm, distance_mm)


def build_leadfield(path: Path = LEADFIELD_FILE) -> None:
    """Compute the stored leadfields with MNE's spherical head model (about 10 s) and write them.

    Source: Berg & Scherg 1994, Electroencephalogr Clin Neurophysiol 90:58, as in MNE; four shells,
    conductivities 0.33, 1, skull and 0.33 S/m.
    """
    import mne

    names = list(ELECTRODES)
    montage = mne.channels.make_standard_montage("standard_1020").get_positions()["ch_pos"]
    directions = np.stack([montage[name] for name in names])
    directions -= np.array([0.0, np.mean(directions[:, 1]), 0.0])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    radius_m = HEAD_RADIUS_MM / 1000.0
    electrode_m = directions * radius_m
    info = mne.create_info(names, 256.0, "eeg")
    positions = dict(zip(names, electrode_m, strict=True))
    info.set_montage(mne.channels.make_dig_montage(positions, coord_frame="head"))
    dipole_m = _upper_sphere(472) * 0.80 * radius_m
    normals = dipole_m / np.linalg.norm(dipole_m, axis=1, keepdims=True)
    dipoles: Any = {"rr": dipole_m, "nn": normals}
    source = mne.setup_volume_source_space(pos=dipoles, verbose="error")
    leadfields = []
    for skull in SKULL_S_PER_M:
        sphere = mne.make_sphere_model(
            (0.0, 0.0, 0.0), radius_m, info, sigmas=(0.33, 1.0, skull, 0.33), verbose="error"
        )
        forward: Any = mne.make_forward_solution(
            info, None, source, sphere, meg=False, eeg=True, mindist=0.0, verbose="error"
        )
        leadfields.append(forward["sol"]["data"].reshape(len(names), -1, 3))
    np.savez_compressed(
        path,
        leadfield=np.stack(leadfields).astype(np.float32),
        electrode_mm=(electrode_m * 1000).astype(np.float32),
        dipole_mm=(dipole_m * 1000).astype(np.float32),
        electrode=np.array(names),
    )


def _upper_sphere(n_points: int, lowest: float = -0.4) -> np.ndarray:
    """Evenly spread unit vectors (point, 3) above `lowest` times the radius, on a golden spiral."""
    index = np.arange(n_points) + 0.5
    height = 1.0 - index / n_points * (1.0 - lowest)
    angle = np.pi * (1.0 + np.sqrt(5.0)) * index
    ring = np.sqrt(1.0 - height**2)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)
