# Everything runs in an environment of its own under .venv; PYTHON chooses the interpreter it is made from.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := $(shell grep '^torch==' constraints.txt)
PYTEST_WORKERS ?= 2

.PHONY: quickstart test torture check bench bench-peer docs dist clean
.DEFAULT_GOAL := test

# The first run: environment, then the whole job on the bundled model, offline, on a CPU.
quickstart: $(VENV)/.train
	@$(BIN)/forgelm quickstart --output build/quickstart-$$(date +%Y%m%d-%H%M%S)/config.yaml

test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS)

# The exhaustive tests, and those against the clock: minutes, on a quiet machine.
torture: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m torture
	OMP_NUM_THREADS=1 HYPOTHESIS_PROFILE=searching $(BIN)/python -m pytest tests/audit tests/data tests/config

# Lint, types, layers: what needs no model.
check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Each prints ratios against a named peer, measured in the same run.
bench: $(VENV)/.dev
	$(BIN)/python -m bench

# The existing package that the audit is measured against, in an environment of its own; torch first and by version.
bench-peer: build/peer/.done

build/peer/.done: constraints.txt
	$(PYTHON) -m venv build/peer
	build/peer/bin/python -m pip install --quiet $(TORCH)
	build/peer/bin/python -m pip install --quiet forgelm==0.11.1 datasketch==2.0.0 rensa==0.5.0 langdetect xxhash
	@touch $@

# The generated pages of docs/; tests fail when they are out of date.
docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py
	$(BIN)/python -m bench.detection

dist: $(VENV)/.dev
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf $(VENV) build dist

# torch is asked for first and by version: left to a dependency, pip may fetch a build of several gigabytes.
$(VENV)/.train: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[train]'
	@touch $@

$(VENV)/.dev: $(VENV)/.train
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[train,qlora,vision,galore,audit,fast,language,ingest,sign,ray,eval,export,dev]'
	@touch $@
