# Every way to build, test and run easgate. `make` alone prints the targets.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME ?= 20s

# One static binary: no C compiler is needed to build it, and none is used to test it.
export CGO_ENABLED = 0

CACHE   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/easgate
LINTER  := $(CACHE)/golangci-lint-$(shell awk '$$1 == "github.com/golangci/golangci-lint/v2" {print $$2}' tools/lint/go.mod)/golangci-lint

BUNDLE  := internal/query/sandbox/bundle/jsonpath.js

.DEFAULT_GOAL := help
.PHONY: help run build test test-unit lint bench flood fuzz fmt js setup

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

run: build ## build, then run a demo: gateway, application, a provider to log in at; keys and tokens under ./.easgate
	bin/easgate demo

build: $(if $(shell command -v npm),$(BUNDLE),no-npm) ## build bin/easgate, a static binary, with the JavaScript query engines where npm is installed
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/easgate ./cmd/easgate

test: setup js lint ## run everything: linters, unit tests, tests with real servers
	$(GO) test -tags integration -timeout 15m ./...

test-unit: ## run the tests that need Go alone
	$(GO) test ./...

lint: $(LINTER) ## run golangci-lint (built once per version, into ~/.cache/easgate)
	$(LINTER) run

$(LINTER):
	$(GO) build -C tools/lint -trimpath -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

bench: build ## measure the binary beside a bare echo handler, with wrk
	$(GO) run ./tools/bench

flood: build ## see what others notice while a stranger does its worst, for a minute
	$(GO) run ./tools/bench -only flood

fuzz: ## run each fuzz target for FUZZTIME (20s)
	@set -e; for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$pkg; \
		done; \
	done

fmt: $(LINTER) ## format the code
	$(LINTER) fmt

js: ## bundle the JavaScript query engines (npm), for the next build to embed
	tools/jsbundle/build.sh

$(BUNDLE): tools/jsbundle/package-lock.json tools/jsbundle/main.go
	tools/jsbundle/build.sh
	@touch $@

.PHONY: no-npm
no-npm:
	@echo "npm is not installed: of jp, jsonata and handlebars the binary knows what Go evaluates, and no more"

setup: ## install what the tests need beyond Go (apt; as root or through sudo)
	tools/setup/setup.sh
