# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two commands to begin with: `make site` and `make test`. Everything that is made lies below .build.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# Which system to work on; the embedded lab unless you say so: make site INVENTORY=inventory/ubuntu_pair
INVENTORY ?= inventory/lab
SCENARIO ?= ubuntu_pair
# More arguments for the program behind a target: make site ARGS='--check --diff'
ARGS ?=

GATES := tests/gates
PLAY := .build/venv/ansible/bin/ansible-playbook
TOOLS := .build/venv/tools/bin/python
RUN := $(TOOLS) $(GATES)/run.py

export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_INVENTORY := $(INVENTORY)
export LC_ALL := C.UTF-8
export PYTHONPYCACHEPREFIX := $(CURDIR)/.build/cache/python

##@ Begin here

.PHONY: help
help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nmake site INVENTORY=inventory/NAME works on another system; ARGS=... is handed on, as in\n'
	@printf "make site ARGS='--check --diff', make test ARGS='--only ruff mypy', make units ARGS='-k tree'\n"

.PHONY: site
site: ansible $(if $(filter inventory/lab inventory/bundles,$(INVENTORY)),lab-up) ## Make the pair: lab, cluster, fencing, virtual IP (again: no change)
	$(PLAY) playbooks/site.yml $(ARGS)

.PHONY: test
test: tools ## Run all gates; ends with "N passed, N failed"
	@$(RUN) $(ARGS)

##@ The system

.PHONY: status
status: ansible ## Show the cluster: nodes, resources, fencing, failures
	$(PLAY) playbooks/status.yml $(ARGS)

.PHONY: drift
drift: ansible ## Report what differs from the inventory, changing nothing
	$(PLAY) playbooks/drift.yml $(ARGS)

.PHONY: drill
drill: ansible ## Fence the standby node for real and measure (asks first)
	$(PLAY) playbooks/drill.yml $(ARGS)

##@ The lab

.PHONY: lab-up lab-down lab-reset lab-status
lab-up: ansible ## Start the lab's nodes, networks and BMCs on this machine
	$(PLAY) playbooks/lab.yml -e lab_state=up
lab-down: ansible ## Stop the lab and leave nothing behind but the cache
	$(PLAY) playbooks/lab.yml -e lab_state=down
lab-reset: ansible ## Start the lab anew, with empty disks
	$(PLAY) playbooks/lab.yml -e lab_state=reset
lab-status: ansible ## Show what of the lab is running
	$(PLAY) playbooks/lab.yml -e lab_state=status

##@ Parts of the tests

.PHONY: lint sanity units agent-tests contract integration bench molecule
units bench molecule: export PATH := $(CURDIR)/.build/venv/tools/bin:$(PATH):/usr/sbin:/sbin
lint: tools ## Static checks but ansible-test: ruff, mypy, ansible-lint, documentation, the archive ...
	@$(RUN) --only static --skip sanity $(ARGS)
sanity: tools ## ansible-test sanity
	@$(RUN) --only sanity $(ARGS)
units: tools ## Unit tests of the control side (pytest; the gates run them under ansible-test too)
	$(TOOLS) -m pytest tests/unit $(ARGS)
agent-tests: tools ## The agent's tests on the newest Python here, with Pacemaker's real tools
	$(GATES)/agent-tests newest tests/agent $(ARGS)
contract: tools ## The protocol's golden files, replayed by both sides
	@$(RUN) --only contract $(ARGS)
integration: tools ## Modules through Ansible on a CIB file, then real nodes in the lab
	@$(RUN) --only integration cluster $(ARGS)
bench: tools ## Measure against pcs and print the ratios
	$(TOOLS) -m pytest -s tests/bench $(ARGS)
molecule: tools ## One scenario, check before converge: make molecule SCENARIO=ubuntu_pair
	MOLECULE_GLOB='molecule/*/molecule.yml' molecule test -s $(SCENARIO) $(ARGS)

##@ To others

DOCS := .build/venv/docs/bin/python

.PHONY: docs execution-environment release
docs: link ## Build the documentation site, .build/docs/html
	@$(GATES)/bootstrap docs >/dev/null
	$(DOCS) $(GATES)/documentation.py
execution-environment: tools ## Make the build context of an image for AWX with this collection in it
	PATH=$(CURDIR)/.build/venv/tools/bin:$$PATH python $(GATES)/execution_environment.py --context-only
release: tools ansible ## Build the archive, its checksum and its bill of materials: .build/release
	@$(GATES)/bootstrap docs >/dev/null
	PATH=$(CURDIR)/.build/venv/tools/bin:$$PATH python $(GATES)/archive.py .build/release
	$(DOCS) $(GATES)/sbom.py .build/venv/ansible/bin/python .build/release

.PHONY: test-all
test-all: tools ## Everything of test and the slow tests, then the matrix: hours; writes docs/platforms.md
	@TANDEM_ALL=1 $(RUN)
	$(TOOLS) $(GATES)/matrix.py

##@ Housekeeping

.PHONY: pacemaker-tools
pacemaker-tools: ## Unpack Pacemaker's tools of bookworm, bullseye and trixie for offline tests
	$(GATES)/pacemaker-tools bookworm bullseye trixie

.PHONY: format
format: tools ## Let ruff mend what it can
	.build/venv/tools/bin/ruff check --fix . || true
	.build/venv/tools/bin/ruff format .

.PHONY: clean
clean: ## Remove everything below .build
	rm -rf .build

# Not for typing: the environments, and the link by which this checkout is tandem.ha.
.PHONY: ansible tools link
link:
	@$(GATES)/link-collection
ansible: link
	@$(GATES)/bootstrap $@ >/dev/null
tools: link
	@$(GATES)/bootstrap $@ >/dev/null
	@$(GATES)/awx-collection $(TOOLS)
