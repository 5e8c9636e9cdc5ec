# make run    a full dashboard on demo data, http://127.0.0.1:8000
# make test   every test, in a real browser too
# make check  walls, types, style
# make audit  what every test claims, then the audit's verdict on the promises
# make attack  break each promise by a changed line, in copies, and see it caught
# make faults  kill houses, fill their disks and turn their clocks three times as often as the tests do
# make bench  measure what Turven costs, into bench/results.md (about a quarter of an hour)
# make school  measure what a school of 200 sees, into docs/school-of-200.md
# make screenshots  take docs/screenshots anew
# make lock   renew requirements/*.txt (needs uv)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --require-hashes -r
.DEFAULT_GOAL := help
.PHONY: help run serve test check lock audit attack faults bench school screenshots clean browser wrk lighthouse
export PYTHONDONTWRITEBYTECODE := 1

help:
	@sed -n 's/^# make /make /p' Makefile

run: $(VENV)/run.stamp
	@$(BIN)/python -m turven demo

serve: $(VENV)/run.stamp
	@$(BIN)/python -m turven serve

test: $(VENV)/test.stamp browser
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup

check: $(VENV)/check.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: $(VENV)/run.stamp
	@$(BIN)/python -m tests.evidence
	@$(BIN)/python -m turven audit --lang en

attack: $(VENV)/check.stamp $(VENV)/test.stamp browser
	$(BIN)/python -m tests.sabotage.run

faults: $(VENV)/test.stamp
	FAULTS=$${FAULTS:-3} $(BIN)/python -m pytest -q -n 2 tests/faults

bench: $(VENV)/run.stamp wrk lighthouse
	$(BIN)/python -m bench.run

school: $(VENV)/run.stamp
	$(BIN)/python -m bench.school_of_200

screenshots: $(VENV)/test.stamp browser
	$(BIN)/python -m bench.screenshots

lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements/run.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --group test pyproject.toml -o requirements/test.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --group test --group check pyproject.toml -o requirements/check.txt
	echo hatchling | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c requirements/test.txt - -o requirements/build.txt

$(VENV)/bin/python:
	@echo "Making a Python environment in $(VENV) …"
	@$(PYTHON) -c 'import sys; sys.exit("Turven needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements/run.txt | $(VENV)/bin/python
	@echo "Installing what Turven needs …"
	@$(PIP) requirements/run.txt
	@touch $@

$(VENV)/test.stamp: requirements/test.txt | $(VENV)/bin/python
	@echo "Installing what the tests need …"
	@$(PIP) requirements/test.txt
	@touch $@ $(VENV)/run.stamp

$(VENV)/check.stamp: requirements/check.txt | $(VENV)/bin/python
	@echo "Installing what the checks need …"
	@$(PIP) requirements/check.txt
	@touch $@ $(VENV)/test.stamp $(VENV)/run.stamp

# A real browser: Debian's, installed where apt is there and may be used.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || { command -v apt-get >/dev/null && echo "Installing Debian's chromium …" \
	       && $$( [ "$$(id -u)" = 0 ] || echo sudo ) sh -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium >/dev/null'; } \
	  || { echo "The browser tests need chromium; install it and call make test again."; exit 1; }

# What sends requests; without it the parts that need it say so.
wrk:
	@command -v wrk >/dev/null \
	  || { command -v apt-get >/dev/null && echo "Installing Debian's wrk …" \
	       && $$( [ "$$(id -u)" = 0 ] || echo sudo ) sh -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y wrk >/dev/null'; } \
	  || echo "wrk is not there; install it to measure over sockets."

# What judges the page; without it, or without npm, that part says so. The version stands in bench/lighthouse.py too.
lighthouse:
	@[ -e .tmp/lighthouse/node_modules ] || command -v lighthouse >/dev/null \
	  || { command -v npm >/dev/null && echo "Installing Lighthouse …" \
	       && npm install --silent --no-fund --no-audit --prefix .tmp/lighthouse lighthouse@12.8.2 >/dev/null; } \
	  || echo "Lighthouse is not there; npm installs it."

clean:
	rm -rf $(VENV) .tmp/lighthouse .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
