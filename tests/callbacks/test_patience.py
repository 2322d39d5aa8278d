"""A run that has run out of patience is over, also when it is continued."""

from types import SimpleNamespace

import torch

from seizure.callbacks.patience import Patience


def after(scores, patience, state=None):
    """Whether a run stops after these figures of its epochs, and what its checkpoint holds."""
    watch = Patience("val/auroc", patience)
    if state is not None:
        watch.load_state_dict(state)
    trainer = SimpleNamespace(
        fast_dev_run=False,
        should_stop=False,
        current_epoch=0,
        strategy=SimpleNamespace(reduce_boolean_decision=lambda decision, all: decision),
    )
    watch.on_train_start(trainer, None)
    for score in scores:
        trainer.callback_metrics = {"val/auroc": torch.tensor(score)}
        watch._run_early_stopping_check(trainer)
    return trainer.should_stop, watch.state_dict()


def test_a_continued_run_waits_for_what_is_left_of_its_patience():
    stops, state = after([0.8, 0.7], patience=2)
    assert not stops
    assert after([0.7], patience=2, state=state)[0]
    assert not after([0.9], patience=2, state=state)[0]


def test_a_run_that_was_to_stop_learns_no_epoch_more():
    stops, state = after([0.8, 0.7, 0.7], patience=2)
    assert stops
    assert after([], patience=2, state=state)[0]
    assert not after([], patience=3, state=state)[0]


def test_a_run_whose_figure_was_lost_does_not_go_on():
    stops, state = after([0.8, float("nan")], patience=5)
    assert stops
    assert after([], patience=5, state=state)[0]
