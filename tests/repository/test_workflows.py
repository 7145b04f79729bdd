"""What runs elsewhere and cannot run here: workflows, forms and hooks are of the right form."""

import re

import pytest
import yaml
from check_jsonschema import main as check_jsonschema

from tests.repository._project import PROJECT, ROOT, text
from tests.repository.test_dependencies import TOOLS

WORKFLOWS = ".github/workflows/*.yml"
CONFIG = ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml"


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("custom.github-workflows-require-timeout", WORKFLOWS),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/*_*.yml"),
        ("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
        ("vendor.dependabot", ".github/dependabot.yml"),
        ("vendor.citation-file-format", "CITATION.cff"),
    ],
)
def test_a_file_has_the_form_that_its_reader_expects(schema, pattern):
    files = [str(path) for path in sorted(ROOT.glob(pattern))]
    assert files
    assert check_jsonschema(["--builtin-schema", schema, *files], standalone_mode=False) == 0


def test_every_form_is_checked():
    forms = {path for path in CONFIG.parent.iterdir() if "_" in path.name}
    assert forms | {CONFIG} == set(CONFIG.parent.iterdir())


def test_every_python_that_is_claimed_is_run_on_linux():
    jobs = yaml.safe_load(text(".github/workflows/tests.yml"))["jobs"]
    claimed = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert jobs["linux"]["strategy"]["matrix"]["python"] == claimed
    assert PROJECT["requires-python"] == f">={claimed[0]}"
    assert jobs["linux"]["steps"][-1]["run"] == ".ci/run"


def test_hooks_are_local_and_use_the_tools_that_the_tests_install():
    repositories = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    assert [each["repo"] for each in repositories] == ["local"]
    for hook in repositories[0]["hooks"]:
        python, _, tool = hook["entry"].split()[:3]
        assert hook["language"] == "system" and python == "python" and tool in TOOLS


def test_actions_are_pinned_by_commit_beside_their_version():
    used = [line for file in ROOT.glob(WORKFLOWS) for line in file.read_text().splitlines()]
    used = [line for line in used if "uses:" in line]
    assert used and all(re.search(r"@[0-9a-f]{40}  # v\d+\.\d+\.\d+", line) for line in used)


def test_what_ci_installs_is_audited():
    jobs = yaml.safe_load(text(".github/workflows/tests.yml"))["jobs"]
    for job in ("linux", "audit"):
        assert ".ci/requirements.txt" in str(jobs[job]["steps"]), job
