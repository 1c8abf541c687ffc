# make book: render the book.  make test: test everything.  Both install what they need.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
HTML := book/_build/html
# Colab's own version, or the nearest that is here
COLAB_PYTHON ?= $(shell for p in python3.13 python3.12 $(PYTHON); do \
  $$p -V >/dev/null 2>&1 && echo $$p && break; done)
# chapters and files of tests stay with one process, the longest begin: tests/conftest.py
SHARED := -n auto --dist loadscope --no-loadscope-reorder

.PHONY: book test quick gpu times odd check execute bench peers picture serve address clean

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1): make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

book: $(INSTALLED)  ## render the stored chapters, warnings are errors
	$(BIN)/jupyter-book build . --path-output book -W --keep-going -n -q
	@echo "The book: $(HTML)/index.html"

test: $(INSTALLED) book  ## unit tests, the chapters' outputs, and the rendered pages
	$(BIN)/python -m pytest -q --nbval tests book $(SHARED)

quick: $(INSTALLED)  ## what is tested in a minute, after each change
	$(BIN)/ruff check -q .
	$(BIN)/python -m pytest -q tests $(SHARED) -m quick

gpu:  ## the tests that need a GPU; in .venv, or with a python3 that has the requirements
	@python=$(BIN)/python; test -x $$python || python=$(PYTHON); \
	$$python -c "import pytest, sklearn, torch" || { \
	  echo "pip install -r requirements.txt, or make PYTHON=... gpu"; exit 1; }; \
	$$python -m pytest -q -rs -o addopts= -m gpu --durations=8 \
	  $$(grep -l mark.gpu tests/test_*.py)  # only what they import need be there

times: $(INSTALLED)  ## keep how long each test took in the last make test: tests/seconds.json
	$(BIN)/python tests/seconds.py

odd: $(INSTALLED)  ## odd and hostile input to every public function, counted by what came of it
	$(BIN)/python -W ignore -m tests.odd

check: $(INSTALLED)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

execute: $(INSTALLED)  ## run the chapters in place and store their outputs
	$(BIN)/python book/_ext/chapters.py execute $(CHAPTERS)
	$(BIN)/ruff format -q book

.PHONY: student
student: $(INSTALLED)  ## the chapters without solutions and outputs, for a class: build/student/
	$(BIN)/python book/_ext/student.py

.PHONY: figures colab
figures: $(INSTALLED)  ## every picture of the book on one page, light and dark: build/figures.html
	$(BIN)/python tools/figures

colab: .venv-colab/.installed  ## run the chapters with the versions of Colab (CHAPTERS="temperature" for some)
	@.venv-colab/bin/python -c 'import sys, torch; print("Python", *sys.version.split()[:1], "torch", torch.__version__)'
	.venv-colab/bin/python -m pytest -q --nbval -W default \
	  $(if $(CHAPTERS),$(CHAPTERS:%=book/%.ipynb),book)

.venv-colab/.installed: tools/colab.txt
	@test -n "$(COLAB_PYTHON)" || { echo "make COLAB_PYTHON=python3.13 colab"; exit 1; }
	$(COLAB_PYTHON) -m venv .venv-colab
	.venv-colab/bin/pip install --quiet --disable-pip-version-check -r tools/colab.txt
	@touch $@

bench: $(INSTALLED)  ## speed beside rivals; table in build/bench.json (PARTS="students distil_epoch" for some)
	$(BIN)/python -m bench $(PARTS)

peers: bench/peers.txt  ## the rivals of make bench, in an environment of their own
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check -r bench/peers.txt

.PHONY: job
job: bench/job.txt  ## torchdistill, for python -m bench.job beside make peers: 7 GB
	$(PYTHON) -m venv .venv-job
	.venv-job/bin/pip install --quiet --disable-pip-version-check -r bench/job.txt

.PHONY: libraries
libraries: bench/libraries.txt bench/libraries-alone.txt  ## for python -m bench.libraries: 7 GB
	$(PYTHON) -m venv .venv-libraries
	.venv-libraries/bin/pip install --quiet --disable-pip-version-check -r bench/libraries.txt
	.venv-libraries/bin/pip install --quiet --disable-pip-version-check --no-deps -r bench/libraries-alone.txt

picture: $(INSTALLED)  ## the picture in README.md, of the first page's figure
	$(BIN)/python tools/first-page-picture

serve: book  ## read the book at http://localhost:8000
	$(BIN)/python -m http.server 8000 --bind 127.0.0.1 --directory $(HTML)

address: $(INSTALLED)  ## make address URL=https://github.com/you/kdteach
	$(BIN)/python book/_ext/chapters.py address "$(URL)"

clean:
	rm -rf book/_build build
