# Two commands: `make demo` and `make test`. Both build .venv first; nothing else is needed.
# On a plain package index torch is the CUDA build (gigabytes). For the CPU build:
#   make demo TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Processes that share the tests, file by file; 0: this one.
TEST_WORKERS ?= 2
STAMP := $(VENV)/.installed
PROTOS := $(wildcard protos/trimtab/v1/*.proto)
INDEX := $(if $(TORCH_INDEX_URL),--extra-index-url $(TORCH_INDEX_URL))

PROFILE ?= ci
SEED ?= 1

.PHONY: pictures deb deb-smoke demo test venv lint bench promises trial-reruns freeze-gate clean help system-packages

help: ## What can be made here.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

demo: venv ## Start the server on the embedded model and open the desktop client (terminal story without a display).
	@packaging/system-packages.sh
	@$(BIN)/trimtab demo $(DEMO_FLAGS)

test: venv ## Lint, then every test.
	@packaging/system-packages.sh --tests
	@$(MAKE) --no-print-directory lint
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest --numprocesses $(TEST_WORKERS) --dist loadfile $(TEST_FLAGS)

venv: $(STAMP) ## .venv from packaging/constraints.txt.

$(STAMP): pyproject.toml packaging/constraints.txt packaging/build_stubs.py $(PROTOS)
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: sudo apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V). Set PYTHON=python3.11." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "The venv module is missing: sudo apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (first time: a few minutes)"
	@PIP_CONSTRAINT=$(CURDIR)/packaging/constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check $(INDEX) -e '.[all,dev]'
	@touch $(STAMP)

lint: venv
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/buf lint
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache
	@$(BIN)/mypy

bench: venv ## Speed as ratios inside one run (tests/bench/README.md).
	@$(BIN)/trimtab bench --suite cpu

deb: ## dist/trimtab-gui_VERSION_ARCH.deb: the desktop client with its own Python and Qt.
	@packaging/deb/build.sh

deb-smoke: deb ## Install it in a bare Debian chroot and start it there (root).
	@packaging/deb/smoke.sh dist/trimtab-gui_*.deb

clean: ## Remove what was built.
	@rm -rf $(VENV) protos/trimtab_protos/v1 .mypy_cache .ruff_cache .pytest_cache demo.png

system-packages: ## Install Qt's system libraries (root).
	@packaging/system-packages.sh --tests

pictures: venv ## Take the stored pictures of the window anew (tests/gui/golden): look at them before you commit.
	@TRIMTAB_RENEW_PICTURES=1 QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -q tests/gui/test_pictures.py

freeze-gate: venv ## The window under two streams of 2,000 tokens/s and six plots: no gap over 100 ms.
	@QT_QPA_PLATFORM=offscreen $(BIN)/python tests/bench/freeze_gate.py --seconds 30

promises: venv ## Every promise, measured; promises.json (PROFILE=ci or release, SEED=1, ROWS=5,6 for some).
	@PYTHONPATH=tests:tests/e2e QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 $(BIN)/python -m promises \
		--profile $(PROFILE) --seed $(SEED) $(if $(ROWS),--rows $(ROWS))

trial-reruns: venv ## Trials of the sample with other prompts and seeds: is the recommendation right? (RUNS=60, SEED=1)
	@OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m trimtab_server.trials.reruns --runs $(or $(RUNS),60) --seed $(SEED)
