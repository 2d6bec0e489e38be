# Plain "make" lists the targets. Each is a line or two; what is longer is in ci/.
tool = GOWORK=off go tool -modfile=tools/go.mod

help:     ## list the targets
	@sed -n 's/^\([a-z-]*\): .*## /\1\t/p' Makefile | expand -t 12
ci:       ## all that must pass before a change lands
	bash ci/ci.sh
fmt:      ## format every Go file
	$(tool) gofumpt -w $$(git ls-files '*.go')
lint:     ## format, vet, fixes, tidiness, staticcheck, cross-compiled vet
	bash ci/lint.sh
lint-all: ## golangci-lint, which takes minutes to build
	GOWORK=off go tool -modfile=tools/lint/go.mod golangci-lint run ./...
test:     ## all tests
	go test work
race:     ## all tests under the race detector
	go test -race work
examples: ## run every example and compare its output
	bash ci/examples.sh
realtree: ## quartet fetch on thousands of files of a real nginx, with sha256sum
	bash ci/realtree.sh
fuzz:     ## each fuzz target for FUZZTIME (default 20s)
	bash ci/fuzz.sh
interop:  ## the HTTP client against servers and proxies of other projects
	bash ci/interop.sh
soak:     ## the storms and random drivers for QUARTET_SOAK (default 1h)
	QUARTET_SOAK=$${QUARTET_SOAK:-1h} go test -timeout 0 -run 'Storm|Random|Orphan' ./...
leak:     ## all tests with the runtime's profile of leaked goroutines
	GOEXPERIMENT=goroutineleakprofile go test work
cover:    ## coverage of the library's packages, in a browser
	go test -coverprofile=cover.out ./... && go tool cover -html=cover.out
bench:    ## measure beside the peers; ONLY=regexp picks rows
	bash bench/setup.sh && cd bench && go run ./compare -only '$(ONLY)'

.PHONY: help ci fmt lint lint-all test race examples realtree fuzz interop soak leak cover bench
