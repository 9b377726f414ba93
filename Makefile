# make test sets up what it needs and runs all checks and tests. Most other targets are its parts.

GO         ?= go
JS          = GOOS=js GOARCH=wasm
# Tests are vetted by vet and others, with more checks than go test has.
TEST        = $(GO) test -vet=off
# The packages that are built for browsers too.
JSPKGS      = ./core/... ./transport/ ./transport/faulty ./ws/ ./wasm/...
# How many packages are tested at a time: one more than there are processors, since many tests wait.
BESIDE      = $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# How long each fuzz target runs, on one processor.
FUZZTIME   ?= 1s
# The other systems and processors for which everything is compiled, some of 32 bits or big endian. Tests are vetted for those of VETTED: the
# others have no test file that is not among the tests of these.
OTHERS      = windows/amd64 darwin/arm64 freebsd/amd64 linux/386 linux/arm linux/s390x
VETTED      = windows/amd64 darwin/arm64 linux/386

.PHONY: test setup fmt vet others lint unit js size fuzz bench-once waiting bench-test relay web soak walls bench bench-peers bench-web clean

test: setup fmt vet others lint unit js size fuzz bench-once waiting
	@echo "make test: all passed"

# Installs what the tests need besides Go and Node: a browser, proxies, staticcheck, and the npm packages of web and of
# the benchmark.
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
	$(GO) vet -tags=purego ./core/internal/outbox ./ws
	$(GO) vet -tags=lockorder ./core/internal/lock
	$(GO) vet ./.ci/walls
	$(JS) $(GO) vet $(JSPKGS)

# Compiles everything for systems on which the tests are not run, and links two programs that have all packages. On linux/amd64 it also runs the
# tests of core for 386.
others:
	@echo "== other systems"
	@set -e; for on in $(OTHERS); do \
		echo "$$on"; \
		export CGO_ENABLED=0 GOOS=$${on%/*} GOARCH=$${on#*/}; \
		$(GO) list -export ./... >/dev/null; $(GO) build -o /dev/null ./examples/chat ./examples/files; \
		case " $(VETTED) " in *" $$on "*) $(GO) vet ./...;; esac; \
	done
	@if [ "$$($(GO) env GOHOSTOS)/$$($(GO) env GOHOSTARCH)" = linux/amd64 ]; then \
		echo "tests of core for linux/386"; CGO_ENABLED=0 GOARCH=386 $(TEST) -timeout 20m -skip '^(TestAttacks|TestHooksMayWait)$$' ./core/...; \
	fi

lint:
	@echo "== lint"
	.cache/bin/staticcheck ./...
	$(JS) .cache/bin/staticcheck $(JSPKGS)

unit:
	@echo "== tests, with the race detector; and what has assembly, with and without it"
	HISOCK_ALL_PROXIES=$(shell command -v apt-get) $(TEST) -p $(BESIDE) -race -tags=lockorder -timeout 20m ./...
	$(TEST) -run='Mask|Prefetch|Pack|Model' ./core/internal/outbox ./ws
	$(TEST) -tags=purego -run='Mask|Prefetch|Pack|Model' ./core/internal/outbox ./ws

# Runs the tests that exist only for the browser, which the native ./... skips. Packages in core/e2e have no such tests.
js:
	@echo "== tests of the browser build"
	$(JS) $(TEST) -timeout 5m -exec="$$($(GO) env GOROOT)/lib/wasm/go_js_wasm_exec" $$($(GO) list $(JSPKGS) | grep -v /core/e2e/)

# Not cached, because the test compiles the program that it measures.
size:
	@echo "== size of the browser build, and of the npm package's entries"
	$(TEST) -count=1 -run=WasmFits -v ./web
	cd web && node build/sizes.mjs

fuzz:
	@echo "== fuzzing, $(FUZZTIME) each"
	@GO=$(GO) .ci/fuzz $(FUZZTIME)

bench-once:
	@echo "== benchmarks, once"
	$(TEST) -run='^$$' -bench=. -benchtime=1x ./...

# Runs side by side what waits for much of its time: for pages, for servers, and for leases to end.
waiting:
	@$(MAKE) -j3 web relay bench-test

# Tests examples/bench, which is a module of its own, so ./... leaves it out.
bench-test:
	@echo "== the benchmark beside other libraries: that all of them do their work"
	cd examples/bench && $(GO) mod tidy -diff && $(GO) vet ./... && $(TEST) -timeout 5m ./...

# Tests core/natsrelay, a module of its own too, with real nats-servers. Most of its tests wait for leases, so many run at once. Then it tests the
# chat with NATS, of a third module.
relay:
	@echo "== the relay over NATS, and the chat over it"
	cd core/natsrelay && $(GO) mod tidy -diff && $(GO) vet ./... && $(TEST) -race -parallel 8 -timeout 5m ./...
	cd examples/chat/nats && $(GO) mod tidy -diff && $(GO) vet ./... && $(TEST) -parallel 8 -timeout 5m ./...

web:
	@echo "== types, and tests in a real browser"
	cd web && npm test

# Runs the long tests, which takes some fifteen minutes, and then all tests three times; not part of make test.
# Each soak test says what it has done in a line with "soak:", and the model in lines of its own.
soak:
	HISOCK_SOAK=1 $(GO) test -p 1 -timeout 15m -v -run 'TestModel|TestReconnectsUnderLoad|TestOneStopsReading|TestKilled|TestManyIdle|TestManyComeAndGo|TestAttacks|TestAgeOverSlowPath|TestFlatMemory' ./core/...
	cd core/natsrelay && HISOCK_SOAK=1 $(GO) test -timeout 15m -v -run TestFaults ./e2e
	$(GO) test -run='^$$' -fuzz='^FuzzResume$$' -fuzztime=4m -fuzzminimizetime=100x ./core
	$(GO) test -run='^$$' -fuzz='^FuzzResumeClient$$' -fuzztime=4m -fuzzminimizetime=100x ./core
	CGO_ENABLED=0 GOARCH=386 $(GO) test -timeout 20m ./core/...
	cd web && node --test test/gigabyte.soak.mjs
	$(GO) test -race -tags=lockorder -timeout 40m -count=3 ./...

# Measures how well the packages at and below core are separated; CHECKOUT=FOLDER measures another checkout.
walls:
	@$(GO) run ./.ci/walls $(CHECKOUT)

# Compares the benchmarks with the last tag, or with the commit BASE. .ci/bench lists the other settings.
bench:
	@GO=$(GO) .ci/bench

# Measures this library beside others and a server written by hand, in some 35 minutes, and writes
# docs/benchmarks.md and docs/benchmarks-streams.md. No other program should run meanwhile.
bench-peers:
	cd examples/bench && $(GO) run .

# Measures the clients of a page beside others and beside clients written by hand, in Chromium, in some 7 minutes, and writes
# docs/benchmarks-web.md. No other program should run meanwhile.
bench-web:
	cd examples/bench && $(GO) run . web

clean:
	rm -rf web/node_modules web/test/package/node_modules web/dist examples/bench/node/node_modules examples/bench/web/node_modules .cache
