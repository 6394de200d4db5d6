# make run: the studio in the browser.  make serve: a run as a web service.  make test: every test.  make install: the environment alone.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
ADDRESS ?= 127.0.0.1
UV_VERSION := 0.13.8
# The CUDA build of the same TensorFlow where an NVIDIA GPU answers.
CUDA := $(shell nvidia-smi -L >/dev/null 2>&1 && echo yes)

.PHONY: run serve test install check format tables lock clean

run: $(VENV)/installed
	@$(BIN)/python -m ui.serve --address $(ADDRESS) --port $(PORT)

# A finished run as a web service on this machine: make serve RUN=<its id or folder>, then http://localhost:8600/docs
serve: $(VENV)/installed
	@$(BIN)/python -m exporters.service "$(RUN)" --port $(if $(filter 8501,$(PORT)),8600,$(PORT))

install: $(VENV)/installed

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check:
	.ci/run

format: $(VENV)/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/installed: requirements.txt constraints.txt Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Layerwise needs Python 3.11 or newer; set PYTHON=/path/to/python3.11."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@echo "Installing packages (about half a minute, 2.6 GB on disk) ..."
	@if [ -n "$(CUDA)" ]; then sed 's/^tensorflow==/tensorflow[and-cuda]==/' requirements.txt; else cat requirements.txt; fi > $(VENV)/requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt -r $(VENV)/requirements.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed pyproject.toml
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -c constraints.txt --group dev
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || $(MAKE) --no-print-directory browser
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || $(MAKE) --no-print-directory postgresql
	@touch $@

.PHONY: browser postgresql
browser:
	@echo "Installing Chromium for the browser tests ..."
	@{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qqy chromium; } >/dev/null 2>&1 \
	  || { echo "The browser tests need Chromium. Install the package 'chromium' and run make test again."; exit 1; }

# The server alone, for the tests to start in a folder of their own; no cluster of the machine's.
postgresql:
	@echo "Installing PostgreSQL for the tests of a shared catalogue ..."
	@{ mkdir -p /etc/postgresql-common/createcluster.d && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.d/none.conf \
	  && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends postgresql; } >/dev/null 2>&1 \
	  || { echo "The tests need PostgreSQL. Install the package 'postgresql' and run make test again."; exit 1; }

# Write the tables of the documents anew from the code and from the measured results.
tables: $(VENV)/installed-dev
	PYTHONPATH=. $(BIN)/cog -r README.md docs/*.md docs/families/*.md

# Pin anew what the pinned packages draw in (after a change of requirements.txt or of the dev group).
lock: $(VENV)/installed
	@{ echo "# Every package that requirements.txt and the tests draw in, pinned; 'make lock' writes it anew."; \
	  $(BIN)/uv pip compile --quiet requirements.txt --group dev --universal --python-version 3.11 --no-header \
	  --no-annotate --no-emit-index-url; } > $(VENV)/constraints.txt && mv $(VENV)/constraints.txt constraints.txt

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache
