# make test does everything, its own set-up included. The other targets are its parts.

GO         ?= go
JS          = GOOS=js GOARCH=wasm
# What is built for browsers too. The rest has no network there.
JSPKGS      = ./core/... ./transport/ ./transport/faulty ./ws/ ./wasm/...
FUZZTIME   ?= 2s
# What else is built and vetted: other systems, and sizes and orders of numbers.
OTHERS      = windows/amd64 darwin/arm64 freebsd/amd64 linux/386 linux/arm linux/s390x

.PHONY: test setup fmt vet others lint unit js size fuzz bench-once bench-test web soak walls bench bench-peers clean

test: setup fmt vet others lint unit js size fuzz bench-once bench-test web
	@echo "make test: all passed"

# What the tests need beside Go and Node: a browser, and npm packages, those of web and of the benchmark.
setup:
	@.ci/setup

fmt:
	@echo "== format"
	@out=$$(gofmt -l .); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	@$(GO) mod tidy -diff
	@.ci/deps

vet:
	@echo "== vet"
	$(GO) vet ./...
	$(GO) vet -tags=purego ./...
	$(GO) vet -tags=lockorder ./core/...
	$(GO) vet ./.ci/walls
	$(JS) $(GO) vet $(JSPKGS)

# Where nobody runs the tests, all is built and vetted. A machine for amd64 runs those of core for 386.
others:
	@echo "== other systems"
	@set -e; for on in $(OTHERS); do \
		echo "$$on"; \
		export CGO_ENABLED=0 GOOS=$${on%/*} GOARCH=$${on#*/}; \
		$(GO) build ./...; $(GO) vet ./...; \
	done
	@if [ "$$($(GO) env GOHOSTOS)/$$($(GO) env GOHOSTARCH)" = linux/amd64 ]; then \
		echo "tests of core for linux/386"; CGO_ENABLED=0 GOARCH=386 $(GO) test -timeout 20m -skip '^(TestAttacks|TestHooksMayWait)$$' ./core/...; \
	fi

lint:
	@echo "== lint"
	.cache/bin/staticcheck ./...
	$(JS) .cache/bin/staticcheck $(JSPKGS)

unit:
	@echo "== tests, with the race detector; and what has assembly, with and without it"
	HISOCK_ALL_PROXIES=$(shell command -v apt-get) $(GO) test -race -tags=lockorder -timeout 20m ./...
	$(GO) test -run='Mask|Prefetch|Pack|Model' ./core/internal/outbox ./ws
	$(GO) test -tags=purego -run='Mask|Prefetch|Pack|Model' ./core/internal/outbox ./ws

# The native ./... skips what exists only for the browser.
js:
	@echo "== tests of the browser build"
	$(JS) $(GO) test -timeout 5m -exec="$$($(GO) env GOROOT)/lib/wasm/go_js_wasm_exec" $(JSPKGS)

# Uncached: what it measures is compiled by the test itself.
size:
	@echo "== size of the browser build"
	$(GO) test -count=1 -run=WasmFits -v ./web

fuzz:
	@echo "== fuzzing, $(FUZZTIME) each"
	@GO=$(GO) .ci/fuzz $(FUZZTIME)

bench-once:
	@echo "== benchmarks, once"
	$(GO) test -run='^$$' -bench=. -benchtime=1x ./...

# examples/bench is a module of its own, which ./... leaves out.
bench-test:
	@echo "== the benchmark beside other libraries: that all of them do their work"
	cd examples/bench && $(GO) mod tidy -diff && $(GO) vet ./... && $(GO) test -timeout 5m ./...

web:
	@echo "== types, and tests in a real browser"
	cd web && npm test

# What takes long, in some fifteen minutes, and everything three times over; not part of make test.
# What each soak test has done stands behind "soak:" and in the lines of the model.
soak:
	HISOCK_SOAK=1 $(GO) test -p 1 -timeout 15m -v -run 'TestModel|TestReconnectsUnderLoad|TestOneStopsReading|TestKilled|TestManyIdle|TestManyComeAndGo|TestAttacks|TestAgeOverSlowPath' ./core/...
	$(GO) test -run='^$$' -fuzz='^FuzzResume$$' -fuzztime=4m -fuzzminimizetime=100x ./core
	$(GO) test -run='^$$' -fuzz='^FuzzResumeClient$$' -fuzztime=4m -fuzzminimizetime=100x ./core
	CGO_ENABLED=0 GOARCH=386 $(GO) test -timeout 20m ./core/...
	$(GO) test -race -tags=lockorder -timeout 40m -count=3 ./...

# How well the packages at and below core are walled off; CHECKOUT=FOLDER measures another checkout.
walls:
	@$(GO) run ./.ci/walls $(CHECKOUT)

# Compares with the last tag, or with BASE; see .ci/bench for what else can be chosen.
bench:
	@GO=$(GO) .ci/bench

# Runs this library beside others and a server written by hand, in some 35 minutes, and writes
# docs/benchmarks.md. Nothing else should run meanwhile.
bench-peers:
	cd examples/bench && $(GO) run .

clean:
	rm -rf web/node_modules examples/bench/node/node_modules .cache
