# Everything in .venv* and .npm* is generated and can be removed with `make clean`. The versions in it are locked in
# .ci/locked/, which `make lock` updates; if NEWEST is --newest, the newest versions are used.
PYTHON ?= $(shell .ci/find-python 3.11 3.12 3.13)
OLD_PYTHONS = 3.9 3.12
VENV = .venv
NPM = .npm
NEWEST =
STAMP = $(VENV)/.stamp
NPM_STAMP = $(NPM)/.stamp
OLD_STAMPS = $(OLD_PYTHONS:%=$(VENV)-%/.stamp)
export NPM_DIRECTORY = $(abspath $(NPM))
# Tests of code that runs in the installer with the standard library and pykickstart only: also run on the installer's Pythons.
PURE_TESTS = $(addprefix tests/layout/test_,geometry.py rules.py layout.py layout_of_hosts.py layout_properties.py configuration.py) \
  $(filter-out %/test_imgbase_source.py,$(wildcard tests/programs/test_*.py)) tests/section tests/gate tests/presentation tests/hook/test_hook_scripts.py
# Tests that depend on package versions. Without the comparisons with Ansible, whose results differ between versions.
LOWEST_TESTS = $(foreach name,yamlnodes inventory values host schema kickstart checks grammar goldens rendering cli explanation \
  image vault server store routes redfish,$(wildcard tests/*/test_$(name).py))

.DEFAULT_GOAL = run
.PHONY: help run environments test test-long test-newest test-lowest lock mutants lab lab-real board lint lint-style lint-types bench plots goldens traps man pictures rpm bundle bench-reports clean

help:   ## print this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(STAMP)   ## render the example site into out/
	$(VENV)/bin/ksgen examples/hosts.yaml -o out

environments: $(STAMP) $(OLD_STAMPS) .venv-lowest/.stamp $(NPM_STAMP)   ## set up all environments of the tests

test: $(STAMP) $(OLD_STAMPS) $(NPM_STAMP)   ## run all tests, on all supported Pythons
	$(MAKE) --jobs=2 --output-sync lint-types lint-style $(OLD_PYTHONS:%=pure-%)
	$(VENV)/bin/python -m pytest -n auto --dist worksteal --durations=15

pure-%: $(VENV)-%/.stamp
	$(VENV)-$*/bin/python -m pytest -q -p no:cacheprovider -m "not anaconda" $(PURE_TESTS)

test-long:   ## like test, with many more random inputs and interrupted runs
	LONG_TESTS=1 $(MAKE) test

test-newest:   ## like test, with the newest version of every package, in separate environments
	rm -rf .venv-newest* .npm-newest
	$(MAKE) test VENV=.venv-newest NPM=.npm-newest NEWEST=--newest

test-lowest: .venv-lowest/.stamp $(NPM_STAMP)   ## run a subset of the tests with the lowest versions that setup.cfg allows
	.venv-lowest/bin/python -m pytest -q -p no:cacheprovider -n auto --dist worksteal --durations=5 $(LOWEST_TESTS)

lock:   ## update the locked versions in .ci/locked/; review the diff
	.ci/lock

mutants: $(STAMP)   ## mutation testing of a module: MODULE=org_ovirt_node/gate.py; docs/testing.md
	@PYTHONPATH=tests/support $(VENV)/bin/python -m mutants '$(MODULE)' $(if $(TESTS),--tests '$(TESTS)') \
	  $(if $(LINES),--lines '$(LINES)') $(if $(FUNCTION),--function '$(FUNCTION)') $(if $(OPERATOR),--operator '$(OPERATOR)') \
	  $(if $(EVERY),--every $(EVERY)) $(if $(JOBS),--jobs $(JOBS)) $(if $(LIST),--list)

lab: $(STAMP)   ## run tests in QEMU: disks, firmware, imgbase; JOBS=2; one case with its console: CASE=name CONSOLE=1
	.ci/system-packages --tests
	$(VENV)/bin/python -m pytest -m 'lab or not lab' tests/lab --durations=0 $(if $(JOBS),-n $(JOBS) --dist $(if $(CASE),worksteal,loadfile)) $(if $(CASE),-k '$(CASE)') $(if $(CONSOLE),-s --console)

lab-real: $(STAMP)   ## install a real node: make lab-real BOOT_ISO=boot.iso IMAGE=node.squashfs.img
	@[ -z "$(BOOT_ISO)$(IMAGE)" ] || .ci/system-packages --tests
	@PYTHONPATH=tests:tests/support $(VENV)/bin/python -m lab.real --boot-iso '$(BOOT_ISO)' --image '$(IMAGE)' \
	  $(if $(FIRMWARE),--firmware $(FIRMWARE)) $(if $(MEMORY),--memory $(MEMORY)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(KEEP),--keep '$(KEEP)')

board: $(STAMP)   ## install a machine in QEMU, and follow it on the board at http://127.0.0.1:8440/
	.ci/system-packages --tests
	@PYTHONPATH=tests:tests/support $(VENV)/bin/python -m lab.board $(OPTIONS)

lint: lint-style lint-types   ## run ruff, its formatter, mypy and shellcheck

lint-style: $(STAMP)   ## the part of it without mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/python .ci/check_shell.py $(VENV)/bin/shellcheck

lint-types: $(STAMP)   ## mypy alone
	$(VENV)/bin/mypy
	MYPYPATH=tests/support:tests:docs $(VENV)/bin/mypy tests/support

bench: $(STAMP)   ## measure speed and memory against other ways; see docs/performance.md; OPTIONS=--quick
	$(VENV)/bin/python -m benchmarks $(OPTIONS)

bench-reports: $(STAMP)   ## measure `ksgen serve` with 1,000 machines that report
	$(VENV)/bin/python -m benchmarks.reports $(OPTIONS)

plots: $(STAMP)   ## measure everything in docs/performance.md and draw its plots, on an idle machine; OPTIONS='--cobbler DIR'
	$(VENV)/bin/python -m benchmarks --all --json docs/performance.json $(OPTIONS)
	$(VENV)/bin/python docs/plots.py
	$(VENV)/bin/python docs/generate.py

rpm: $(STAMP)   ## build RPM packages of the last commit in dist/; requires rpmbuild (Debian: rpm)
	PYTHON=$(abspath $(VENV))/bin/python rpm/build dist

man: $(STAMP)   ## update the manual page docs/ksgen.1 from the command
	$(VENV)/bin/python docs/manpage.py

pictures: $(STAMP)   ## update docs/pictures/; those of the graphical spoke require Anaconda's code
	$(VENV)/bin/python docs/pictures.py
	$(VENV)/bin/python -m pytest -q tests/browser --write-goldens
	$(VENV)/bin/python -m pytest -q tests/gui/test_spokes.py -k test_graphical --write-goldens

bundle: $(STAMP)   ## build an archive in dist/ that installs ksgen of the last commit without internet
	.ci/bundle $(abspath $(VENV))/bin/python dist

goldens: $(STAMP)   ## update the golden kickstarts; review the diff
	$(VENV)/bin/python -m pytest -q tests/kickstart/test_goldens.py --write-goldens

traps: $(STAMP)   ## update the messages in tests/data/*-traps.txt; review the diff
	$(VENV)/bin/python -m pytest -q --write-traps $(foreach name,host disk network values content_values inventory expressions,$(wildcard tests/*/test_$(name).py)) -k 'trap or refused_and'

$(STAMP): setup.cfg pyproject.toml .ci/system-packages .ci/environment $(wildcard .ci/locked/ksgen-*.txt)
	.ci/system-packages
	.ci/environment ksgen $(VENV) $(PYTHON) $(NEWEST)
	touch $@

.venv-lowest/.stamp: setup.cfg pyproject.toml .ci/system-packages .ci/environment .ci/locked/lowest-3.11.txt
	.ci/system-packages
	python=$$(.ci/find-python 3.11) && .ci/environment lowest .venv-lowest $$python
	touch $@

$(VENV)-%/.stamp: .ci/find-python .ci/environment .ci/locked/addon.in $(wildcard .ci/locked/addon-*.txt)
	python=$$(.ci/find-python $*) && .ci/environment addon $(VENV)-$* $$python $(NEWEST)
	touch $@

$(NPM_STAMP): .ci/system-packages $(wildcard .ci/locked/npm/*.json)
	.ci/system-packages --tests
	rm -rf $(NPM)
	mkdir $(NPM)
	cp .ci/locked/npm/package.json $(if $(NEWEST),,.ci/locked/npm/package-lock.json) $(NPM)
	npm $(if $(NEWEST),install,ci) --prefix $(NPM) --no-audit --no-fund --silent
	touch $@

clean:   ## remove all generated files
	rm -rf .venv .venv-* .npm .npm-* out build dist *.egg-info
