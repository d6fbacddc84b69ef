# Set-up, checks and the demo. Needs python3 (3.11+), git and make; installs the rest itself.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SUDO   := $(shell [ "$$(id -u)" -eq 0 ] || echo sudo)
RUNTIME_READY := $(VENV)/.runtime-ready
DEV_READY     := $(VENV)/.dev-ready
FHIR_READY    := $(VENV)/.fhir-server-ready

.PHONY: demo test hil-truth deb deb-test bench fuzz readme lint types architecture lock clean
.DELETE_ON_ERROR:

demo: $(RUNTIME_READY)
	$(BIN)/edge-agent demo $(DEMO)

test: $(DEV_READY) $(FHIR_READY) lint types architecture
	$(BIN)/pytest -n 2 --dist loadgroup

# The scenarios on a real kernel and bluetoothd, in an emulated PC: minutes, more the first time.
# HIL_TRUTH='--debian bookworm' takes another Debian; what follows -- goes to pytest.
hil-truth: $(DEV_READY)
	$(call emulator)
	$(BIN)/python -m tests.hil_truth $(HIL_TRUTH)

# The Debian package: make deb DEB='--release trixie --arch arm64' (wheels for that hub; no compiler).
deb: $(RUNTIME_READY)
	$(BIN)/python debian/deb.py $(DEB)

# The package in a Debian of its own: installed, upgraded and back with a backlog, purged. Minutes;
# needs root for the chroot. DEB_RELEASE=bookworm takes another Debian.
deb-test: $(DEV_READY)
	$(call emulator)
	DEB_TEST=1 $(BIN)/python -m pytest -p no:cacheprovider -s tests/deb

bench: $(DEV_READY)
	$(BIN)/python -m tests.bench

# A million damaged inputs for every wire format; `make test` runs a short share of it.
fuzz: $(DEV_READY)
	$(BIN)/python -m tests.fuzz

# The README's list of sensors.
readme: $(DEV_READY)
	$(BIN)/python -m tests.readme

lint: $(DEV_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV_READY)
	$(BIN)/mypy

architecture: $(DEV_READY)
	$(BIN)/lint-imports

# Wheels only, each checked against its hash; the project itself is linked in, not copied.
$(RUNTIME_READY): requirements.lock pyproject.toml
	$(call debian-packages)
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(DEV_READY): requirements-dev.lock $(RUNTIME_READY)
	$(call test-packages)
	npm ci --silent --prefix tests/dashboard/axe
	$(BIN)/pip install --quiet --require-hashes --only-binary :all: -r requirements-dev.lock
	touch $@

# The FHIR server that tests write to. Without node they skip it and say so.
$(FHIR_READY): tests/fhir_server/package-lock.json $(DEV_READY)
	@if command -v npm >/dev/null; then \
		npm ci --prefix tests/fhir_server --ignore-scripts --no-audit --no-fund --silent; \
	else \
		echo "npm is not installed: the tests against a FHIR server will be skipped"; \
	fi
	@touch $@

# dbus-daemon carries the mock Bluetooth adapter; Debian splits venv from python3.
define debian-packages
	@missing=""; \
	command -v dbus-daemon >/dev/null || missing="$$missing dbus-daemon"; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || missing="$$missing python3-venv"; \
	if [ -n "$$missing" ]; then \
		echo "installing Debian packages:$$missing"; \
		$(SUDO) apt-get update -qq && $(SUDO) apt-get install -qq -y --no-install-recommends $$missing; \
	fi
endef

# libfuse carries the file system that loses what was not synced, on which power cuts are tried;
# systemd judges its unit offline; the bedside page is looked at in a real browser, and whether it
# can be used by everybody is checked.
define test-packages
	@missing=""; \
	ldconfig -p | grep -q 'libfuse3\.so' || missing="$$missing fuse3"; \
	command -v systemd-analyze >/dev/null || missing="$$missing systemd"; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v chromedriver >/dev/null || missing="$$missing chromium-driver"; \
	command -v npm >/dev/null || missing="$$missing npm"; \
	if [ -n "$$missing" ]; then \
		echo "installing Debian packages:$$missing"; \
		$(SUDO) apt-get update -qq && $(SUDO) apt-get install -qq -y --no-install-recommends $$missing; \
	fi
endef

# What builds the emulated PC's disk, and runs it.
define emulator
	@missing=""; \
	command -v qemu-system-x86_64 >/dev/null || missing="$$missing qemu-system-x86"; \
	command -v mmdebstrap >/dev/null || missing="$$missing mmdebstrap uidmap"; \
	command -v genext2fs >/dev/null || missing="$$missing genext2fs"; \
	if [ -n "$$missing" ]; then \
		echo "installing Debian packages:$$missing"; \
		$(SUDO) apt-get update -qq && $(SUDO) apt-get install -qq -y --no-install-recommends $$missing; \
	fi
endef

# Both locks hold for every supported Python and for x86-64 and 64-bit ARM.
UV_COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock" pyproject.toml

lock:
	$(UV_COMPILE) --extra build --output-file requirements.lock
	$(UV_COMPILE) --extra dev --constraints requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) tests/fhir_server/node_modules dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
