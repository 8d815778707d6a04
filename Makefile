.DEFAULT_GOAL := help
BIN := .venv/bin
CLI := $(CURDIR)/$(BIN)/copilot-local
EXAMPLE := examples/nginx-sidecar
PYTEST := $(BIN)/pytest -q -n 5 --dist loadgroup --no-loadscope-reorder
PIP_COMPILE := pip-compile --quiet --generate-hashes --strip-extras --no-emit-find-links --no-emit-index-url
DENO := DENO_NO_UPDATE_CHECK=1 NO_COLOR=1 $(BIN)/deno
PAGE := $(wildcard emulator/console/static/*.js emulator/console/static/pages/*.js)
BARE := --no-header --no-annotate

# Commands under test start as a user's do: with their modules compiled once, not each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## Show this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.venv/.complete: requirements/dev.lock requirements/venv.sh pyproject.toml
	@requirements/venv.sh

.PHONY: venv
venv: .venv/.complete  ## Make .venv with the locked versions and the project in it
	@$(BIN)/python -m compileall -q emulator

.PHONY: setup
setup: venv  ## Make sure of everything: .venv, a Docker daemon, all images
	@$(BIN)/python -m emulator.setup --databases

.PHONY: up
up: venv  ## Set up, run examples/nginx-sidecar and ask it something
	@$(BIN)/python -m emulator.setup
	@cd $(EXAMPLE) && $(CLI) up -d --wait && $(CLI) ps
	@front=$$(docker ps -q --filter label=copilot-local.role=front --filter label=copilot-local.app=$(notdir $(EXAMPLE))); \
	  url=http://$$(docker port "$$front" | sed -n '1s/.*-> //p')/api/; \
	  $(BIN)/python -c 'import sys, httpx; answer = httpx.get(sys.argv[1]); \
	    print(f"\nGET {answer.url} → {answer.status_code}\n{answer.text}")' "$$url"
	@printf '%s\n' 'Next:' '  source $(BIN)/activate; cd $(EXAMPLE)' '  copilot-local logs -f' \
	  '  copilot-local logs --routed' '  copilot-local render taskdef --placeholders' 'and back here: make down'

.PHONY: down
down: venv  ## Remove what `make up` started
	@cd $(EXAMPLE) && $(CLI) down

.PHONY: test
test: setup  ## Run the whole suite, Docker tests included
	@$(BIN)/python -m emulator.setup --plugins
	@requirements/tools.sh
	@$(PYTEST) --ignore=tests/browser

.PHONY: test-unit
test-unit: venv  ## Run the tests that need no Docker, in seconds
	@$(PYTEST) -m "not docker" tests/unit

.PHONY: check
check: venv  ## Check format, lint and types, of the console's page too
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(DENO) fmt --quiet --check
	@$(DENO) lint --quiet
	@$(DENO) check --quiet $(PAGE)

.PHONY: format
format: venv  ## Format the code and mend what lint can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(DENO) fmt --quiet

.PHONY: test-browser
test-browser: setup  ## Try the console's pages in Chromium, over a recording and over two environments that run
	@requirements/browser.sh
	@PYTHONPATH=build/browser $(BIN)/pytest -q -n 2 --dist loadgroup -p no:cacheprovider --durations 5 tests/browser

.PHONY: pictures
pictures: venv  ## Take pictures of the console's pages, into build/pictures
	@requirements/browser.sh
	@PYTHONPATH=build/browser $(BIN)/python -m tests.browser.pictures

.PHONY: bench
bench: setup  ## Run the benchmarks
	@$(BIN)/python -m emulator.setup --benchmarks
	@requirements/browser.sh
	@PYTHONPATH=build/browser $(BIN)/python -m tests.bench

.PHONY: reference
reference: venv  ## Write the reference, made from the code, to build/reference.md, and the tables of two pages in docs/
	@mkdir -p build && $(CLI) reference > build/reference.md && echo build/reference.md
	@$(CLI) reference findings --into docs/reference/findings.md && echo docs/reference/findings.md
	@$(CLI) reference addons --into docs/how-to/addons.md && echo docs/how-to/addons.md

.PHONY: wheel
wheel: venv  ## Build the wheel in dist/
	@rm -rf dist && $(BIN)/python -m pip wheel -qq --disable-pip-version-check --no-deps --no-build-isolation \
	  --wheel-dir dist . && ls dist/*.whl

.PHONY: docs
docs: venv  ## Build the documentation's site in build/site; with Docker its pages have recorded output
	@requirements/docs.sh
	@$(BIN)/python -m website

.PHONY: audit
audit: venv  ## Look up known vulnerabilities of everything that is locked
	@test -x build/audit/bin/pip-audit || { $(BIN)/python -m venv build/audit \
	  && build/audit/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/audit.lock; }
	@for file in requirements/dev.lock requirements/docs.lock emulator/setup/recipes/*/requirements.txt; do echo "$$file"; \
	  build/audit/bin/pip-audit --requirement "$$file" --require-hashes --disable-pip --strict || exit 1; done

.PHONY: sbom
sbom: venv  ## Write what is locked as a bill of materials, CycloneDX 1.6, to build/sbom.json
	@mkdir -p build && $(BIN)/python requirements/sbom.py > build/sbom.json && echo build/sbom.json

.PHONY: lock
lock: venv  ## Choose new versions and write the locks: of the project, and of the images beside the Docker socket
	@$(BIN)/python -m venv build/lock
	@build/lock/bin/python -m pip install -qq --disable-pip-version-check "pip-tools>=7.5"
	@build/lock/bin/$(PIP_COMPILE) --extra dev --upgrade --output-file requirements/dev.lock pyproject.toml requirements/build.in
	@build/lock/bin/$(PIP_COMPILE) $(BARE) --upgrade --constraint requirements/dev.lock \
	  --output-file emulator/setup/recipes/agent/requirements.txt requirements/agent.in
	@build/lock/bin/$(PIP_COMPILE) $(BARE) --upgrade --constraint requirements/dev.lock \
	  --output-file requirements/browser.lock requirements/browser.in
	@build/lock/bin/$(PIP_COMPILE) $(BARE) --upgrade --constraint requirements/dev.lock \
	  --output-file requirements/docs.lock requirements/docs.in
	@build/lock/bin/$(PIP_COMPILE) $(BARE) --upgrade --output-file requirements/tools.lock requirements/tools.in
	@build/lock/bin/$(PIP_COMPILE) $(BARE) --allow-unsafe --upgrade --output-file requirements/airflow.lock requirements/airflow.in
	@build/lock/bin/$(PIP_COMPILE) $(BARE) --upgrade --allow-unsafe --output-file requirements/newcomer.lock requirements/newcomer.in
	@build/lock/bin/$(PIP_COMPILE) $(BARE) --upgrade --output-file emulator/setup/recipes/aws/requirements.txt requirements/aws.in

.PHONY: clean
clean:  ## Remove caches, .venv and the images that the set-up built
	@command -v docker > /dev/null && docker images --quiet --filter 'reference=copilot-local/*' \
	  | sort -u | xargs -r docker rmi --force > /dev/null || true
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +
