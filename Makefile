# Two commands do everything on a fresh Debian or Ubuntu machine: `make review` and `make test`.

VENV    := .venv
PYTHON  := $(VENV)/bin/python
STAMP   := $(VENV)/.installed
NODE    := src/seatrial/clearinghouse/publish/node

# What the boxes and the gate need, and what the tests additionally look at.
RUN_PACKAGES  := python3-venv gcc libc6-dev make git iproute2 uidmap cppcheck flawfinder
TEST_PACKAGES := tshark postgresql

.PHONY: install review test lint system-run system-test clean

system-run:
	@scripts/system-packages $(RUN_PACKAGES)

system-test: system-run $(STAMP) $(NODE)/node_modules
	@scripts/system-packages $(TEST_PACKAGES)
	@scripts/browser $(VENV)

$(STAMP): requirements.lock pyproject.toml
	@scripts/system-packages $(RUN_PACKAGES)
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

install: $(STAMP)

# The second validators of what is published, by other hands than the first.
$(NODE)/node_modules: $(NODE)/package-lock.json $(STAMP)
	cd $(NODE) && PATH=$(CURDIR)/$(VENV)/bin:$$PATH npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

review: install system-run
	$(VENV)/bin/seatrial review --tier screen \
	  --participant reference --participant fuzzer --participant static --participant null

# Tests of the sandbox look at what the host has left over, and tests of the portal set Django up for its pages: each of
# them runs by itself; the others share the cores.
test: install system-test
	$(PYTHON) -m pytest --numprocesses auto --dist worksteal --ignore tests/sandbox --ignore tests/portal
	$(PYTHON) -m pytest --numprocesses auto --dist worksteal tests/portal
	$(PYTHON) -m pytest tests/sandbox

lint: install
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
