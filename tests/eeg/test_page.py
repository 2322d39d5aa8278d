"""A page is what filtering the whole recording gives there, drawn at its place and its scale."""

import numpy as np
import pytest
from matplotlib import pyplot

from seizure.eeg.annotation import Event
from seizure.eeg.channels import CANONICAL_19
from seizure.eeg.edf_annotations import EdfAnnotation
from seizure.eeg.filtering import Preprocessing, filter_recording
from seizure.eeg.page import cut_page, draw_page
from seizure.eeg.recording import Recording


def noise(seconds=200, rate_hz=250.0):
    rng = np.random.default_rng(0)
    drift = np.cumsum(rng.normal(0, 3, (19, int(seconds * rate_hz))), axis=1)
    return Recording((drift + 3000).astype(np.float32), rate_hz, CANONICAL_19)


@pytest.fixture
def drawn():
    """Draws pages and closes them afterwards; gives the axes and the traces in µV."""

    def draw(*arguments, **more):
        axes = draw_page(*arguments, **more).axes[0]
        return axes, [line for line in axes.lines if len(line.get_xdata()) > 2]

    yield draw
    pyplot.close("all")


@pytest.mark.parametrize("phase", ["causal", "zero"])
@pytest.mark.parametrize("rate_hz", [250.0, 256.0, 400.0])
@pytest.mark.parametrize("start_s", [0.0, 3.7, 101.3, 190.0])
def test_a_page_is_what_filtering_the_whole_recording_gives(phase, rate_hz, start_s):
    recording, settings = noise(rate_hz=rate_hz), Preprocessing(phase=phase)
    whole = filter_recording(recording, settings)
    page = cut_page(recording, start_s, 15.0, settings)
    first = round(start_s * 256)
    expected = whole.signal_uv[:, first : first + 15 * 256]
    assert page.signal_uv.shape == expected.shape
    np.testing.assert_allclose(page.signal_uv, expected, atol=0.01)


def test_an_unfiltered_page_is_the_source():
    recording = noise()
    page = cut_page(recording, 10.0, 4.0)
    np.testing.assert_array_equal(page.signal_uv, recording.signal_uv[:, 2500:3500])
    assert page.rate_hz == 250.0


@pytest.mark.parametrize("start_s", [-1.0, 200.0, 1e9, float("nan")])
def test_a_page_outside_the_recording_is_refused(start_s):
    with pytest.raises(ValueError, match="from 0 to 200 s"):
        cut_page(noise(), start_s, 15.0)


def test_traces_are_at_their_scale_and_the_axis_tells_the_time_in_the_recording(drawn):
    time_s = np.arange(2560) / 256
    sine_uv = np.tile(50 * np.sin(2 * np.pi * 3 * time_s), (19, 1)).astype(np.float32)
    page = Recording(sine_uv, 256.0, CANONICAL_19)
    for scale_uv in (50.0, 100.0):
        axes, traces = drawn(page, 120.0, scale_uv=scale_uv)
        assert len(traces) == 19
        for number, trace in enumerate(traces):
            # The axis points down, one line a channel: what is negative is drawn upwards.
            upwards_uv = (number - np.asarray(trace.get_ydata())) * scale_uv
            # MNE leaves out the last sample.
            np.testing.assert_allclose(upwards_uv, -sine_uv[number, :-1], atol=0.01)
        assert axes.yaxis_inverted()
        assert f"{scale_uv:g} µV,\nnegative up" in {text.get_text() for text in axes.texts}
        label = axes.xaxis.get_major_formatter()
        assert [label(tick) for tick in axes.xaxis.get_majorticklocs()] == [
            str(second) for second in range(120, 131)
        ]


def test_what_touches_the_page_is_shaded_where_it_is(drawn):
    page = Recording(np.zeros((19, 2560), np.float32), 256.0, CANONICAL_19)
    events = [Event(95, 103, "fnsz"), Event(50, 60, "absz"), Event(108, 200, "gnsz")]
    remarks = [EdfAnnotation(105.0, None, "eyes $closed$"), EdfAnnotation(90.0, 5.0, "before")]
    axes, _ = drawn(page, 100.0, events, remarks)
    spans = sorted(tuple(patch.get_extents().transformed(axes.transData.inverted()).intervalx)
                   for patch in axes.patches if 0 < patch.get_alpha() < 0.2)  # fmt: skip
    np.testing.assert_allclose(spans, [(0, 3), (5, 5), (8, 10)], atol=1e-6)
    texts = {text.get_text() for text in axes.texts}
    assert {"fnsz", "gnsz", r"eyes \$closed\$"} <= texts
    assert not texts & {"absz", "before"}


def test_estimated_channels_are_grey(drawn):
    page = Recording(np.zeros((19, 2560), np.float32), 256.0, CANONICAL_19, interpolated=("Pz",))
    _, traces = drawn(page)
    colours = [tuple(trace.get_color()) for trace in traces]
    assert len(set(colours)) == 2
    assert [name for name, c in zip(CANONICAL_19, colours, strict=True)
            if colours.count(c) == 1] == ["Pz"]  # fmt: skip
