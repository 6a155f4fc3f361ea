# The doors of the project. Each installs what is missing, builds what changed, and then does what
# its name says; scripts/setup.sh does the installing and remembers what it has done in .stamps/.
#
#   make serve ARGS="--port 7000 --appendfsync always"

ARGS ?=
KINDS ?=

.DEFAULT_GOAL := build
.PHONY: build serve test check bench soak compat docs clean

build:
	@bash scripts/setup.sh build

serve: build
	@exec node bin/kept-server --port 6379 --dir ./kept-data $(ARGS)

test:
	@bash scripts/setup.sh test
	@exec node --enable-source-maps build/scripts/test.js $(KINDS)

check: build
	@npm run --silent check

bench:
	@bash scripts/setup.sh test
	@exec node --enable-source-maps build/scripts/bench.js $(ARGS)

# The simulation with seeds by chance, until Ctrl-C.
soak: build
	@exec node --enable-source-maps build/test/simulation/main.js --soak $(ARGS)

# Redis's own Tcl suite against Kept; ARGS="--only zset", ARGS="--server redis", ARGS=--write.
compat:
	@bash scripts/setup.sh test
	@KEPT_REDIS_SUITE="$$(bash scripts/compat/suite.sh)" && export KEPT_REDIS_SUITE && \
	  exec node --enable-source-maps build/scripts/compat.js $(ARGS)

docs: build
	@npm run --silent docs

clean:
	rm -rf build .stamps node_modules packages/*/build packages/*/dist packages/*/node_modules
