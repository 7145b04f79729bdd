"""Tasks of lesson 02. The referee is `torch.nn.functional.softshrink`."""

import torch
from torch.nn.functional import softshrink

from course_lib.checks._task import Mistake, Task, tensors


def soft_threshold_cases(generator):
    """Three numbers (large, small, negative); shapes, dtypes, a threshold of zero and one that takes everything."""

    def case(name, x, threshold):
        return {"name": name, "driver": "call", "arguments": ["x", "threshold"], "args": tensors(x, threshold)}

    def draw(*shape, dtype=torch.float64):
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    def amount():
        return 0.3 + 0.6 * torch.rand((), generator=generator, dtype=torch.float64).item()

    return [
        case("three numbers", torch.tensor([1.5, -0.1, -1.5], dtype=torch.float64) * (1 + draw(3).abs() / 2), amount()),
        case("six numbers", draw(6), amount()),
        case("at the threshold itself", torch.tensor([0.5, -0.5, 0.0], dtype=torch.float64), 0.5),
        case("threshold zero", draw(4), 0.0),
        case("a threshold that takes everything", draw(4), 10.0),
        case("a matrix", draw(3, 4), amount()),
        case("no dimensions", draw(), amount()),
        case("no elements", draw(0, 3), amount()),
        case("four dimensions", draw(2, 3, 1, 2), amount()),
        *(case(f"{dtype}".removeprefix("torch."), draw(5, dtype=dtype), amount()) for dtype in FLOATS),
    ]


FLOATS = (torch.float32, torch.float16, torch.bfloat16)

MISTAKES = (
    Mistake(
        "sign lost",
        "the sign is lost: negative numbers must stay negative, so multiply by the sign of x at the end",
        (lambda x, threshold: (x.abs() - threshold).clamp(min=0),),
    ),
    Mistake(
        "hard threshold",
        "that is the hard threshold: what is kept must also shrink, by the threshold",
        (lambda x, threshold: torch.where(x.abs() > threshold, x, torch.zeros_like(x)),),
    ),
    Mistake(
        "nothing cut off",
        "numbers below the threshold come out on the other side of zero: they must become exactly zero",
        (lambda x, threshold: x - threshold * x.sign(),),
    ),
    Mistake(
        "one side only",
        "only positive numbers are treated: shrink the magnitude, whatever the sign",
        (lambda x, threshold: (x - threshold).clamp(min=0),),
    ),
)

TASKS = {
    "soft_threshold": Task(
        names=("soft_threshold",),
        cases=soft_threshold_cases,
        reference=(softshrink,),
        mistakes=MISTAKES,
        praise="soft_threshold: equal to torch's softshrink in {cases} cases and four dtypes",
        notes={"shares memory": "the result is `x` itself or shares its memory: return a new tensor"},
    )
}
