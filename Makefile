# Everything is made in .venv/, target/ and dist/. What must be there before: Rust, Python >= 3.11 with pip, a C and C++ compiler, and
# on x86-64 nasm, which is installed where apt-get is and may.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
	$$p -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
BIN := .venv/bin
DENY = $(or $(shell command -v cargo-deny),target/tools/bin/cargo-deny)
SOURCES := $(shell find rust python Cargo.toml Cargo.lock pyproject.toml README.md LICENSE-* THIRD-PARTY-LICENSES.txt -type f -not -name '*.py[co]' -not -name '*.so')
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: test demo wheel lint deny docs bench bench-pixels bench-index fuzz-smoke everywhere nasm
.DEFAULT_GOAL := test

demo: .venv/installed ## index the files that pydicom ships, ask DuckDB, look at one image
	$(BIN)/python tools/demo.py

test: .venv/installed ## all tests, of Rust and of the built wheel
	cargo test --locked --workspace --exclude rapidicom-py --all-targets --quiet
	$(BIN)/pytest

wheel: .venv/installed ## dist/: the one wheel for CPython 3.11 and newer, installed in .venv
	@ls dist/*.whl

lint: .venv/ready ## form, types, floors, generated tables: what needs no build, then clippy
	cargo fmt --all --check
	$(BIN)/ruff check && $(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python tools/check_floors.py
	$(BIN)/python tools/dictionary/generate.py --check && $(BIN)/python tools/warning_codes.py --check
	$(BIN)/python tools/licences.py --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

deny: $(DENY) ## licences, bans, sources of every crate in the wheel
	$(DENY) --log-level error check licenses bans sources

docs: .venv/installed ## the Rust documentation, and every Python example of README and docs/guide
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps && cargo test --locked --workspace --exclude rapidicom-py --doc --quiet
	$(BIN)/python tools/run_readme.py
	$(BIN)/python -m mypy.stubtest rapidicom._rapidicom rapidicom._keywords --ignore-disjoint-bases --mypy-config-file pyproject.toml

bench: .venv/installed ## writes benches/RESULTS.md
	$(BIN)/pip install --quiet --requirement benches/requirements.txt && $(BIN)/python benches/run.py $(BENCH)

bench-pixels: .venv/installed ## writes the section Pixels of benches/RESULTS.md; BENCH=--quick: one round
	$(BIN)/pip install --quiet --requirement benches/requirements.txt && $(BIN)/python benches/pixels.py $(BENCH)

bench-index: .venv/installed ## writes the section Index of benches/RESULTS.md; BENCH=--quick: few files; BENCH="--rows build,again"
	$(BIN)/pip install --quiet --requirement benches/requirements.txt --requirement benches/requirements-index.txt && $(BIN)/python benches/index.py $(BENCH)

fuzz-smoke: .venv/ready ## each fuzz target, SECONDS (20) long
	fuzz/run $(or $(SECONDS),20)

everywhere: .venv/installed ## the wheel, tried on every CPython >= 3.11 of this machine
	$(BIN)/python tools/smoke_everywhere.py dist/*.whl

nasm: # the vector code of libjpeg-turbo is written for it
	@[ "$$(uname -m)" != x86_64 ] || command -v nasm >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends nasm >/dev/null; } || \
		{ echo "nasm is missing: install it (apt-get install nasm; dnf, brew: the same name)" >&2; exit 1; }

.venv/ready: pyproject.toml | nasm
	$(PYTHON) -m venv --clear --without-pip .venv && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip
	$(BIN)/pip install --quiet --group dev && touch $@

.venv/installed: .venv/ready $(SOURCES)
	rm -rf dist && $(BIN)/pip wheel --quiet --no-deps --wheel-dir dist . && $(BIN)/python tools/check_wheel.py dist/*.whl
	$(BIN)/pip install --quiet --force-reinstall --no-deps dist/*.whl && $(BIN)/pip install --quiet dist/*.whl && touch $@

target/tools/bin/cargo-deny:
	CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root target/tools cargo-deny@0.20.2
