import pytest

from scratchgpt.errors import UserError
from scratchgpt.training import TrainConfig


def test_defaults_are_nano_gpts_recipe_for_characters():
    config = TrainConfig()
    assert (config.steps, config.batch_size, config.beta2) == (2000, 12, 0.99)
    assert config.lr_at(0) == pytest.approx(1e-3 / 101)
    assert config.lr_at(100) == 1e-3
    assert config.lr_at(2000) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("steps", 1.5),
        ("steps", True),
        ("batch_size", 0),
        ("grad_accum", 0),
        ("checkpoint_interval", 0),
        ("log_interval", 0),
        ("eval_interval", -1),
        ("eval_batches", 0),
        ("sample_interval", -1),
        ("seed", -1),
        ("warmup_steps", -1),
        ("warmup_steps", 2001),
        ("lr", 0.0),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("lr", "fast"),
        ("eps", 0.0),
        ("min_lr", -1e-4),
        ("min_lr", 2e-3),
        ("weight_decay", -0.1),
        ("grad_clip", -1.0),
        ("label_smoothing", -0.1),
        ("precision", "float16"),
        ("precision", None),
        ("label_smoothing", 1.0),
        ("average", -1),
        ("tokens_per_batch", 0),
        ("beta1", 1.0),
        ("beta2", -0.1),
        ("recompute", 1),
        ("schedule", "triangle"),
        ("epochs", 0),
        ("epochs", float("inf")),
        ("epochs", "many"),
        ("schedule", "inverse"),
        ("best", 3),
        ("best", "val_accuracy"),
        ("best_mode", "lowest"),
        ("optimizer", "sgd"),
        ("muon_lr", 0.0),
        ("muon_lr", 0.02),
        ("muon_momentum", 1.0),
        ("muon_momentum", 0.9),
        ("muon_adjust_lr", "match"),
        ("muon_adjust_lr", "match_rms_adamw"),
        ("decay_steps", 0.0),
        ("decay_steps", 0.5),
        ("decay_steps", "long"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name_and_value(name, value):
    with pytest.raises(UserError) as error:
        TrainConfig(**{name: value})
    assert f"{name}={value}" in str(error.value).replace("'", "")
    assert "\n" not in str(error.value)


def test_the_direction_of_the_best_is_inferred_for_losses_alone():
    assert TrainConfig(best="val_margin_loss").best_mode is None
    with pytest.raises(UserError, match="best='f1' needs a direction; set best_mode=max if"):
        TrainConfig(best="f1")


def test_an_unknown_setting_suggests_the_nearest():
    with pytest.raises(UserError, match="'warmup_step'; did you mean 'warmup_steps'"):
        TrainConfig.from_dict({"warmup_step": 3})


def test_settings_survive_the_way_through_a_dictionary():
    config = TrainConfig(lr=3e-4, steps=7, recompute=True)
    assert TrainConfig.from_dict(config.as_dict()) == config


def test_warm_up_of_a_short_run_is_short():
    config = TrainConfig(steps=40)
    assert config.lr_at(1) < config.lr_at(2) == 1e-3 > config.lr_at(3)


def test_a_constant_schedule_stays():
    config = TrainConfig(steps=40, schedule="constant")
    assert config.lr_at(2) == config.lr_at(39) == 1e-3


def test_the_inverse_square_root_warms_up_for_a_tenth_and_at_most_for_the_papers_4000():
    config = TrainConfig(steps=80, schedule="inverse_sqrt")
    assert config.lr_at(6) < config.lr_at(7) == 1e-3 > config.lr_at(8)
    config = TrainConfig(steps=100_000, schedule="inverse_sqrt")
    assert config.lr_at(3999) == 1e-3
    assert config.lr_at(15_999) == pytest.approx(5e-4)


def test_linear_warms_up_for_a_five_hundredth_as_gpt_1_did():
    config = TrainConfig(steps=5000, schedule="linear")
    assert config.lr_at(9) < config.lr_at(10) == pytest.approx(1e-3 * (1 - 10 / 5000))
    assert config.lr_at(4999) == pytest.approx(1e-3 / 5000)


@pytest.mark.parametrize(("decay_steps", "n"), [(None, 8), (0.5, 20), (0.01, 1), (1, 1), (7, 7)])
def test_wsd_decays_in_a_number_or_a_fraction_of_the_steps(decay_steps, n):
    config = TrainConfig(steps=40, schedule="wsd", decay_steps=decay_steps)
    assert config.n_decay == n
    assert config.lr_at(1) < config.lr_at(2) == config.lr_at(40 - n) == 1e-3
    assert config.lr_at(39) == pytest.approx(1e-3 / n)
    assert config.lr_at(40) == 0
    above = TrainConfig(steps=40, schedule="wsd", decay_steps=decay_steps, min_lr=1e-4)
    assert above.lr_at(40) == 1e-4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decay_steps": 41}, "decay_steps=41 is more than steps=40"),
        ({"decay_steps": 2.5}, "decay_steps=2.5 must be a whole number of steps, or a fraction"),
    ],
)
def test_a_decay_that_does_not_fit_is_refused(settings, message):
    with pytest.raises(UserError, match=message):
        TrainConfig(steps=40, schedule="wsd", **settings)


def test_the_rate_of_muon_is_that_of_its_code_or_that_of_adamw():
    muon = {"optimizer": "muon", "lr": 4e-3}
    assert TrainConfig(**muon).muon_lr_ratio == pytest.approx(0.02 / 4e-3)
    assert TrainConfig(**muon, muon_lr=0.1).muon_lr_ratio == pytest.approx(25)
    matched = TrainConfig(**muon, muon_adjust_lr="match_rms_adamw")
    assert matched.muon_lr_ratio == 1
    with pytest.raises(UserError, match=r"muon_lr=0\.1 has no effect with optimizer='adamw'"):
        TrainConfig(muon_lr=0.1)


def test_epochs_are_converted_to_steps():
    config = TrainConfig(epochs=2.5, grad_accum=2)
    assert (config.in_steps(11).steps, config.in_steps(11).epochs) == (14, None)
    assert config.in_steps(1).in_steps(None).steps == 2
    with pytest.raises(UserError, match=r"epochs=2.5 has no effect: this data is not read in"):
        config.in_steps(None)
