# Every target sets up what it needs: python3 with venv, and make, are enough.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
OLDEST := .venv/telethon-1.40
# environments of programs that know nothing of telekeep, each with the release it is pinned to
RELEASES := $(addprefix .venv/releases/,telethon-1.26.1 telethon-1.36.0 telethon-1.39.0 telethon-1.42.0 kurigram-2.2.26)
# the tests that are run on the oldest Telethon too: what speaks with it, and a story of borrowing
OF_TELETHON := tests/upstream tests/login tests/emulator/test_stock_telethon.py tests/borrow/test_*.py \
	tests/gateway/test_borrowing.py tests/gateway/test_updates.py tests/gateway/test_traps.py tests/gateway/test_once.py \
	tests/gateway/test_channels.py tests/gateway/test_succession.py tests/stories/test_one_owner.py
# more than there are cores: half of the time tests wait for processes of their own
AT_ONCE := -n 4 --dist loadgroup
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test lint bench storm layers tables foreign fuzz peers venv clean

demo: $(STAMP)
	$(BIN)/telekeep demo

test: lint $(OLDEST) $(RELEASES)
	$(BIN)/python -m pytest -q $(AT_ONCE)
	PYTHONPATH=$(CURDIR)/$(OLDEST) $(BIN)/python -m pytest -q $(AT_ONCE) -m "not judge" $(OF_TELETHON)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(STAMP)
	$(BIN)/python -m bench

# other converters, each in an environment of its own, for the figures of bench/formats.py; what the one says it needs for
# tdata is the older release of the other
peers: .venv/releases/tgconvertor-0.3.0 .venv/releases/opentele2-2.0.0
.venv/releases/tgconvertor-0.3.0: WITH := opentele2==1.5.0 telethon==1.45.0

# the fixtures of other libraries made anew, and what telekeep wrote read by GramJS and mtcute (where there is Node) and by
# other converters
foreign: $(STAMP) peers
	$(PYTHON) tests/session/fixtures/make.py
	$(BIN)/python tests/session/check_foreign.py

# a million inputs for each parser; goes on where it was stopped
FUZZ ?= .venv/fuzz
COUNT ?= 1000000
fuzz: $(STAMP)
	$(BIN)/python tests/session/fuzzing.py $(FUZZ) --count $(COUNT)

storm: $(STAMP)
	TELEKEEP_STORM=1 $(BIN)/python -m pytest -q -m storm --timeout 900

layers: $(RELEASES)
	TELEKEEP_LAYERS=1 $(BIN)/python -m pytest -q -n 2 --dist loadgroup -m layers

# the schemas of pinned releases, and the page that says how fully they are served
tables: $(STAMP)
	@mkdir -p .venv/schemas
	@for release in $$($(BIN)/python tools/tables.py); do test -d .venv/schemas/$$release || \
		$(BIN)/pip install -q --no-deps --no-compile --target .venv/schemas/$$release \
		$$(test -f tools/$$release.txt && echo -r tools/$$release.txt || echo telethon==$${release#telethon-}) || exit 1; done
	$(BIN)/python tools/tables.py .venv/schemas
	$(BIN)/python tools/releases.py >docs/releases.md

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up .venv: half a minute, once."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/pip install -q -c constraints.txt -e '.[dev,keyring,fast]'
	@touch $@

$(OLDEST): tools/telethon-1.40.0.txt $(STAMP)
	@rm -rf $@
	@$(BIN)/pip install -q --no-deps --target $@ -r $<
	@touch $@

.venv/releases/%: $(STAMP)
	@rm -rf $@
	@$(PYTHON) -m venv --without-pip $@
	@grep -vi '^telethon=' constraints.txt >$@/constraints.txt
	@$(BIN)/pip --python $@/bin/python install -q -c $@/constraints.txt '$(subst -,==,$*)' cryptg $(WITH)
	@touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
