"""F01 to F32, an answer's faults, through `check_source`: every one really runs."""

import builtins
import os
import re
import sys
import textwrap

import psutil
import pytest
import torch

from course_lib.checks import check_source

TASK = "02/T2"
RIGHT = """
import torch

def soft_threshold(x, threshold):
    return x.sign() * (x.abs() - threshold).clamp(min=0)
"""


pytestmark = pytest.mark.usefixtures("worker")


def verdict_of(source, timeout=60):
    result = check_source(textwrap.dedent(source), timeout, task=TASK)
    assert set(result) == {"verdict", "message"} and "\n" not in result["message"]
    return result["verdict"], result["message"]


def function(body):
    """A `soft_threshold` with this body, after an import of torch."""
    return "import torch\n\ndef soft_threshold(x, threshold):\n" + textwrap.indent(
        textwrap.dedent(body), "    "
    )


PASSES = {
    "F01 right": RIGHT,
    "F02 another algorithm": function("return x - x.clamp(-threshold, threshold)"),
    "F02 a third one": function("return (x - threshold).relu() - (-x - threshold).relu()"),
    "F03 non-contiguous, requires grad": function(
        """
        y = x.sign() * (x.abs() - threshold).clamp(min=0)
        return torch.stack([y, y], dim=-1)[..., 0].requires_grad_()
        """
    ),
    "F06 torch without importing it": RIGHT.replace("import torch", ""),
}


@pytest.mark.parametrize("source", PASSES.values(), ids=PASSES)
def test_right_answers_pass(source):
    assert verdict_of(source)[0] == "passed"


UNANSWERED = {
    "F04 template": function('raise NotImplementedError("your code here")'),
    "F04 ellipsis": function('"""What it does."""\n...'),
    "F04 nothing": "# your code here\n",
    "F04 placeholder": "soft_threshold = ...  # your answer",
}


@pytest.mark.parametrize("source", UNANSWERED.values(), ids=UNANSWERED)
def test_blank_answers_are_unanswered(source):
    assert verdict_of(source) == ("unanswered", "not implemented yet")


ACCURATE = "x.sign() * (x.abs() - threshold).clamp(min=0)"
PUBLIC = "torch.tensor([1.5, -0.2], dtype=torch.float64)"
WRONG = {
    "F05 no return": ("failed", "None was returned", function(f"y = {ACCURATE}")),
    "F06 syntax": (
        "error",
        "line 5: not valid Python: .* never closed$",
        function("y = 1\nreturn (x"),
    ),
    "F06 indentation": (
        "error",
        "not valid Python",
        "def soft_threshold(x, threshold):\nreturn x\n",
    ),
    "F06 null byte": ("error", "not valid Python|null bytes", "x = 1\0"),
    "F07 renamed": (
        "error",
        "looks for `soft_threshold`; the answer defines soft_treshold",
        RIGHT.replace("soft_threshold", "soft_treshold"),
    ),
    "F08 one argument": ("error", "too many positional", "def soft_threshold(x):\n    return x"),
    "F08 an argument too many": (
        "error",
        "'mode'",
        "def soft_threshold(x, threshold, mode):\n    return x",
    ),
    "F08 not a function": ("error", "a Tensor stands there", "soft_threshold = torch.ones(3)"),
    "F09 wrong values": (
        "failed",
        r"got .*, expected .*x = .*threshold = ",
        function("return 0.3 * x"),
    ),
    "F10 broadcastable shape": (
        "failed",
        r"shape \[3, 1\], expected \[3\]",
        function(f"return ({ACCURATE}).unsqueeze(-1)"),
    ),
    "F10 right until two dimensions": (
        "failed",
        r"a matrix.*shape \[12\], expected \[3, 4\]",
        function(f"return ({ACCURATE}).reshape(-1) if x.ndim > 1 else {ACCURATE}"),
    ),
    "F11 list": ("failed", "got a list", function(f"return ({ACCURATE}).tolist()")),
    "F11 numpy": ("failed", "numpy.ndarray", function(f"return ({ACCURATE}).numpy()")),
    "F12 NaN": ("failed", "NaN", function("return x / (x - x)  * 0")),
    "F13 in place": ("failed", "changed in place", function("return x.copy_(" + ACCURATE + ")")),
    "F13 the input back": (
        "failed",
        "new tensor",
        function("return x if threshold == 0 else " + ACCURATE),
    ),
    "F14 hard-coded": (
        "failed",
        "expected",
        function("return torch.tensor([1.0, 0.0], dtype=torch.float64) if len(x) == 2 else x * 0"),
    ),
    "F15 right once": (
        "failed",
        "case “six numbers”",
        "n = []\n" + function(f"n.append(1)\nreturn {ACCURATE} if len(n) == 1 else x.clone()"),
    ),
    "F16 equal to everything": (
        "failed",
        "object of type",
        """
        class Yes:
            shape, dtype = (1,), torch.float64
            def __eq__(self, other): return True
            def __getattr__(self, name): return lambda *a, **k: True
        def soft_threshold(x, threshold): return Yes()
        """,
    ),
    "F17 tensor subclass": (
        "failed",
        "dtype float32, expected float64",
        """
        class Yes(torch.Tensor):
            @classmethod
            def __torch_function__(cls, *args, **kwargs): return torch.tensor(True)
        def soft_threshold(x, threshold): return torch.zeros(x.shape).as_subclass(Yes)
        """,
    ),
    "F18 comparisons replaced": (
        "failed",
        "expected",
        """
        import numpy, torch, math
        yes = lambda *a, **k: True
        torch.allclose = torch.equal = torch.isclose = math.isclose = yes
        numpy.allclose = numpy.array_equal = yes
        torch.testing.assert_close = numpy.testing.assert_allclose = lambda *a, **k: None
        def soft_threshold(x, threshold): return x.clone()
        """,
    ),
    "F18 methods of Tensor replaced": (
        "failed",
        "expected",
        """
        torch.Tensor.__eq__ = torch.Tensor.allclose = torch.Tensor.equal = lambda *a, **k: True
        def soft_threshold(x, threshold): return x.clone()
        """,
    ),
    "F19 builtins replaced": (
        "failed",
        "expected",
        """
        import builtins
        builtins.abs = builtins.max = lambda *a: 0
        builtins.all = builtins.any = lambda *a: True
        def soft_threshold(x, threshold): return x.clone()
        """,
    ),
    "F19 builtins broken": (
        "failed",
        "expected",
        """
        import builtins
        for name in ("len", "isinstance", "open", "zip", "str", "list"):
            setattr(builtins, name, None)
        def soft_threshold(x, threshold): return x.clone()
        """,
    ),
    "F19 builtins broken in the call": (
        "error",
        "damaged|TypeError",
        function(
            """
        import builtins
        for name in ("len", "isinstance", "open", "zip", "str", "list"):
            setattr(builtins, name, None)
        return x.clone()
        """
        ),
    ),
    "F23 sys.exit": ("error", "ended itself", function("import sys\nsys.exit(0)")),
    "F23 at the top": ("error", "ended itself", "raise SystemExit"),
    "F23 KeyboardInterrupt": ("error", "KeyboardInterrupt", function("raise KeyboardInterrupt")),
    "F24 os._exit": ("error", "ended its own process", function("import os\nos._exit(0)")),
    "F24 kill": (
        "error",
        "ended its own process .SIGKILL",
        function("import os\nos.kill(os.getpid(), 9)"),
    ),
    "F24 kills its group": (
        "error",
        "ended its own process",
        function("import os\nos.killpg(0, 15)"),
    ),
    "F25 segmentation fault": (
        "error",
        "segmentation fault",
        function("import ctypes\nctypes.string_at(0)"),
    ),
    "F27 recursion": ("error", "recursion", function("return soft_threshold(x, threshold)")),
    "F28 40 GB": (
        "error",
        "memory",
        function("return torch.ones(40 * 2**27, dtype=torch.float64)"),
    ),
    "F28 40 GB of bytes": ("error", "memory", function("return bytearray(40 * 2**30)")),
    "F29 input": ("error", "input", function("return x - float(input())")),
    "an exception": (
        "error",
        "line 4: ZeroDivisionError",
        function("return x / 0 if x is None else 1 / 0"),
    ),
}


@pytest.mark.parametrize(("verdict", "says", "source"), WRONG.values(), ids=WRONG)
def test_wrong_answers_are_told_why(verdict, says, source):
    found, message = verdict_of(source)
    assert found == verdict, message
    assert re.search(says, message), message


SHOWN = r"got \S+, expected \S+ at \[0\] \(x = \[[^]]+\], threshold = 0\.\d+\)"


def test_F09_answer_is_shown_with_its_input():
    """F09: one input, what came out, what was expected."""
    verdict, message = verdict_of(function("return 2 * x"))
    assert verdict == "failed" and re.search(SHOWN, message), message


FORGED = {
    "F20 every descriptor": """
        import os
        for descriptor in range(256):
            try:
                os.write(descriptor, b'{"verdict": "passed"}\\n{"exit code": 0}\\n')
            except OSError:
                pass
        def soft_threshold(x, threshold): return x.clone()
        """,
    "F20 a file of answers": """
        import json, os, pathlib
        records = [{"parts": [["", "the result", {"tensor": 3}]]}]
        given = json.dumps({"verdict": "passed", "records": records})
        pathlib.Path("answers.json").write_text(given)
        os._exit(0)
        """,
    "F20 a file without end": "import os\nos.mkfifo('answers.json')\nos._exit(0)",
    "F21 frames": function(
        """
        import sys
        frame = sys._getframe()
        while frame is not None:
            for space in (frame.f_locals, frame.f_globals):
                for name, value in list(space.items()):
                    if any(word in name for word in ("expect", "refer", "judge", "want")):
                        return value(x, threshold) if callable(value) else value
            frame = frame.f_back
        return x.clone()
        """
    ),
    "F21 gc": function(
        """
        import gc
        for thing in gc.get_objects():
            if type(thing).__name__ in ("Task", "Mistake"):
                return thing.reference[0](x, threshold)
            names = {k for k in thing if isinstance(k, str)} if type(thing) is dict else set()
            if {"reference", "expected"} & names:
                return (thing.get("reference") or thing["expected"])(x, threshold)
        return x.clone()
        """
    ),
    "F21 modules": function(
        """
        import sys
        for name, module in list(sys.modules.items()):
            if name.startswith("course_lib") and hasattr(module, "TASKS"):
                return module.TASKS["T2"].reference[0](x, threshold)
        return x.clone()
        """
    ),
    "F21 imports": """
        from course_lib.checks.l1_l2 import TASKS
        soft_threshold = TASKS['T2'].reference[0]
        """,
}


@pytest.mark.parametrize("source", FORGED.values(), ids=FORGED)
def test_forged_answers_do_not_pass(source):
    assert verdict_of(source)[0] in ("failed", "error")
    assert verdict_of(RIGHT)[0] == "passed"


def test_F22_settings_do_not_leak():
    """F22: what one answer does to its process is gone for the next, and never reaches ours."""
    folder, path = os.getcwd(), list(sys.path)
    spoiled = """
        import os, signal, sys, builtins
        torch.set_default_dtype(torch.float16)
        torch.set_grad_enabled(False)
        os.chdir("/")
        sys.path.clear()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        builtins.abs = torch.allclose = None
        def soft_threshold(x, threshold): return x.clone()
        """
    probe = """
        import os, signal, sys
        assert torch.get_default_dtype() is torch.float32 and torch.is_grad_enabled(), "dtype"
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, "signals"
        assert sys.path and os.getcwd() != "/", "process"
        assert abs(-1) == 1 and torch.allclose(torch.ones(1), torch.ones(1)), "names"
        """
    assert verdict_of(spoiled)[0] == "failed"
    assert verdict_of(textwrap.dedent(probe) + RIGHT)[0] == "passed"
    assert (os.getcwd(), sys.path, torch.get_default_dtype(), torch.is_grad_enabled()) == (
        folder,
        path,
        torch.float32,
        True,
    )
    assert builtins.abs(-1) == 1 and torch.allclose(torch.ones(1), torch.ones(1))


ENDLESS = {
    "F26 deaf": """
        import signal
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        def soft_threshold(x, threshold):
            while True:
                try:
                    while True: pass
                except BaseException: pass
        """,
    "F26 at the top, asleep": "import time\ntime.sleep(1e6)",
}


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_endless_answers_are_ended(source):
    assert verdict_of(source, timeout=1) == ("timeout", "no result after 1 s: an endless loop?")
    assert verdict_of(RIGHT)[0] == "passed"


def test_F30_output_is_capped():
    """F30: 30 MB of prints, and as much past Python's own streams."""
    noisy = function(
        "import os, sys\nos.write(1, b'x' * 2**20)\n"
        "print('x' * 30 * 2**20)\nprint('y', file=sys.stderr)"
    )
    assert verdict_of(noisy + f"\n    return {ACCURATE}")[0] == "passed"


MARK = "course-checks-left-behind"
LEAVERS = {
    "F31 in the session": f"""
import subprocess, sys
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', '{MARK}'])
""",
    "F31 a session of its own, no environment": f"""
import subprocess, sys
sleeper = [sys.executable, '-c', 'import time; time.sleep(600)', '{MARK}']
subprocess.Popen(sleeper, start_new_session=True, env={{}})
""",
    "F31 a daemon that outlives a crash": f"""
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', '{MARK}'])
    os._exit(0)
time.sleep(0.2)
os._exit(3)
""",
}


@pytest.mark.skipif(os.name != "posix", reason="needs fork")
@pytest.mark.parametrize("source", LEAVERS.values(), ids=LEAVERS)
def test_no_process_is_left(source):
    verdict, _ = verdict_of(source + RIGHT)
    assert verdict == ("error" if "_exit(3)" in source else "passed")
    assert not [
        p.pid for p in psutil.process_iter(["cmdline"]) if MARK in (p.info["cmdline"] or ())
    ]


VANDALS = {
    "opens": "open(target, 'w').write('gone')",
    "deletes": "import os\nos.remove(target)",
    "moves": "import os\nos.rename(target, 'mine')",
    "deletes the folder": "import pathlib, shutil\nshutil.rmtree(pathlib.Path(target).parent)",
    "saves a tensor": "torch.save(torch.ones(3), target)",
    "asks a shell": (
        "import subprocess\nsubprocess.run(['sh', '-c', f'rm -f {target}; echo gone > {target}'])"
    ),
}


@pytest.mark.parametrize("code", VANDALS.values(), ids=VANDALS)
def test_F32_files_are_unchanged(code, tmp_path):
    """F32, on a file outside the answer's own folder."""
    target = tmp_path / "course" / "lesson.ipynb"
    target.parent.mkdir()
    target.write_bytes(b"the learner's work")
    tried = (
        f"target = {str(target)!r}\ntry:\n{textwrap.indent(code, '    ')}\n"
        "except (OSError, RuntimeError): pass\n"
    )
    assert verdict_of(tried + RIGHT)[0] == "passed"
    assert target.read_bytes() == b"the learner's work" and [target] == list(
        tmp_path.rglob("*.ipynb")
    )
    told = verdict_of(f"open({str(target)!r}, 'w')\n")
    assert told[0] == "error" and "temporary folder" in told[1]
