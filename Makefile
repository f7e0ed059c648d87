# VOS Lab: install, demo, app, tests. Everything lives in .venv; a second call finds it there.
PYTHON ?= python3
PORT ?= 8501
# Another build of torch than the index's, where the GPU's driver is too old for that: make install
# TORCH=torch==2.13.0+cu126 TORCH_INDEX=https://download.pytorch.org/whl/cu126
TORCH ?=
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# sam2 builds against the torch that is already there: in isolation it would download a second, CUDA one.
PIP_INSTALL := SAM2_BUILD_CUDA=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
REQUIREMENTS := $(VENV)/requirements.txt

.PHONY: help install install-ray install-dev demo app test test-slow check format clean python

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

python:
	@command -v $(PYTHON) >/dev/null || { echo "VOS Lab needs Python 3.11 or newer, and there is no $(PYTHON): install it, or call make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "VOS Lab needs Python 3.11 or newer, and $(PYTHON) is %d.%d: install one and call make PYTHON=python3.11 ..." % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "VOS Lab needs the venv module of $(PYTHON): apt-get install python3-venv" >&2; exit 1; }

ifneq ($(TORCH),)
.PHONY: $(VENV)/.installed
endif

$(VENV)/.installed: requirements.txt
	@$(MAKE) --no-print-directory python
	@echo "installing into $(VENV) (the first time takes some minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@sed -E -e '' $(if $(TORCH),-e 's|^torch==[^ ]+|$(TORCH)|' -e 's|^torchvision==[^ ]+|torchvision|') requirements.txt > $(REQUIREMENTS)
	@$(PIP_INSTALL) $$(sed -n -E 's/^((setuptools|wheel|torch|numpy)==[^ ]+).*/\1/p' $(REQUIREMENTS))
	@$(PIP_INSTALL) -r $(REQUIREMENTS)
	@touch $@

$(VENV)/.installed-ray: $(VENV)/.installed requirements-ray.txt
	@$(PIP_INSTALL) -r requirements-ray.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt requirements-ray.txt
	@sed -e '/^-r requirements.txt/d' -e 's|^-r |-r $(CURDIR)/|' requirements-dev.txt > $(VENV)/requirements-dev.txt
	@$(PIP_INSTALL) -r $(VENV)/requirements-dev.txt
	@touch $@

install: $(VENV)/.installed  ## everything that the app needs, into .venv

install-ray: $(VENV)/.installed-ray  ## and what workers on several machines need (docs/ray.md)

install-dev: $(VENV)/.installed-dev  ## and what the tests need

demo: install  ## the main job on a machine with nothing on it: demo dataset, demo ablation, the app on port 8501
	@$(BIN)/python -m vos_core demo
	@$(MAKE) --no-print-directory app

app: install  ## the dashboard (PORT=8501)
	@exec $(BIN)/streamlit run app.py --server.port $(PORT)

test: install-dev  ## the fast tests
	$(PYTEST) -m "not slow"

test-slow: install-dev  ## kills, clusters, scale, long browser paths
	$(PYTEST) -m slow

check: install-dev  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install-dev  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove .venv and caches; data, outputs, checkpoints and state stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
