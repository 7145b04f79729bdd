"""Training all settings × all seeds at once: `train(spec, split, grid, seeds, …)`."""

from course_lib.engine.models import outputs_of
from course_lib.engine.spec import ModelSpec
from course_lib.engine.training import Training, product, train

__all__ = ["ModelSpec", "Training", "outputs_of", "product", "train"]
