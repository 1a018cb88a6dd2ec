PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# `make test TESTS="tests/unit -k retry"` runs a part.
# One process more than the usual two processors, because many tests wait for another process; whoever has no test left
# takes over half of another's.
TESTS ?= -n 3 --dist worksteal tests

.PHONY: setup dev demo test check bench proof lock

setup: $(VENV)/.run
dev: $(VENV)/.dev

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

demo: setup
	$(BIN)/wici demo $(if $(KAFKA),--kafka)

test: dev
	$(BIN)/pytest $(TESTS)

check: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/wici check recipes/pl
	$(BIN)/wici check recipes/en

bench: dev
	$(BIN)/python -m benchmarks

# The long form of crash tests, erasure and properties, whose short form is part of `make test`; the figures of the
# crash tests go to build/proof.json.
PROOFS := $(addprefix tests/acceptance/,test_crash_proof.py test_boundaries.py test_erasure_proof.py) tests/properties
proof: dev
	WICI_TEST_PROOF=long $(BIN)/pytest $(PROOFS)

lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra build pyproject.toml -o requirements/run.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --extra build --extra dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
