import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from seizure.scoring.ranking import auprc, auroc

frames = st.lists(
    st.tuples(st.integers(0, 8).map(lambda n: n / 8), st.booleans()), min_size=1, max_size=60
)


@given(frames, st.integers(0, 60))
def test_both_areas_equal_scikit_learn_with_ties_in_any_groups(rows, cut):
    p, label = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    groups = [(p[:cut], label[:cut]), (p[cut:], label[cut:])]
    if label.any() and not label.all():
        assert auroc(groups) == pytest.approx(roc_auc_score(label, p), abs=1e-12)
    if label.any():
        assert auprc(groups) == pytest.approx(average_precision_score(label, p), abs=1e-12)


@pytest.mark.parametrize("label", [False, True])
def test_one_class_has_no_auroc(label):
    assert auroc([([0.1, 0.9], [label, label])]) is None


def test_without_a_seizure_there_is_no_auprc():
    assert auprc([([0.1, 0.9], [False, False])]) is None


def test_a_constant_ranks_nothing():
    assert auroc([([0.5] * 4, [True, False, False, False])]) == 0.5
    assert auprc([([0.5] * 4, [True, False, False, False])]) == 0.25


@pytest.mark.parametrize("p", [[0.1], [0.1, np.nan]])
def test_input_that_cannot_be_ranked_raises(p):
    with pytest.raises(ValueError, match=r"labels as probabilities|must be in"):
        auroc([(p, [True, False])])


def test_what_can_be_gone_through_only_once_is_refused():
    with pytest.raises(TypeError, match="more than once"):
        auroc(iter([([0.1, 0.9], [False, True])]))
    with pytest.raises(ValueError, match="no frame"):
        auroc([])
