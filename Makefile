# make course · make test · make test-all · make faults · make release-check · make notebooks · make site · make bench
# make clean
# Needs Python 3.10 or newer and make; everything else lands in .venv. Another Python: make course PYTHON=/path/to/python3.12

PYTHON    ?= python3
TORCH     ?= 2.13.0
CPU_INDEX ?= https://download.pytorch.org/whl/cpu
ARGS      ?=

ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PY  := $(BIN)/python
# Not -q: what pip says shows that something goes on. Python compiles what is used when it first is; pip would compile all.
PIP := $(PY) -m pip --disable-pip-version-check install --no-compile -c constraints.txt
PINS := pyproject.toml constraints.txt Makefile

course: .venv/.course
	$(PY) -m course_lib lab $(ARGS)

# Everything in one pytest run, so that its closing line counts everything. It starts hundreds of processes: what one has
# compiled is kept for the others, also where PYTHONDONTWRITEBYTECODE is set.
test: .venv/.test
	COURSE_HEADLESS=1 OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

# The same tests with many draws, kernels, pages and minutes where `make test` has few: an hour and more.
test-all: export COURSE_MANY := 1
test-all: export PYTEST_TIMEOUT := 1800
test-all: override ARGS += --nbval-cell-timeout=1700
test-all: test

# Before a release: every measured claim judged on fresh seeds (course replicate), and no text against its record.
release-check: .venv/.course
	$(PY) -m course_lib replicate --check

# The faults that the course has to bear, one by one; the last line counts those it does.
faults: .venv/.test
	COURSE_HEADLESS=1 OMP_NUM_THREADS=1 $(PY) -m pytest -q tests/faults $(ARGS)

notebooks: .venv/.course
	$(PY) -m course_lib build $(ARGS)

site: .venv/.site                     # the pages in build/site; what was drawn before is kept in build/frozen
	OMP_NUM_THREADS=1 $(PY) -m course_lib site $(ARGS)

bench: .venv/.bench
	$(PY) -m bench $(ARGS)

clean:                                # what runs leave behind; the environment too: rm -r .venv
	rm -rf build *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name .venv -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

.venv/.torch: $(PINS)
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 10) and f'Python 3.10 or newer is needed, this is \
	{sys.version.split()[0]}. Name another: make PYTHON=/path/to/python3.12')"
	@test -x $(PY) || { echo "creating .venv"; $(PYTHON) -m venv .venv; }
	@echo "1 of 2: torch $(TORCH), the largest part: half a minute to some minutes"
	@$(torch)
	@touch $@

.venv/.course: .venv/.torch
	@echo "2 of 2: JupyterLab and the course"
	@$(PIP) -e .
	@touch $@

.venv/.test: .venv/.course
	@echo "installing what the tests need"
	@$(PIP) -e '.[test,site]'
	@touch $@

.venv/.site: .venv/.course
	@echo "installing what makes the pages"
	@$(PIP) -e '.[site]'
	@touch $@

.venv/.bench: .venv/.course
	@echo "installing what the benchmarks need"
	@$(PIP) -e '.[bench]'
	@touch $@

# The CPU build is a tenth of the default one on Linux. Elsewhere, or with an NVIDIA GPU, the default build is the right one;
# so it is where PyTorch's index of CPU builds does not answer within a few seconds.
ANSWERS := import urllib.request as u; u.urlopen("$(CPU_INDEX)/torch/", timeout=5).close()
define torch
if [ "$$(uname -s)" = Linux ] && ! nvidia-smi -L >/dev/null 2>&1 && timeout 10 $(PY) -c '$(ANSWERS)' 2>/dev/null; \
then $(PIP) --no-deps --index-url $(CPU_INDEX) torch==$(TORCH) || $(PIP) torch==$(TORCH); \
else $(PIP) torch==$(TORCH); fi
endef

.PHONY: course test test-all faults release-check notebooks site bench clean
