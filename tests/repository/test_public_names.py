"""What lessons and readers import is there, by the names of the design, and says what it is."""

import importlib
import inspect

import pytest

NAMES = {
    "weight_decay": "add_l2 decay decay_groups convert_strength",
    "sgd": "sgd_update SGD clip_grad_norm step_decay exponential_decay cosine_decay linear_warmup "
    "cyclical one_cycle",
    "adamw": "adam_update adamw_update Adam AdamW",
    "overfitting": "bias_variance generalization_gap EarlyStopping",
    "l1_l2": "l1_penalty l2_penalty elastic_net_penalty soft_threshold proximal_gradient "
    "ProximalSGD",
    "label_smoothing": "smooth_labels cross_entropy expected_calibration_error reliability_curve "
    "temperature_scale CrossEntropyLoss",
    "dropout": "dropout Dropout MCDropout WeightScalingDropout",
    "batchnorm": "batch_norm layer_norm fold_batch_norm BatchNorm1d BatchNorm2d LayerNorm",
    "stochastic_depth": "drop_path survival_probabilities DropPath ResidualBlock",
    "capstone": "repeated_subsampling",
    "elsewhere": "attention attention_weights multi_head_attention rms_norm MultiHeadAttention "
    "RMSNorm",
    "statistics": "mean_interval corrected_interval paired_interval bootstrap_interval "
    "smallest_detectable",
    "data": "digits noisy_sine quadratic Split Table breast_cancer spambase_or_breast_cancer",
}


@pytest.mark.parametrize("stem", NAMES)
def test_the_names_of_the_design_are_there_and_documented(stem):
    module = importlib.import_module(f"course_lib.{stem}")
    for name in NAMES[stem].split():
        assert inspect.getdoc(getattr(module, name)), name


@pytest.mark.parametrize("stem", NAMES)
def test_what_a_topic_says_in_public_it_documents(stem):
    module = importlib.import_module(f"course_lib.{stem}")
    own = {
        name: value
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
    }
    assert not [name for name, value in own.items() if callable(value) and not value.__doc__]
