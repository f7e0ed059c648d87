# VOS Lab: install, demo, app, tests. Everything lives in .venv; a second call finds it there.
PYTHON ?= python3
PORT ?= 8501
# Another build of torch than the pinned one, where the GPU's driver is too old for that (docs/install.md has the table):
#   make install TORCH=torch==2.13.0+cu126 TORCH_INDEX=https://download.pytorch.org/whl/cu126
# The choice is kept in torch.env, which may also be written by hand; TORCH=pinned takes it back.
TORCH_FILE := torch.env
kept = $(shell sed -n -E 's/^$(1)[ ]*=[ ]*//p' $(TORCH_FILE) 2>/dev/null)
ifeq ($(strip $(TORCH)),)
override TORCH := $(call kept,TORCH)
override TORCH_INDEX := $(or $(TORCH_INDEX),$(call kept,TORCH_INDEX))
else ifeq ($(TORCH),pinned)
TAKEN_BACK := $(wildcard $(TORCH_FILE))
override TORCH :=
override TORCH_INDEX :=
endif
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# Test files side by side, each file in one process.
BESIDE := -n logical --maxprocesses 4 --dist loadfile
# What kills processes, or measures, has the machine to itself.
ALONE := tests/benchmarks tests/execution tests/faults
# sam2 builds against the torch that is already there: in isolation it would download a second, CUDA one.
PIP_INSTALL := SAM2_BUILD_CUDA=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
REQUIREMENTS := $(VENV)/requirements.txt
CHOICE := $(strip $(TORCH) $(TORCH_INDEX))
INSTALLED := $(strip $(shell cat $(VENV)/.torch 2>/dev/null))

.PHONY: help install install-ray install-dev demo app test test-slow check audit format clean python torch doctor

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

python:
	@command -v $(PYTHON) >/dev/null || { echo "VOS Lab needs Python 3.11 or newer, and there is no $(PYTHON): install it, or call make PYTHON=python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "VOS Lab needs Python 3.11 or newer, and $(PYTHON) is %d.%d: install one and call make PYTHON=python3.11 ... (with conda: conda create -n voslab python=3.12, conda activate voslab)" % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "VOS Lab needs the venv module of $(PYTHON): apt-get install python3-venv" >&2; exit 1; }

torch:
	@case "$(TORCH)" in \
	torch==[01].*|torch==2.[0-4]|torch==2.[0-4][.+]*|torch==2.5|torch==2.5+*|torch==2.5.0*) echo "TORCH=$(TORCH) is too old: sam2 needs torch 2.5.1 or newer." >&2; exit 1;; \
	""|torch==[0-9]*.[0-9]*) ;; \
	*) echo "TORCH=$(TORCH) is no build of torch: give one such as TORCH=torch==2.13.0+cu126, or TORCH=pinned for that of requirements.txt (docs/install.md says which fits your driver)." >&2; exit 1;; esac
	@case "$(TORCH_INDEX)" in ""|http://*|https://*|file://*) ;; \
	*) echo "TORCH_INDEX=$(TORCH_INDEX) is no package index: give an address such as https://download.pytorch.org/whl/cu126." >&2; exit 1;; esac

# Another torch was chosen than was installed.
ifneq ($(CHOICE)$(TAKEN_BACK),$(INSTALLED))
.PHONY: $(VENV)/.installed
# pip takes torch 2.13.0+cu126 for torch 2.13.0, and would leave it.
FORGET := $(BIN)/python -m pip uninstall --quiet --yes torch torchvision 2>/dev/null
# One that is not to be had must not cost the environment that works.
SEEK = if [ -e $@ ]; then $(PIP_INSTALL) --dry-run --no-deps --ignore-installed $(or $(TORCH),$$(sed -n -E 's/^(torch==[^ ]+).*/\1/p' $(REQUIREMENTS))) >/dev/null \
	|| { echo "That torch cannot be had (see above); the environment is as it was." >&2; exit 1; }; fi
endif

$(VENV)/.installed: requirements.txt
	@test -x $(BIN)/python || $(MAKE) --no-print-directory python
	@$(MAKE) --no-print-directory torch
	@echo "installing into $(VENV) (the first time takes some minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@sed -E -e '' $(if $(TORCH),-e 's|^torch==[^ ]+|$(TORCH)|' -e 's|^torchvision==[^ ]+|torchvision|') requirements.txt > $(REQUIREMENTS)
	@$(SEEK)
	@rm -f $@ $(VENV)/.torch
	@$(FORGET)
	@$(PIP_INSTALL) $$(sed -n -E 's/^((setuptools|wheel|torch|torchvision|numpy|pillow)(==[^ ]+)?)( .*)?$$/\1/p' $(REQUIREMENTS))
	@$(PIP_INSTALL) -r $(REQUIREMENTS)
	@echo '$(CHOICE)' > $(VENV)/.torch
	@$(if $(CHOICE),printf '# The torch that make install takes (docs/install.md).\nTORCH = %s\nTORCH_INDEX = %s\n' '$(TORCH)' '$(TORCH_INDEX)' > $(TORCH_FILE),rm -f $(TORCH_FILE))
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

doctor:  ## what is wrong with this machine or this installation, and what to do (changes nothing)
	@if test -x $(BIN)/python; then exec $(BIN)/python -m vos_core doctor; else exec $(PYTHON) -m vos_core doctor; fi

demo: install  ## the main job on a machine with nothing on it: demo dataset, demo ablation, the app on port 8501
	@$(BIN)/python -m vos_core demo
	@$(MAKE) --no-print-directory app

app: install  ## the dashboard (PORT=8501)
	@exec $(BIN)/streamlit run app.py --server.port $(PORT)

test: install-dev  ## the fast tests
	$(PYTEST) -m "not slow" $(BESIDE)

test-slow: install-dev  ## kills, clusters, scale, long browser paths
	$(PYTEST) -m slow $(ALONE)
	$(PYTEST) -m slow $(BESIDE) $(ALONE:%=--ignore=%)

check: install-dev  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: install-dev  ## known holes in the installed packages (asks PyPI; those listed as skipped were not looked up)
	timeout 180 $(BIN)/pip-audit --local --progress-spinner off --timeout 10

format: install-dev  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove .venv and caches; data, outputs, checkpoints and state stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
