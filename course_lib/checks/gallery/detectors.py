"""T4–T12 of lesson 09: a detector for the fault of each exhibit, and the slips of detectors."""

import contextlib
import io
import itertools

import torch

from course_lib.checks.gallery.exhibits import EXHIBITS, MENDED, UNSETTLED
from course_lib.checks.judge.cases import whole
from course_lib.checks.judge.scripts import run
from course_lib.checks.judge.task import Mistake, Task


def exhibit_cases(exhibit, tells=None, variant=MENDED):
    """Every variant of an exhibit, each started from a seed of its own.

    tells(*what a detector is given): seeds of that variant are drawn until it is true.
    """

    def makes(text):
        with (
            torch.random.fork_rng(devices=[]),  # scripts set the seed, and print
            contextlib.redirect_stdout(io.StringIO()),
        ):
            return map(run(text).get, exhibit.takes)

    def script(name, generator):
        texts = (exhibit.text(name, whole(generator, 1, 10**6)) for _ in itertools.count())
        if tells is None or name != variant:
            return next(texts)
        return next(text for text in texts if tells(*makes(text)))

    def cases(generator):
        return [
            {
                "name": name,
                "driver": "exhibit",
                "takes": list(exhibit.takes),
                "script": script(name, generator),
            }
            for name in exhibit.variants()
        ]

    return cases


def detector_task(exhibit, name, detector, mistakes, never=True, cases=None):
    """The task of an exhibit; `mistakes`: (name, hint, detector), beside those of any detector.

    never: one of `mistakes` is never True, and says why; else a general one covers that. `cases`:
    others than every variant from any seed.
    """
    general = [
        ("always True", ALWAYS, lambda *made: True),
        ("reversed", REVERSED, lambda *made: not detector(*made)),
    ]
    if never:
        general.append(("always False", NEVER, lambda *made: False))
    return Task(
        names=(name,),
        cases=cases or exhibit_cases(exhibit),
        reference=(detector,),
        mistakes=tuple(
            Mistake(title, hint, (wrong,)) for title, hint, wrong in (*general, *mistakes)
        ),
        praise=name
        + ": right about {cases} scripts, with the fault, mended, and with other faults",
    )


ALWAYS = "it says True of the mended script too: an alarm that always rings is switched off"
REVERSED = "it is the wrong way round: True means that the fault is there"
NEVER = "it says False even of the script as it was found"


def pull(penalised_loss, model, x, y, **strength):
    """The gradient of the weight under these strengths."""
    return torch.autograd.grad(penalised_loss(model, x, y, **strength), model.weight)[0]


def value(penalised_loss, model, x, y, **strength):
    """The loss under these strengths."""
    return penalised_loss(model, x, y, **strength).detach()


def off(*names, of=pull):
    """A detector that tries these penalties one by one."""

    def penalty_is_off(*made):
        return any(torch.equal(of(*made), of(*made, **{name: 0.5})) for name in names)

    return penalty_is_off


def _off_together(*made):
    return torch.equal(pull(*made), pull(*made, l1=0.5, l2=0.5))


def _not_as_strong_as_asked(*made):
    model = made[1]
    wanted = pull(*made) + 0.5 * model.weight.sign(), pull(*made) + model.weight
    return not all(
        torch.allclose(pull(*made, **{name: 0.5}), g, atol=1e-5)
        for name, g in zip(("l1", "l2"), wanted)
    )


L1_TOO = "L1 alone is not tried: it can be off while L2 is on"
L2_TOO = "L2 alone is not tried: it can be off while L1 is on"

T4 = detector_task(
    EXHIBITS["penalty"],
    "penalty_is_off",
    off("l1", "l2"),
    (
        (
            "both at once",
            "with both penalties at once the script is right: try each one alone",
            _off_together,
        ),
        ("L1 not tried", L1_TOO, off("l2")),
        ("L2 not tried", L2_TOO, off("l1")),
        ("L1 not tried, by the value", L1_TOO, off("l2", of=value)),
        ("L2 not tried, by the value", L2_TOO, off("l1", of=value)),
        (
            "by the value of the loss",
            "it looks at the value of the loss: a penalty without a gradient is in there too, and "
            "pulls at nothing; "
            "compare gradients",
            off("l1", "l2", of=value),
        ),
        (
            "any wrong strength",
            "a penalty that is too weak is another fault: this detector asks whether it pulls at "
            "all",
            _not_as_strong_as_asked,
        ),
    ),
)


def _rate_unchanged(optimizer, scheduler):
    return optimizer.param_groups[0]["lr"] == scheduler.base_lrs[0]


T5 = detector_task(
    EXHIBITS["schedule"],
    "scheduler_never_stepped",
    lambda optimizer, scheduler: scheduler.last_epoch == 0,
    (
        (
            "by the learning rate",
            "it goes by the learning rate: that may have been changed by hand, and a schedule may "
            "stand still for some "
            "epochs; ask the scheduler how often it was stepped",
            _rate_unchanged,
        ),
        (
            "by the scheduler's last rate",
            "it asks whether the rate is still the first one: a schedule may rest for a while; ask "
            "the scheduler how often it was stepped",
            lambda optimizer, scheduler: scheduler.get_last_lr() == scheduler.base_lrs,
        ),
        (
            "fewer steps than epochs",
            "a run of three epochs is no fault: `last_epoch` is 0 only if `step()` was never "
            "called",
            lambda optimizer, scheduler: scheduler.last_epoch < 12,
        ),
    ),
)

T6 = detector_task(
    EXHIBITS["truncated"],
    "holds_whole_numbers_only",
    lambda test_error: test_error.dtype.kind in "iub",
    (
        (
            "by the values",
            "it goes by the values: errors can be whole numbers by chance, or because they are "
            "counts; ask for the "
            "type, `dtype`",
            lambda test_error: (test_error == test_error.round()).all(),
        ),
        (
            "all zero",
            "not every truncated error is 0: in percent they look quite right",
            lambda test_error: (test_error == 0).all(),
        ),
        (
            "64 bits only",
            "whole numbers come in 8, 16, 32 and 64 bits, with a sign and without: ask for the "
            "kind of type",
            lambda test_error: test_error.dtype == "int64",
        ),
        (
            "signed only",
            'unsigned whole numbers truncate too: their kind is "u"',
            lambda test_error: test_error.dtype.kind == "i",
        ),
    ),
)


def _common(a, b):
    return bool(set(a.tolist()) & set(b.tolist()))


SOME_ROWS = (
    "the rows can be the same in another order, or only some of them: ask whether the two have "
    "any row in common"
)

T7 = detector_task(
    EXHIBITS["stopping"],
    "stops_on_test_rows",
    lambda train, stop_on, test: _common(stop_on, test),
    (
        ("the same tensor", SOME_ROWS, lambda train, stop_on, test: torch.equal(stop_on, test)),
        (
            "the same set",
            SOME_ROWS,
            lambda train, stop_on, test: set(stop_on.tolist()) == set(test.tolist()),
        ),
        (
            "all of them",
            "one test row among those that decide is one too many: any common row counts, not only "
            "all of them",
            lambda train, stop_on, test: set(stop_on.tolist()) <= set(test.tolist()),
        ),
        (
            "any leak",
            "stopping on training rows is another fault: this detector asks for test rows",
            lambda train, stop_on, test: _common(stop_on, test) or _common(stop_on, train),
        ),
        (
            "by their number",
            "equally many rows are not the same rows",
            lambda train, stop_on, test: len(stop_on) == len(test),
        ),
    ),
)


def depends_on(sizes, differ=lambda a, b: not torch.isclose(a, b, rtol=1e-4)):
    """A detector that tries these batch sizes."""

    def depends_on_batches(evaluate, model, x, y):
        whole = evaluate(model, x, y, len(x))
        return any(differ(evaluate(model, x, y, size), whole) for size in sizes)

    return depends_on_batches


def _not_the_rmse(evaluate, model, x, y):
    rmse = (model(x) - y).square().mean().sqrt()
    return any(
        not torch.isclose(evaluate(model, x, y, size), rmse, rtol=1e-4) for size in (7, len(x))
    )


def _rounds(evaluate, model, x, y):
    """True if the last digit differs at batch sizes that leave a short batch."""
    whole = evaluate(model, x, y, 60)
    return all(evaluate(model, x, y, size) != whole for size in (7, 59))


T8 = detector_task(
    EXHIBITS["batches"],
    "depends_on_batches",
    depends_on((7,)),
    cases=exhibit_cases(EXHIBITS["batches"], tells=_rounds),
    mistakes=(
        (
            "batches that fit",
            "the size of the batches divides the number of rows: try one that leaves a short batch "
            "at the end",
            depends_on((20, 30)),
        ),
        (
            "equality to the last digit",
            "sums in another order differ in the last digit, and that is no fault: compare with a "
            "tolerance, "
            "`torch.isclose` or `math.isclose`",
            depends_on(range(1, 60), differ=lambda a, b: a != b),
        ),
        (
            "any wrong figure",
            "a forgotten root is another fault: this detector asks whether the figure depends on "
            "the batches",
            _not_the_rmse,
        ),
    ),
)


def adam_decays(
    groups=lambda optimizer: optimizer.param_groups, kinds=("Adam",), more_than=0.0, decay=True
):
    """A detector for coupled decay, with its screws."""

    def decay_is_coupled(optimizer):
        strong = [
            g["weight_decay"] > more_than and not g.get("decoupled_weight_decay")
            for g in groups(optimizer)
        ]
        return type(optimizer).__name__ in kinds and (any(strong) or not decay)

    return decay_is_coupled


def _any_decay(optimizer, kinds=("Adam", "AdamW", "SGD"), groups=None):
    return type(optimizer).__name__ in kinds and any(
        g["weight_decay"] > 0 for g in groups or optimizer.param_groups
    )


A_SUBCLASS = (
    "AdamW is taken for Adam: in recent versions it is a subclass, so `isinstance` says True of "
    "both; compare the type "
    "itself"
)

T9 = detector_task(
    EXHIBITS["coupled"],
    "decay_is_coupled",
    adam_decays(),
    (
        (
            "AdamW counted as Adam",
            A_SUBCLASS,
            lambda optimizer: _any_decay(optimizer, ("Adam", "AdamW")),
        ),
        (
            "AdamW counted as Adam, one group only",
            A_SUBCLASS,
            lambda optimizer: _any_decay(optimizer, ("Adam", "AdamW"), optimizer.param_groups[:1]),
        ),
        (
            "Adam or AdamW, whatever the decay",
            A_SUBCLASS,
            lambda optimizer: "Adam" in type(optimizer).__name__,
        ),
        (
            "any decay",
            "any weight decay rings the alarm: in AdamW it is decoupled, and under plain SGD the "
            "two are the same",
            _any_decay,
        ),
        (
            "SGD counted as well",
            "under plain SGD the two are the same (lesson 03): only what divides by √v makes them "
            "differ",
            lambda optimizer: _any_decay(optimizer, ("Adam", "SGD")),
        ),
        (
            "Adam without decay",
            "Adam without weight decay has nothing to couple: ask for `weight_decay` too",
            adam_decays(decay=False),
        ),
        (
            "one group only",
            "only the first group, or the default, is looked at: each of `param_groups` has its "
            "own weight decay",
            adam_decays(groups=lambda optimizer: optimizer.param_groups[:1]),
        ),
        (
            "the switch overlooked",
            "Adam itself can decouple its decay: look at `decoupled_weight_decay` of each group",
            lambda optimizer: _any_decay(optimizer, ("Adam",)),
        ),
        (
            "strong decay only",
            "a weak decay is coupled just as well: anything above 0 counts",
            adam_decays(more_than=0.05),
        ),
    ),
)


def remembers(
    rows=(1.0, 2.0, 4.0), momentum=1.0, right=False, rtol=1e-4, expect=lambda var, momentum: var
):
    """A detector that feeds one batch of one feature, with its screws."""

    def remembers_biased(Norm):
        norm, x = (
            Norm(1) if momentum is None else Norm(1, momentum=momentum),
            torch.tensor(rows).unsqueeze(1),
        )
        norm(x)
        if right:
            return not torch.allclose(norm.running_var, x.var(0), rtol=rtol)
        return torch.allclose(norm.running_var, expect(x.var(0, correction=0), momentum), rtol=rtol)

    return remembers_biased


def _by_the_output(Norm):
    x = torch.tensor([[1.0], [2.0], [4.0]])
    return torch.allclose(Norm(1)(x).var(0, correction=0), torch.ones(1), rtol=1e-2)


T10 = detector_task(
    EXHIBITS["remembered"],
    "remembers_biased_variance",
    remembers(),
    (
        (
            "its first value",
            "a variance of 1 is what the memory starts with, so that it proves nothing: feed it a "
            "batch with another one",
            remembers(rows=(0.0, 2.0), rtol=1e-3),
        ),
        (
            "any deviation",
            "a reversed momentum is another fault: compare with what the biased variance would "
            "give, not only with "
            "what is right",
            remembers(right=True),
        ),
        (
            "by the output",
            "it looks at the output, for which n is the right divisor: look at `running_var`",
            _by_the_output,
        ),
        (
            "the momentum taken for granted",
            "it takes a momentum of 0.1 for granted: pass one, and with momentum=1 the memory is "
            "the last batch",
            remembers(momentum=None, expect=lambda var, _: 0.9 + 0.1 * var),
        ),
        (
            "a batch too large",
            "with many rows n and n − 1 are nearly the same, so the mended norm rings too: feed it "
            "two or three",
            remembers(rows=tuple(torch.linspace(1, 4, 4000).square().tolist()), rtol=1e-2),
        ),
    ),
)


def mismatched(decay=1.0, other=None, differ=lambda a, b: not torch.allclose(a, b, atol=1e-3)):
    """A detector that trains both at these strengths."""

    def strengths_differ(from_scratch, concise, x, y):
        return differ(from_scratch(x, y, decay if other is None else other), concise(x, y, decay))

    return strengths_differ


def _nearly_settled(from_scratch, concise, x, y):
    """True if the last digit differs at decay 1, and no digit that counts at a weak one.

    A slow rate leaves (1 − lr·curvature)⁴⁰ of the way to go, most where the decay is weak: there a
    right detector would otherwise be refused by chance.
    """
    one, weak = ((from_scratch(x, y, s) - concise(x, y, s)).abs().max() for s in (1.0, 0.1))
    return one > 0 and weak < 5e-4


T11 = detector_task(
    EXHIBITS["halved"],
    "strengths_differ",
    mismatched(),
    cases=exhibit_cases(EXHIBITS["halved"], tells=_nearly_settled, variant=UNSETTLED),
    mistakes=(
        (
            "without decay",
            "it says False of everything: without decay both end at the same weights, whatever the "
            "loss is multiplied "
            "by, so compare them with decay on",
            mismatched(decay=0.0),
        ),
        (
            "to the last bit",
            "the same strength ends at the same weights up to rounding and the last steps: compare "
            "with a tolerance",
            mismatched(differ=lambda a, b: not torch.equal(a, b)),
        ),
        (
            "half and nothing else",
            "it finds a factor of two only: ask whether the same strength gives the same weights",
            mismatched(other=0.5, differ=lambda a, b: torch.allclose(a, b, atol=1e-3)),
        ),
    ),
    never=False,
)


def rows_differ(parts=("train", "test"), as_seen=set, differ=lambda a, b: a != b):
    """A detector that compares these parts of the runs."""

    def trained_on_other_data(runs):
        return any(differ(*(as_seen(run[part]) for run in runs.values())) for part in parts)

    return trained_on_other_data


NOT_TESTED = "the test rows are not compared"

T12 = detector_task(
    EXHIBITS["other data"],
    "on_other_data",
    rows_differ(),
    (
        (
            "the order counts",
            "the same rows in another order are the same data: compare sets",
            rows_differ(as_seen=list),
        ),
        ("test rows not compared", NOT_TESTED, rows_differ(parts=("train",))),
        (
            "test rows not compared, the order counts",
            NOT_TESTED,
            rows_differ(parts=("train",), as_seen=list),
        ),
        (
            "training rows not compared",
            "the training rows are not compared",
            rows_differ(parts=("test",)),
        ),
        ("by their number", "equally many rows are not the same rows", rows_differ(as_seen=len)),
        (
            "some in common",
            "it says False even of the script as it was found: a few rows in common do not make it "
            "the same data, the "
            "two sets must be equal",
            rows_differ(differ=lambda a, b: not a & b),
        ),
    ),
    never=False,
)

TASKS = {
    "T4": T4,
    "T5": T5,
    "T6": T6,
    "T7": T7,
    "T8": T8,
    "T9": T9,
    "T10": T10,
    "T11": T11,
    "T12": T12,
}
