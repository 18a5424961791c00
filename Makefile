# The two commands are `make up` and `make test`; `make help` lists the others.
.DEFAULT_GOAL := help
.PHONY: help up setup install web build fmt check test bench-indexer bench-market bench-quoter

help: ## List what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: install web build ## Run the whole platform at http://localhost:8080; make up ARGS="--data-dir /var/lib/capstan"
	@exec cargo run --quiet --locked -- up $(ARGS)

setup: ## Install the system packages that are missing, as root
	@dev/setup

install: setup ## Install the pinned npm tools and compile the contracts
	@dev/install

web: setup ## Build the browser app into gateway/web/dist
	@dev/web

build: setup web ## Build the binary
	@cargo build --locked

fmt: install web ## Format everything
	@cargo fmt --all
	@dev/node_modules/.bin/buf format --write
	@npm --prefix gateway/web run --silent format

check: install web ## Formats, lints, contract, lock files
	@dev/setup --tests
	@dev/check

test: install web ## Everything: checks, unit, store, service and browser tests
	@dev/setup --tests
	@dev/test

bench-indexer: install ## Measure the indexer against the floor and a peer; dev/bench/README.md lists the options
	@dev/bench/run indexer

bench-market: install ## Measure the market: projection, reads, streams; dev/bench/README.md lists the options
	@dev/bench/run market

bench-quoter: install ## Measure the quoter: exact paths beside two peers, routes, splits; dev/bench/README.md lists the options
	@dev/bench/run quoter
