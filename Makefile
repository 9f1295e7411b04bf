# Everything below .venv* and .npm* is made here and can be thrown away with `make clean`. The versions in it are locked in
# .ci/locked/, which `make lock` writes anew; where NEWEST is --newest, they are the newest that there are.
PYTHON ?= $(shell .ci/find-python 3.11 3.12 3.13)
OLD_PYTHONS = 3.9 3.12
VENV = .venv
NPM = .npm
NEWEST =
STAMP = $(VENV)/.stamp
NPM_STAMP = $(NPM)/.stamp
OLD_STAMPS = $(OLD_PYTHONS:%=$(VENV)-%/.stamp)
export NPM_DIRECTORY = $(abspath $(NPM))
# Tests of what runs in the installer and needs nothing but the standard library and pykickstart: on the installer's Pythons too.
PURE_TESTS = $(addprefix tests/layout/test_,geometry.py rules.py layout.py layout_properties.py automatic.py configuration.py) \
  $(wildcard tests/programs/test_*.py) tests/section tests/gate tests/presentation tests/hook/test_hook_scripts.py
# What depends on the versions of the packages, and takes a minute. Not the comparisons with Ansible: its newest answers differ.
LOWEST_TESTS = $(foreach name,yamlnodes inventory values host schema kickstart checks grammar goldens rendering cli explanation \
  image vault,$(wildcard tests/*/test_$(name).py))

.DEFAULT_GOAL = run
.PHONY: help run test test-long test-newest test-lowest lock mutants lab lab-real lint bench goldens traps man pictures rpm bundle clean

help:   ## print this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(STAMP)   ## render the example site into out/
	$(VENV)/bin/ksgen examples/hosts.yaml -o out

test: $(STAMP) $(OLD_STAMPS) $(NPM_STAMP) lint   ## every test, on every Python
	$(VENV)/bin/python -m pytest -n auto --durations=15
	set -e; for version in $(OLD_PYTHONS); do $(VENV)-$$version/bin/python -m pytest -q -p no:cacheprovider -m "not anaconda" $(PURE_TESTS); done

test-long:   ## the same, with many more random inputs and moments at which a run is killed
	LONG_TESTS=1 $(MAKE) test

test-newest:   ## the same as test, with the newest version of every package, in environments of its own
	rm -rf .venv-newest* .npm-newest
	$(MAKE) test VENV=.venv-newest NPM=.npm-newest NEWEST=--newest

test-lowest: .venv-lowest/.stamp $(NPM_STAMP)   ## a part of the tests, with the lowest version of every package that setup.cfg allows
	.venv-lowest/bin/python -m pytest -q -p no:cacheprovider -n auto --durations=5 $(LOWEST_TESTS)

lock:   ## write the locked versions in .ci/locked/ anew; review them as a diff
	.ci/lock

mutants: $(STAMP)   ## do the tests of a module notice each change of it? MODULE=org_ovirt_node/gate.py; docs/testing.md
	@PYTHONPATH=tests/support $(VENV)/bin/python -m mutants '$(MODULE)' $(if $(TESTS),--tests '$(TESTS)') \
	  $(if $(LINES),--lines '$(LINES)') $(if $(FUNCTION),--function '$(FUNCTION)') $(if $(OPERATOR),--operator '$(OPERATOR)') \
	  $(if $(EVERY),--every $(EVERY)) $(if $(JOBS),--jobs $(JOBS)) $(if $(LIST),--list)

lab: $(STAMP)   ## real disks, firmware and imgbase, in QEMU; JOBS=2; one case and its console: make lab CASE=name CONSOLE=1
	.ci/system-packages --tests
	$(VENV)/bin/python -m pytest -m 'lab or not lab' tests/lab --durations=0 $(if $(JOBS),-n $(JOBS) --dist loadfile) $(if $(CASE),-k '$(CASE)') $(if $(CONSOLE),-s --console)

lab-real: $(STAMP)   ## install a real node: make lab-real BOOT_ISO=boot.iso IMAGE=node.squashfs.img
	@[ -z "$(BOOT_ISO)$(IMAGE)" ] || .ci/system-packages --tests
	@PYTHONPATH=tests:tests/support $(VENV)/bin/python -m lab.real --boot-iso '$(BOOT_ISO)' --image '$(IMAGE)' \
	  $(if $(FIRMWARE),--firmware $(FIRMWARE)) $(if $(MEMORY),--memory $(MEMORY)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(KEEP),--keep '$(KEEP)')

lint: $(STAMP)   ## ruff, its formatter, mypy, and shellcheck on all shell
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	MYPYPATH=tests/support:tests:docs $(VENV)/bin/mypy tests/support
	$(VENV)/bin/python .ci/check_shell.py $(VENV)/bin/shellcheck

bench: $(STAMP)   ## hosts per second, beside a script
	$(VENV)/bin/python benchmarks/hosts_per_second.py

rpm: $(STAMP)   ## the packages of the last commit, in dist/; needs rpmbuild (Debian: rpm)
	PYTHON=$(abspath $(VENV))/bin/python rpm/build dist

man: $(STAMP)   ## write the manual page docs/ksgen.1 anew, from the command
	$(VENV)/bin/python docs/manpage.py

pictures: $(STAMP)   ## write docs/pictures/ anew; the graphical spoke where Anaconda's code is at hand
	$(VENV)/bin/python docs/pictures.py
	$(VENV)/bin/python -m pytest -q tests/gui/test_spokes.py -k test_picture_of_the_spoke --write-goldens

bundle: $(STAMP)   ## one archive that installs ksgen of the last commit without internet, in dist/
	.ci/bundle $(abspath $(VENV))/bin/python dist

goldens: $(STAMP)   ## write the golden kickstarts anew; review them as a diff
	$(VENV)/bin/python -m pytest -q tests/kickstart/test_goldens.py --write-goldens

traps: $(STAMP)   ## write the messages in tests/data/*-traps.txt anew; review them as a diff
	$(VENV)/bin/python -m pytest -q --write-traps $(foreach name,host disk network values inventory expressions,$(wildcard tests/*/test_$(name).py)) -k 'trap or refused_and'

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

clean:   ## remove everything that the other targets have made
	rm -rf .venv .venv-* .npm .npm-* out build dist *.egg-info
