# Two commands: `make solve` shows a Sudoku being solved, `make test` runs every check.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: solve test test-cpus test-lowest test-wheel fuzz crash docs docs-check notebooks pictures clean

solve: $(VENV)/installed
	$(BIN)/trm-solve solve examples/sudoku/hard.txt

test: $(VENV)/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --durations=25 --cov --cov-report=term:skip-covered

# The tests that compare numbers, as other processors and thread counts would run them.
test-cpus: $(VENV)/installed-test
	$(BIN)/python tests/cpus.py

# The lowest versions that pyproject.toml allows (UV_TORCH_BACKEND=cpu: with PyTorch's CPU build).
test-lowest: $(VENV)/bin/python
	$(BIN)/pip install --quiet uv
	$(BIN)/uv venv --quiet --seed --allow-existing --python $(BIN)/python .venv-lowest
	$(BIN)/uv pip install --quiet --python .venv-lowest --resolution lowest-direct -e '.[test]'
	.venv-lowest/bin/pytest -n 2

# The wheel in an environment of its own, with whatever pip finds for it now.
test-wheel: $(VENV)/installed-test
	PIP_CONSTRAINT= TRM_WHEEL=fresh $(BIN)/pytest tests/test_packaging.py

# Every reader, given files that were changed at random; what is found is kept in fuzz-findings/.
MINUTES ?= 10
fuzz: $(VENV)/installed-test
	PYTHONPATH=. $(BIN)/python tests/fuzz.py --minutes $(MINUTES)

# Processes killed at random moments, and what they leave.
KILLS ?= 200
crash: $(VENV)/installed-test
	PYTHONPATH=. $(BIN)/python tests/crash.py --kills $(KILLS)

# Write the real help texts into docs/cli.md, and the docstrings into docs/python.md, where tests compare them.
docs: $(VENV)/installed-test
	$(BIN)/python tests/test_readme.py
	PYTHONPATH=. $(BIN)/python tests/python_page.py

# Run all that README and docs show, what takes minutes too (shortened).
docs-check: $(VENV)/installed-test
	TRM_DOCS=all $(BIN)/pytest tests/test_docs.py tests/test_notebooks.py

# Execute the notebooks of examples/ from top to bottom (minutes), and store what they show.
notebooks: $(VENV)/installed-test
	$(BIN)/python tests/notebooks.py

# Moving pictures of all kinds, opened in a headless browser (Chromium or the like); PNGs to look at are left in pictures/.
pictures: $(VENV)/installed-test
	PYTHONPATH=. $(BIN)/python tests/pictures.py

clean:
	rm -rf $(VENV) pictures .venv-lowest build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# PyTorch first: on Linux without an NVIDIA card its CPU build, which is gigabytes smaller, if pip can find one.
TORCH_CPU ?= https://download.pytorch.org/whl/cpu
$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@test "$$(uname)" != Linux || nvidia-smi -L >/dev/null 2>&1 || \
	  $(BIN)/pip install --quiet --no-deps --retries 1 --timeout 15 --index-url $(TORCH_CPU) torch 2>/dev/null || \
	  echo "PyTorch: no CPU build to be found; taking what pip finds, gigabytes with CUDA"
	$(BIN)/pip install --quiet -e '.[image,plot,fast]'
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/pip install --quiet -e '.[test]'
	touch $@
