# Everything below .venv* is made here and can be thrown away with `make clean`.
PYTHON ?= $(shell .ci/find-python 3.11 3.12 3.13)
OLD_PYTHONS = 3.9 3.12
VENV = .venv
STAMP = $(VENV)/.stamp
NPM_STAMP = .npm/.stamp
OLD_STAMPS = $(OLD_PYTHONS:%=.venv-%/.stamp)
# Tests of what runs in the installer and needs nothing but the standard library and pykickstart: on the installer's Pythons too.
PURE_TESTS = tests/test_geometry.py tests/test_rules.py tests/test_layout.py tests/test_layout_properties.py tests/test_section.py tests/test_automatic.py tests/test_configuration.py \
  tests/test_hook_scripts.py tests/test_gate.py tests/test_presentation.py tests/test_imgbase.py tests/test_disks*.py tests/test_nics.py \
  tests/test_disk_known.py tests/test_disk_search.py

.PHONY: run test mutants lab lab-real lint bench goldens rpm clean

run: $(STAMP)   ## render the example site into out/
	$(VENV)/bin/ksgen examples/hosts.yaml -o out

test: $(STAMP) $(OLD_STAMPS) $(NPM_STAMP) lint   ## every test, on every Python
	$(VENV)/bin/python -m pytest -n auto
	set -e; for version in $(OLD_PYTHONS); do .venv-$$version/bin/python -m pytest -q -p no:cacheprovider -m "not anaconda" $(PURE_TESTS); done

mutants: $(STAMP)   ## do the tests of a module notice each change of it? MODULE=org_ovirt_node/gate.py; docs/testing.md
	@PYTHONPATH=tests $(VENV)/bin/python -m support.mutants '$(MODULE)' $(if $(TESTS),--tests '$(TESTS)') \
	  $(if $(LINES),--lines '$(LINES)') $(if $(FUNCTION),--function '$(FUNCTION)') $(if $(OPERATOR),--operator '$(OPERATOR)') \
	  $(if $(EVERY),--every $(EVERY)) $(if $(JOBS),--jobs $(JOBS)) $(if $(LIST),--list)

lab: $(STAMP)   ## real disks, firmware and imgbase, in QEMU; JOBS=2; one case and its console: make lab CASE=name CONSOLE=1
	.ci/system-packages --tests
	$(VENV)/bin/python -m pytest -m 'lab or not lab' tests/lab --durations=0 $(if $(JOBS),-n $(JOBS) --dist loadfile) $(if $(CASE),-k '$(CASE)') $(if $(CONSOLE),-s --console)

lab-real: $(STAMP)   ## install a real node: make lab-real BOOT_ISO=boot.iso IMAGE=node.squashfs.img
	@[ -z "$(BOOT_ISO)$(IMAGE)" ] || .ci/system-packages --tests
	@PYTHONPATH=tests $(VENV)/bin/python -m lab.real --boot-iso '$(BOOT_ISO)' --image '$(IMAGE)' \
	  $(if $(FIRMWARE),--firmware $(FIRMWARE)) $(if $(MEMORY),--memory $(MEMORY)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(KEEP),--keep '$(KEEP)')

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

bench: $(STAMP)   ## hosts per second, beside a script
	$(VENV)/bin/python benchmarks/hosts_per_second.py

rpm: $(STAMP)   ## the packages of the last commit, in dist/; needs rpmbuild (Debian: rpm)
	PYTHON=$(abspath $(VENV))/bin/python rpm/build dist

goldens: $(STAMP)   ## write the golden kickstarts anew; review them as a diff
	$(VENV)/bin/python -m pytest -q tests/test_goldens.py --write-goldens

$(STAMP): setup.cfg pyproject.toml .ci/system-packages
	.ci/system-packages
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -e '.[test]'
	touch $@

.venv-%/.stamp: setup.cfg .ci/find-python
	$$(.ci/find-python $*) -m venv .venv-$*
	.venv-$*/bin/pip install -q pytest hypothesis pykickstart
	touch $@

$(NPM_STAMP): .ci/system-packages
	.ci/system-packages --tests
	npm install --prefix .npm --no-audit --no-fund --silent yaml-language-server
	touch $@

clean:
	rm -rf .venv .venv-* .npm out build dist *.egg-info
