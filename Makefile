# `make try` shows what this is for. `make test` and `make check` say whether it is right.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
ARGS ?=
AGENTS ?= $(notdir $(patsubst %/package-lock.json,%,$(wildcard tests/real_agents/*/package-lock.json)))
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help try test test-editors check bench test-faults test-agents agents vsix vscode plain-editors test-vscode generate format pins install

help:
	@echo 'make try          watch an agent work in a lane of its own (ARGS="--repo DIR --profile NAME --yes")'
	@echo 'make test         the tests, in Neovim and VS Code too (ARGS="-k name" for some)'
	@echo 'make test-editors the tests in Neovim, VS Code, Helix and Emacs, with pictures in .cache/screenshots'
	@echo 'make check        format, lint, types, floors, generated files'
	@echo 'make bench        the benchmarks, each beside its peers'
	@echo 'make test-faults  kills, full disks and lost runners at every named point'
	@echo 'make agents       install the real agents that tests drive into .cache/agents (AGENTS=ci for some)'
	@echo 'make test-agents  the tests that drive real agents, all of them'
	@echo 'make vsix         the VS Code extension, packed as editors/vscode/dist/agentlanes.vsix'
	@echo 'make test-vscode  the extension in a real VS Code, with pictures in .cache/screenshots'
	@echo 'make generate     write what is generated from protocol/v1'
	@echo 'make format       format the code'
	@echo 'make pins         pin the newest versions that pyproject.toml allows'

try: $(INSTALLED)
	@PATH="$(CURDIR)/$(BIN):$$PATH" agentlanes try $(ARGS)

test: $(INSTALLED)
	@.ci/prerequisites tmux luacheck node compiler chromium
	@$(MAKE) --silent -j agents vscode plain-editors AGENTS=ci
	@$(BIN)/python -m pytest -n auto --dist worksteal -m 'not more_agents' $(ARGS)

test-editors: $(INSTALLED) vscode plain-editors
	@.ci/prerequisites tmux luacheck
	@$(BIN)/python -m pytest -n auto --dist worksteal -m 'not more_agents' tests/editors $(ARGS)

test-faults: $(INSTALLED)
	@AGENTLANES_FAULTS=all $(BIN)/python -m pytest -n auto --dist worksteal -m faults $(ARGS)

test-agents: $(INSTALLED) agents
	@$(BIN)/python -m pytest -n auto --dist worksteal -m real_agents $(ARGS)

agents: $(INSTALLED)
	@.ci/prerequisites node
	@for set in $(AGENTS); do PYTHONPATH=tests $(BIN)/python -m real_agents.install $$set >/dev/null || exit 1; done

bench: $(INSTALLED)
	@.ci/prerequisites node
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

check: $(INSTALLED)
	@$(BIN)/ruff format --check --quiet . || { echo 'run `make format`'; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/python protocol/generate.py --check
	@told=$$($(BIN)/lint-imports --no-logo) || { echo "$$told"; exit 1; }
	@$(BIN)/mypy server protocol tests

generate: $(INSTALLED)
	@$(BIN)/python protocol/generate.py

format: $(INSTALLED)
	@$(BIN)/ruff check --fix --quiet --exit-zero .
	@$(BIN)/ruff format --quiet .

install: $(INSTALLED)

$(INSTALLED): tests/requirements.txt pyproject.toml server/bin/agentlanes
	@.ci/prerequisites $(PYTHON) git
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo 'installing what tests/requirements.txt pins into $(VENV)'
	@$(BIN)/python -m pip install -qq --no-deps --require-hashes -r tests/requirements.txt
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

VSCODE := editors/vscode
$(VSCODE)/node_modules/.installed: $(VSCODE)/package-lock.json
	@.ci/prerequisites node
	@cd $(VSCODE) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

vsix: $(VSCODE)/node_modules/.installed
	@cd $(VSCODE) && npm run -s check && npm run -s build && npm run -s build-tests && npm run -s package >&2

# A real VS Code with the extension, for tests. One is installed while the other is packed.
vscode:
	@.ci/prerequisites node compiler chromium
	@tests/editors/vscode/install .cache/vscode & installs=$$!; $(MAKE) --silent vsix; packed=$$?; wait $$installs && exit $$packed

# Editors that know nothing of agentlanes, for tests.
plain-editors:
	@tests/editors/plain/install .cache/plain-editors

test-vscode: $(INSTALLED) vscode
	@$(BIN)/python -m pytest -m vscode tests/editors/vscode $(ARGS)

# Compiled with the oldest Python that is supported, because pins of a newer one may not be there for it.
pins:
	@.ci/prerequisites $(PYTHON)
	@$(PYTHON) -m venv .cache/pins
	@.cache/pins/bin/python -m pip install --quiet pip-tools
	@CUSTOM_COMPILE_COMMAND='make pins' .cache/pins/bin/pip-compile --quiet --upgrade --extra dev \
		--build-deps-for editable --generate-hashes --strip-extras --allow-unsafe \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--output-file tests/requirements.txt pyproject.toml
