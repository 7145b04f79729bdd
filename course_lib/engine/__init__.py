"""The engine: a model trained at all settings × all seeds at once, fast enough to watch.

    for training in train(
        ModelSpec((64, 128, 10)), digits(), grid, range(8), steps=300, batch_size=64
    ):
        draw(training)

train       yields a `Training` that fills in: curves, parameters, what has diverged
Training    what is known so far, [seeds, settings, …]
product     every combination of hyper-parameters, as a `grid`
ModelSpec   a multilayer perceptron written down: widths, activation, norm, residual blocks
ConvSpec    strided convolutions on lines
TransformerSpec   one layer that reads tokens and answers with one
outputs_of  what trained models say of rows

Behind them: `training` (seeds over threads, by `workers`) divides a `job` into `chunk`s; a chunk
trains V networks in `lockstep`, which are, as the spec says, `networks` or, with norms and residual
blocks, `layers`, or a `transformer` or a `convolution`, whose specs are a `table` of parameters;
changed by `updates` on the `rows` of a split, watched by `stopping` and `divergence`. `grid` reads
hyper-parameters. `cache` gives one computation to all who ask for it.
"""

from course_lib.engine.convolution import ConvSpec
from course_lib.engine.models import outputs_of
from course_lib.engine.spec import ModelSpec
from course_lib.engine.training import Training, product, train
from course_lib.engine.transformer import TransformerSpec

__all__ = ["ConvSpec", "ModelSpec", "Training", "TransformerSpec", "outputs_of", "product", "train"]
