# Everything a person or a build server does here. `make` alone lists it.
# The environment is made once, in .venv, from requirements/lock.txt, and made
# anew only when that file or pyproject.toml changes.

# The first of these that is installed; where it is unsuitable, requirements/install.py looks on.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
ifeq ($(origin PYTHON), undefined)
PYTHON = $(firstword $(foreach name,$(PYTHONS),$(shell command -v $(name))) python3)
SEARCH := --search
endif
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
LOCK := requirements/lock.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | \
	  awk -F ':.*## ' '{ printf "  make %-24s %s\n", $$1, $$2 }'

.PHONY: install
install: $(READY)  ## Make .venv with every extra and the development tools, pinned

$(READY): $(LOCK) requirements/uv.txt requirements/install.py pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make: there is no command '$(PYTHON)'."; \
	  echo "Install Python 3.11 or newer (Debian: apt install python3 python3-venv), or name yours:"; \
	  echo "  make install PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) requirements/install.py $(VENV) $(SEARCH)

.PHONY: demo
demo: $(READY)  ## Draw photos, train on them, and show how good the model is (minutes)
	@$(BIN)/python examples/demo.py

.PHONY: test
# A process for each core: libraries that start a thread for each core as well would wait in turn.
test: $(READY)  ## Run the tests
	@OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 \
	  $(BIN)/python -m pytest --numprocesses auto --dist worksteal

.PHONY: test-browser
test-browser: $(READY)  ## Run the tests of the page, in the Chromium that is installed
	@$(BIN)/python -m pytest tests/browser

.PHONY: test-http
test-http: $(READY)  ## Send the HTTP service thousands of odd requests (minutes)
	@PAWSIGHT_HTTP_EXAMPLES=1000 $(BIN)/python -m pytest tests/web/test_contract.py

.PHONY: test-fit
test-fit: $(READY)  ## Train, evaluate, report and predict in an environment without TensorFlow, .venv-fit
	@$(PYTHON) -m venv --clear .venv-fit
	@$(BIN)/uv pip install --quiet --python .venv-fit/bin/python ".[fit]"
	@.venv-fit/bin/python tests/project/fit_program.py

.PHONY: test-sort
test-sort: $(READY)  ## Sort 100,000 photos, and take it back (many minutes)
	@PAWSIGHT_SORT_PHOTOS=100000 $(BIN)/python -m pytest tests/sorting/test_many_photos.py

.PHONY: test-drive
test-drive: $(READY)  ## Copy a folder of 100,000 files from a Google Drive on this machine (many minutes)
	@PAWSIGHT_DRIVE_FILES=100000 $(BIN)/python -m pytest tests/data/sources/drive -k large_folder

.PHONY: check
check: format-check lint types layers docs-check test  ## Everything that must pass before a commit

.PHONY: format
format: $(READY)  ## Bring the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: format-check
format-check: $(READY)
	@$(BIN)/ruff format --check .

.PHONY: lint
lint: $(READY)
	@$(BIN)/ruff check .

.PHONY: types
types: $(READY)
	@$(BIN)/mypy

.PHONY: layers
layers: $(READY)
	@$(BIN)/lint-imports

.PHONY: docs
docs: $(READY)  ## Write the generated pages and build the documentation into site/
	@$(BIN)/python docs/generate_commands.py
	@$(BIN)/python docs/generate_reference.py
	@$(BIN)/python docs/generate_report_schema.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The documentation is in site/index.html"

.PHONY: docs-check
docs-check: $(READY)
	@$(BIN)/python docs/generate_commands.py --check
	@$(BIN)/python docs/generate_reference.py --check
	@$(BIN)/python docs/generate_report_schema.py --check
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir $(VENV)/site

.PHONY: lock
# The extra "hub" stays out: it brings eighteen packages that only its own tests would use.
lock: $(READY)  ## Choose the newest versions anew and write requirements/lock.txt
	@$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --extra train --extra serve --extra export --extra drive --extra cloud --extra parquet --extra dev \
	  --override requirements/overrides.txt --no-emit-index-url --no-annotate --generate-hashes \
	  pyproject.toml requirements/cpu.in --output-file $(LOCK) --quiet
	@$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 \
	  --no-emit-index-url --no-annotate --generate-hashes \
	  requirements/uv.in --output-file requirements/uv.txt --quiet

.PHONY: audit-dependencies
audit-dependencies: $(READY)  ## Look the pinned packages up in the advisories on vulnerabilities
	@$(BIN)/python requirements/audit.py

.PHONY: licenses
licenses: $(READY)  ## Write requirements/licenses.md: the licence of every pinned package
	@$(BIN)/python requirements/licenses.py

.PHONY: mutation
mutation: $(READY)  ## How many of 100 random faults of the source the tests notice (hours)
	@$(BIN)/python benchmarks/mutation/run.py $(ARGS)

.PHONY: applications
applications: $(READY)  ## Train, save and export every network of keras.applications once (hours, 16 GB)
	@$(BIN)/python benchmarks/applications/run.py $(ARGS)

.PHONY: kill
kill: $(READY)  ## Kill every command before each change of a file, and cut the power after it (hours)
	@$(BIN)/python benchmarks/kill/run.py $(ARGS)

.PHONY: disk-faults
disk-faults: $(READY)  ## Fill the disk, or make it read-only, at each file that a command writes (hours)
	@$(BIN)/python benchmarks/kill/run.py --most 0 --faults 1000000 --files --random 0 --continue $(ARGS)

.PHONY: fuzz-files
fuzz-files: $(READY)  ## Open 50,000 damaged files of each kind: models, plans, tables, archives (hours)
	@$(BIN)/python benchmarks/fuzz_files/run.py $(ARGS)

.PHONY: soak
soak: $(READY)  ## Memory and open files of the service and of training over an hour: ARGS="--minutes 30"
	@$(BIN)/python benchmarks/soak/run.py $(ARGS)

.PHONY: benchmark-feed
benchmark-feed: $(READY)  ## How much of the network's speed the feed keeps (minutes)
	@$(BIN)/python benchmarks/feed/run.py $(ARGS)

.PHONY: benchmark-auto
benchmark-auto: $(READY)  ## What the default model gives, beside each single way: ARGS=photos/ (hours)
	@$(BIN)/python benchmarks/auto/run.py $(ARGS)

.PHONY: benchmark-few-photos
benchmark-few-photos: $(READY)  ## A linear head after 1 to 200 photos a class: ARGS="photos/ other/" (minutes)
	@$(BIN)/python benchmarks/few_photos/run.py $(ARGS)

.PHONY: benchmark-ingest
benchmark-ingest: $(READY)  ## How fast photos are read (minutes)
	@$(BIN)/python benchmarks/ingest/run.py $(ARGS)

.PHONY: benchmark-million-files
benchmark-million-files: $(READY)  ## A million photos: time and memory (a quarter of an hour)
	@$(BIN)/python benchmarks/million_files/run.py $(ARGS)

.PHONY: benchmark-fuzz-decode
benchmark-fuzz-decode: $(READY)  ## 100,000 damaged files: no crash, no hang (minutes)
	@$(BIN)/python benchmarks/fuzz_decode/run.py $(ARGS)

.PHONY: benchmark-audit
benchmark-audit: $(READY)  ## What an audit finds, on contact sheets to judge by eye
	@$(BIN)/python benchmarks/audit/run.py $(ARGS)

.PHONY: benchmark-predict
benchmark-predict: $(READY)  ## A folder and one photo, beside Keras: ARGS=photos/ (minutes)
	@$(BIN)/python benchmarks/predict/run.py $(ARGS)

.PHONY: benchmark-sort
benchmark-sort: $(READY)  ## Sorting a folder, beside predicting and cp: ARGS=photos.zip (minutes)
	@$(BIN)/python benchmarks/sort/run.py $(ARGS)

.PHONY: benchmark-serve
benchmark-serve: $(READY)  ## The HTTP service beside its model, at half, full and 5 times full load: ARGS=photos/ (minutes)
	@$(BIN)/python benchmarks/serve/run.py $(ARGS)

.PHONY: benchmark-export
benchmark-export: $(READY)  ## A run in every format, beside its model: ARGS="NAME RUN" (minutes)
	@$(BIN)/python benchmarks/export/run.py $(ARGS)

.PHONY: benchmark-compat
benchmark-compat: $(READY)  ## The old generator beside Keras' own: ARGS=photos/train (a minute)
	@$(BIN)/python benchmarks/compat/run.py $(ARGS)

.PHONY: benchmark-colab-script
benchmark-colab-script: $(READY)  ## The Colab script beside pawsight, same photos (an hour)
	@$(BIN)/python benchmarks/colab_script/run.py $(ARGS)

.PHONY: benchmark-none-of-these
benchmark-none-of-these: $(READY)  ## Photos of other things, found or taken for a class: ARGS="photos/ --foreign other/" (minutes)
	@$(BIN)/python benchmarks/none_of_these/run.py $(ARGS)

.PHONY: benchmark-max-error
benchmark-max-error: $(READY)  ## How often --max-error is exceeded in 200 draws: ARGS="photos/ other.zip" (minutes)
	@$(BIN)/python benchmarks/max_error/run.py $(ARGS)

.PHONY: benchmark-heat-maps
benchmark-heat-maps: $(READY)  ## Is the heat where the cue is, on drawn photos (minutes)
	@$(BIN)/python benchmarks/heat_maps/run.py $(ARGS)

.PHONY: benchmark-faults
benchmark-faults: $(READY)  ## Predict with several workers, and kill one or the command, 100 times (an hour)
	@$(BIN)/python benchmarks/faults/run.py $(ARGS)

.PHONY: benchmark-many-rows
benchmark-many-rows: $(READY)  ## Rows of shards listed, split and merged: time and memory (minutes)
	@$(BIN)/python benchmarks/many_rows/run.py $(ARGS)

.PHONY: benchmark-scale-out
benchmark-scale-out: $(READY)  ## Training and prediction with 1, 2 and 4 processes, and a model of 64 (minutes)
	@$(BIN)/python benchmarks/scale_out/run.py $(ARGS)

.PHONY: benchmark-doubts
benchmark-doubts: $(READY)  ## Labels changed on purpose, found: ARGS="photos/ --cleanlab PYTHON" (an hour)
	@$(BIN)/python benchmarks/doubts/run.py $(ARGS)

.PHONY: benchmark-transfer
benchmark-transfer: $(READY)  ## A last layer on frozen features: ARGS="photos/ --weights FILE" (minutes)
	@$(BIN)/python benchmarks/transfer/run.py $(ARGS)

.PHONY: benchmark-time-to-accuracy
benchmark-time-to-accuracy: $(READY)  ## Accuracy over time, beside two scripts (many hours)
	@$(BIN)/python benchmarks/time_to_accuracy/run.py $(ARGS)

.PHONY: benchmark-peers
benchmark-peers: $(READY)  ## pawsight, fastai, Ultralytics and Keras recipes in the same minutes: ARGS=photos.zip (an hour, 7 GB)
	@$(BIN)/python benchmarks/peers/run.py $(ARGS)

.PHONY: web-runtime
web-runtime: $(READY)  ## Fetch what runs a model in a browser; it lies in the repository already
	@$(BIN)/python requirements/web_runtime.py

.PHONY: builtin
builtin: $(READY)  ## Make the model that ships, and measure it: ARGS=cats-vs-dogs.zip (half an hour)
	@$(BIN)/python builtin/train.py $(ARGS)
	@$(BIN)/python builtin/out_of_distribution.py $(firstword $(ARGS))
	@$(BIN)/python builtin/score.py $(firstword $(ARGS))

.PHONY: clean
clean:  ## Remove what was built here; runs/ and the photos stay
	@rm -rf $(VENV) .venv-fit site dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find src tests docs examples -name __pycache__ -type d -prune -exec rm -rf {} +
