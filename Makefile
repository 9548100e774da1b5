# Each target makes what it needs: `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
export OMP_NUM_THREADS := 1

.PHONY: demo test test-book test-training book hub hubtest release format attacks faults graders bench clean

demo: $(INSTALLED)  ## build the book, release a1_rnn, grade a sample class, write feedback and report
	@$(BIN)/course demo

test: $(INSTALLED)  ## the tests, but those that run the whole book or train for minutes; style of the sources
	@$(BIN)/python -m autograder.machine || true
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/pytest -n 2 --dist loadgroup -m "not book and not training"

test-training: $(INSTALLED)  ## every known mistake and correct variant of the training loops
	$(BIN)/pytest -n 2 --dist loadgroup -m training

test-book: $(INSTALLED)  ## run every cell of the book, build it, look at each page in a browser
	$(BIN)/pytest -n 2 --dist loadgroup -m book

book: $(INSTALLED)  ## the book alone, warnings as errors
	@$(BIN)/course build

hub: $(INSTALLED)  ## a JupyterHub on this machine, for trying out
	@$(BIN)/python -m pip install --quiet --requirement deploy/requirements.txt
	@$(BIN)/python -m jupyterhub --config deploy/jupyterhub_config.py

hubtest: $(INSTALLED)  ## a term in the hub, in a real browser
	@$(BIN)/python -m pip install --quiet --requirement deploy/requirements.txt --requirement tests/deploy/requirements.txt
	$(BIN)/pytest tests/deploy

release: $(INSTALLED)  ## assignments/ anew from solutions/
	@for a in $$(ls solutions); do $(BIN)/course release $$a; done

bench: $(INSTALLED)  ## wall time per submission, stock nbgrader and ours in turns
	@$(BIN)/python -m tests.bench

faults: $(INSTALLED)  ## kill parts of grading runs at random moments; nothing may be lost
	@$(BIN)/python tests/faults.py

graders: $(INSTALLED)  ## every known mistake, correct variant and mutant against the probes
	@$(BIN)/python -m tests.graders --jobs 2

attacks: $(INSTALLED)  ## every hostile and broken submission, one line each
	@$(BIN)/python tests/attacks.py

format: $(INSTALLED)
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

clean:
	rm -rf $(VENV) build _build .pytest_cache .ruff_cache

# The file is touched last, so that an installation that was stopped is done again.
$(INSTALLED): requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) is missing. Install Python 3.11 with venv, or name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Making $(VENV) and installing the packages of requirements.txt (some minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --progress-bar on --requirement requirements.txt
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@
